"""The forms of the values of [domain], as patterns, and the words for what they take."""

STAGE = "{stage}"
"""What stands for the stage's name."""
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9-]*[A-Za-z0-9])?"
_PART = r"([A-Za-z0-9_]|[{]stage[}])([A-Za-z0-9-]|[{]stage[}])*"

NAME = (
    rf"([*]\.)?({_PART}\.)+{_LABEL}",
    'names in ASCII, such as "www.shop.example", "{stage}.shop.example" or "*.shop.example"',
)
"""https://www.rfc-editor.org/rfc/rfc1123#section-2.1"""
FORMS = {
    "domain.certificate": (
        r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d*:certificate/\S+",
        'the ARN of a certificate, such as "arn:aws:acm:us-east-1:123456789012:certificate/1234abcd"',
    ),
    "domain.zone": (
        r"auto|none|Z[A-Z0-9]{1,31}",
        '"auto", "none", or the id of a hosted zone, such as "Z0123456789ABC"',
    ),
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mappings.html
    "domain.path": (
        r"/?[A-Za-z0-9$_.+!*'()-]+(/[A-Za-z0-9$_.+!*'()-]+)*/?",
        'the path before those of the app, such as "shop"',
    ),
    "domain.client_ca": (
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/\S+",
        'the place of certificates in S3, such as "s3://bucket/ca.pem"',
    ),
}
