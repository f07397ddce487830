"""[database]: a PostgreSQL that the function signs in to by IAM, and the variables that tell the app of it.

Rules:
- The host is AWS's own name: a token is made for that name, and for no other that leads there
  (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.Connecting.html).
  Region, and for DSQL the cluster, are read from it.
- The right is on one user of one database. RDS knows it by an id that no name tells, so that is a setting: a
  template is written without a call, and a wildcard would open every database of the account to that user.
- The app reads DATABASE_KIND, _HOST, _PORT, _USER, _NAME, _REGION and _CA. They are lambdify's: a project
  that sets one of them as well is refused, since one of the two values would have no effect.
- No password is needed on AWS, so none is taken; that of a database on this machine may stand in `local`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from lambdify.cli.errors import SettingsError
from lambdify.cli.settings.database import local

PORT = 5432
_REGION = r"(?P<region>[a-z]{2,4}(-[a-z]+)+-\d+)"
_HOSTS = {
    "dsql": re.compile(rf"(?P<name>[a-z0-9]+)\.dsql(-[a-z0-9]+)?\.{_REGION}\.on\.aws"),
    "rds": re.compile(
        r"(?P<name>[a-z0-9-]+)\.(endpoint\.)?(?P<of>[a-z0-9-]+)\."
        rf"({_REGION}\.rds\.amazonaws\.com|rds\.(?P<china>cn-[a-z]+-\d+)\.amazonaws\.com\.cn)"
    ),
}
"""AWS's names of hosts, by the service that they belong to."""
_EXAMPLES = {
    "aurora": "shop.cluster-abc123.eu-west-1.rds.amazonaws.com",
    "dsql": "abcdefghij0123456789abcdef.dsql.eu-west-1.on.aws",
    "rds": "shop.abc123.eu-west-1.rds.amazonaws.com",
}
_LOOK_UP = {
    "cluster": "describe-db-clusters --db-cluster-identifier {} --query 'DBClusters[0].DbClusterResourceId'",
    "db": "describe-db-instances --db-instance-identifier {} --query 'DBInstances[0].DbiResourceId'",
    "prx": "describe-db-proxies --db-proxy-name {} --query 'DBProxies[0].DBProxyArn'",
}
"""How the id is looked up, by what it begins with; the ARN of a proxy ends with it."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """[database]: a PostgreSQL that the function signs in to by IAM."""

    kind: Literal["", "aurora", "dsql", "rds"]
    """"" means that there is none."""
    host: str
    port: int
    user: str
    name: str
    resource: str
    """The id in the ARN of its users: "cluster-ABC", "db-ABC" or "prx-ABC"."""
    ca: str
    """Path of a file with certificates, relative to the project; "" means that the system's will do."""
    local: str
    """The URL of the database that takes its place on this machine."""


class Host(NamedTuple):
    """What the name of a host tells."""

    service: str
    """"dsql" or "rds"."""
    name: str
    """Its first part: the id of a DSQL cluster, else the name of the cluster, instance or proxy."""
    region: str
    resource: str
    """What the id of the resource begins with: "cluster", "db" or "prx"; "" for DSQL."""


def read_host(host: str) -> Host | None:
    """Return what a host's name tells; None if it is not one of AWS's."""
    for service, pattern in _HOSTS.items():
        if found := pattern.fullmatch(host):
            parts = found.groupdict()
            of = (parts.get("of") or "").partition("-")[0]
            resource = {"cluster": "cluster", "proxy": "prx"}.get(of, "db") if service == "rds" else ""
            return Host(service, parts["name"], parts["region"] or parts["china"], resource)
    return None


def require_host(database: Database) -> Host:
    """Return what the host's name tells, of settings that were checked. Raises SettingsError."""
    host = read_host(database.host)
    if host is None:
        raise _no_host(database)
    return host


def variables(database: Database) -> dict[str, str]:
    """Return the variables that tell the app of the database; {} without one."""
    if not database.kind:
        return {}
    return {
        "DATABASE_KIND": database.kind,
        "DATABASE_HOST": database.host,
        "DATABASE_PORT": str(database.port),
        "DATABASE_USER": database.user,
        "DATABASE_NAME": database.name,
        "DATABASE_REGION": require_host(database).region,
        **({"DATABASE_CA": database.ca} if database.ca else {}),
    }


def require_local(database: Database) -> None:
    """Raise SettingsError if there is a database on AWS, and none that takes its place on this machine."""
    if database.kind and not database.local:
        raise SettingsError(
            f"[database] {database.host} is on AWS, and nothing takes its place on this machine.",
            hint=f'Write local = "{local.EXAMPLE}" below [database], for a PostgreSQL that runs here.',
        )


def require_certificates(database: Database, root: Path) -> None:
    """Raise SettingsError if the file that `ca` names is not in the project, from which it is packed."""
    if database.kind and database.ca and not (root / database.ca).is_file():
        url = bundle_url(require_host(database).region)
        raise SettingsError(
            f'[database] ca = "{database.ca}" is not a file of the project.',
            hint=f"`curl --create-dirs -o {database.ca} {url}` fetches AWS's bundle.",
        )


def check(database: Database, *, in_network: bool, given: Mapping[str, Iterable[str]]) -> None:
    """Raise SettingsError for a database that cannot be reached, or signed in to, so.

    `in_network` is whether the function is in a VPC; `given` are the names of the project's own variables,
    by the table that sets them.
    """
    for error in _problems(database, in_network, given):
        raise error


def _problems(
    database: Database, in_network: bool, given: Mapping[str, Iterable[str]]
) -> Iterator[SettingsError]:
    if database.kind or database.local:
        yield from _own_variables(given)
    if database.local:
        yield from local.problems(database.local)
    if not database.kind:
        if database.host or database.user:
            yield SettingsError(
                "[database] has no kind.", hint='Set kind = "aurora", "dsql" or "rds", or leave the rest out.'
            )
        return
    yield from _host(database)
    if not database.user:
        yield SettingsError(
            "[database] does not say whom the function signs in as.",
            hint='Set user = "app"; docs/databases.md has the lines that make such a user.',
        )
    yield from _dsql(database) if database.kind == "dsql" else _rds(database, in_network)


def _own_variables(given: Mapping[str, Iterable[str]]) -> Iterator[SettingsError]:
    for table, variables_of_table in given.items():
        of_file = ", or of its file" if table == "environment" else ""
        if both := sorted({*variables_of_table} & {f"DATABASE_{end}" for end in local.ENDS}):
            yield SettingsError(
                f"[{table}] {both[0]}: that is a variable which [database] sets.",
                hint=f"Leave {' and '.join(both)} out of [{table}]{of_file}, or [database].",
            )


def _host(database: Database) -> Iterator[SettingsError]:
    """Yield what is wrong with the host; what may hold a password is not repeated."""
    host, kind = database.host, database.kind
    example = f'Write host = "{_EXAMPLES[kind]}".'
    if not host:
        yield SettingsError(f'[database] kind = "{kind}": there is no host.', hint=example)
    elif re.search(r"[/@?]", host):
        yield SettingsError(
            "[database] host is a URL, and takes the name of a host alone.",
            hint=f"{example} No password is needed: the function signs in with a token of its role.",
        )
    elif host.rpartition(":")[2].isdecimal():
        yield SettingsError(
            "[database] host has a port.",
            hint=f'Write host = "{host.rpartition(":")[0]}" and port = {host.rpartition(":")[2]}.',
        )
    elif (found := read_host(host)) is None:
        yield _no_host(database)
    elif (found.service == "dsql") != (kind == "dsql"):
        right = "dsql" if found.service == "dsql" else "aurora" if found.resource == "cluster" else "rds"
        yield SettingsError(
            f'[database] kind = "{kind}": {host} is not of that kind.', hint=f'Set kind = "{right}".'
        )
    elif kind == "aurora" and found.resource == "db":
        yield SettingsError(
            f"[database] {host} is an instance: of a cluster, it may be the writer today, and not tomorrow.",
            hint=f'Take the endpoint of the cluster, such as "{_EXAMPLES[kind]}"; '
            'or set kind = "rds" if it is no Aurora.',
        )


def _no_host(database: Database) -> SettingsError:
    return SettingsError(
        f'[database] host = "{database.host}" is not a host of that kind as AWS names it.',
        hint=f'It is like "{_EXAMPLES[database.kind]}". A token is good for AWS\'s own name alone, and not '
        "for a domain of yours that leads there. A database elsewhere has a password: "
        "`lambdify secrets set DATABASE_URL`.",
    )


def _dsql(database: Database) -> Iterator[SettingsError]:
    """https://docs.aws.amazon.com/aurora-dsql/latest/userguide/accessing.html"""
    fixed = {
        f"port = {database.port}": (database.port != PORT, f"Leave port out: it is {PORT}."),
        f'name = "{database.name}"': (database.name != "postgres", 'Leave name out: it is "postgres".'),
        "resource": (database.resource, "Leave it out: the id of the cluster stands in its host."),
    }
    for what, (stands, hint) in fixed.items():
        if stands:
            yield SettingsError(f"[database] {what}: a cluster of DSQL has no such choice.", hint=hint)


def _rds(database: Database, in_network: bool) -> Iterator[SettingsError]:
    host = require_host(database)
    if not database.resource:
        command = _LOOK_UP[host.resource].format(host.name)
        yield SettingsError(
            "[database] has no resource, the id that the right to sign in is about.",
            hint=f"`aws rds {command} --region {host.region} --output text` tells it{_of_proxy(host)}: "
            f'write resource = "{host.resource}-..." below [database].',
        )
    elif not database.resource.startswith(f"{host.resource}-"):
        yield SettingsError(
            f'[database] resource = "{database.resource}" is not of {database.host}.',
            hint=f'The id of that begins with "{host.resource}-".',
        )
    # Proxies have other certificates, and so may the gateway of a cluster without a VPC.
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy.howitworks.html#rds-proxy-security.tls
    private = in_network or database.kind == "rds"
    if not database.ca and private and host.resource != "prx":
        yield SettingsError(
            f"[database] has no ca: the certificate of {database.host} is of RDS's own authorities, which no "
            "system knows.",
            hint=f'`curl -O {bundle_url(host.region)}` fetches them: write ca = "global-bundle.pem" below '
            "[database].",
        )


def _of_proxy(host: Host) -> str:
    return ", at the end of the ARN" if host.resource == "prx" else ""


def bundle_url(region: str) -> str:
    """Return where AWS publishes the certificates of RDS's authorities.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
    """
    if region.startswith("cn-"):
        return "https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/global/global-bundle.pem"
    if region.startswith("us-gov-"):
        return "https://truststore.pki.us-gov-west-1.rds.amazonaws.com/global/global-bundle.pem"
    return "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
