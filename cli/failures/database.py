"""A database of [database] that does not let the function in, or that it does not trust. Pure.

What it says: PAM is how RDS asks IAM, and a user without the role rds_iam is asked for a password as ever
(https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.Troubleshooting.html).
DSQL has words of its own (https://docs.aws.amazon.com/aurora-dsql/latest/userguide/troubleshooting.html).
"""

import re

from lambdify.cli.failures.project import Project
from lambdify.cli.failures.raised import Raised
from lambdify.cli.failures.told import Told

KIND = "DATABASE_KIND"
"""A variable of every project with [database]."""
GUIDE = "docs/databases.md has the lines."
_TOKEN = re.compile(r'PAM authentication failed for user "(?P<user>[^"]*)"')
_PASSWORD = re.compile(r'password authentication failed for user "(?P<user>[^"]*)"|no password supplied')
_REFUSED = re.compile(r"unable to accept connection, access denied")
_CERTIFICATE = re.compile(r"certificate verify failed|root certificate file .* does not exist")


def explain(raised: Raised, project: Project) -> Told | None:
    """Return what is told of a database that was asked in vain; None if it is about something else."""
    if KIND not in project.given:
        return None
    if found := _TOKEN.search(raised.message):
        return Told(
            message=f"{raised.where} signs in to [database] as {found['user']}, and IAM does not let it in.",
            hint="The right is about [database] resource and user: resource has to be the id of that host. "
            "With [role] arn, that role needs rds-db:connect.",
        )
    if found := _PASSWORD.search(raised.message):
        return Told(
            message=f"{raised.where} signs in to [database], which wants a password of "
            f"{found['user'] or 'its user'}.",
            hint=f"An administrator runs GRANT rds_iam TO {found['user'] or 'that user'}. Django needs the "
            "ENGINE lambdify.adapter.django_postgresql, an engine of SQLAlchemy's sign_in. "
            f"{GUIDE}",
        )
    if _REFUSED.search(raised.message):
        return Told(
            message=f"{raised.where} signs in to [database], and the cluster does not let it in.",
            hint=f"An administrator ties the user to the function's role: AWS IAM GRANT. {GUIDE}",
        )
    if _CERTIFICATE.search(raised.message):
        return Told(
            message=f"{raised.where} does not know the authority of [database]'s certificate.",
            hint=project.write("database", 'ca = "global-bundle.pem"') + f". {GUIDE}",
        )
    return None
