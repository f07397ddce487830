"""The right to sign in to [database]: on one user of it, or on one cluster of DSQL.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html
https://docs.aws.amazon.com/aurora-dsql/latest/userguide/authentication-authorization.html
"""

from typing import Any

from lambdify.cli.settings import Settings
from lambdify.cli.settings.database import require_host

ADMIN = "admin"
"""The user of a DSQL cluster that has an action of its own."""


def statement(settings: Settings) -> dict[str, Any]:
    """Return the statement; the account is that of the stack, as IAM's tokens are good for no other."""
    database, host = settings.database, require_host(settings.database)
    if database.kind == "dsql":
        action = "dsql:DbConnectAdmin" if database.user == ADMIN else "dsql:DbConnect"
        service, target = "dsql", f"cluster/{host.name}"
    else:
        action = "rds-db:connect"
        service, target = "rds-db", f"dbuser:{database.resource}/{database.user}"
    arn = f"arn:${{AWS::Partition}}:{service}:{host.region}:${{AWS::AccountId}}:{target}"
    return {"Effect": "Allow", "Action": [action], "Resource": {"Fn::Sub": arn}}
