"""URLs of pages in the AWS console, which has a host of its own in each partition. Pure."""

from urllib.parse import quote

from lambdify.cli.aws import Account

HOSTS = {
    "aws": "{region}.console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
}
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html names the partitions."""


def function_page(name: str, account: Account) -> str:
    """Return the URL of the page of the function of that name."""
    host = HOSTS.get(account.partition, HOSTS["aws"]).format(region=account.region)
    return f"https://{host}/lambda/home?region={account.region}#/functions/{quote(name)}"
