"""Settings of stages with functions, tasks and what failed: every source, by ARN and by name."""

from functools import reduce
from operator import or_

ACCOUNT = "eu-central-1:123456789012"
ORDERS = f"arn:aws:sqs:{ACCOUNT}:orders"
TOPIC = f"arn:aws:sns:{ACCOUNT}:payments"
ELSEWHERE = "arn:aws:sns:us-east-1:123456789012:alerts"
TABLE = f"arn:aws:dynamodb:{ACCOUNT}:table/orders/stream/2026-11-28T00:00:00.000"
CLICKS = f"arn:aws:kinesis:{ACCOUNT}:stream/clicks"
POOL = f"arn:aws:cognito-idp:{ACCOUNT}:userpool/eu-central-1_0a1b2c3d4"
KEY = f"arn:aws:kms:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
HANDLER = "shop.work:run"


def calling(**sources):
    """A function that these sources call."""
    return {"functions": {"work": {"handler": HANDLER, **sources}}}


SCHEDULES = [
    {"cron": "0 6 * * 1-5", "timezone": "Europe/Berlin", "input": {"kind": "full"}},
    {"every": "1 minutes", "enabled": False},
    {"at": "2027-01-31T12:00:00"},
]
BY_ARN = {
    "schedule": SCHEDULES,
    "sqs": [
        {
            "queue": ORDERS,
            "batch": 100,
            "window": 2,
            "concurrency": 5,
            "filter": [{"body": {"kind": ["new"]}}],
            "kms_key": KEY,
        },
        {"queue": f"{ORDERS}.fifo", "enabled": False},
    ],
    "sns": [{"topic": TOPIC, "filter": {"kind": ["paid"]}}, {"topic": ELSEWHERE}],
    "s3": [
        {"bucket": "shop-uploads"},
        {"bucket": "shop-uploads", "events": ["Object Deleted"], "key": ["in/*.jpg", "*.png"]},
    ],
    "events": [
        {"pattern": {"source": ["shop.orders"]}},
        {"bus": "shop", "pattern": {"detail-type": ["order"], "detail": {"total": [{"numeric": [">", 10]}]}}},
    ],
    "dynamodb": [{"stream": TABLE}],
    "kinesis": [
        {
            "stream": CLICKS,
            "start": "oldest",
            "window": 5,
            "retries": 0,
            "bisect": False,
            "filter": [{"data": {}}],
        }
    ],
    "invokers": [
        {"service": "cognito-idp.amazonaws.com", "arn": POOL},
        {"service": "s3.amazonaws.com", "arn": "arn:aws:s3:::shop-uploads"},
    ],
}
BY_NAME = {
    "sqs": [{"queue": "Orders"}],
    "sns": [{"topic": "Paid"}],
    "s3": [{"bucket": "Uploads", "key": "in/*"}],
    "events": [{"bus": "Bus", "pattern": {"source": ["shop"]}}],
    "dynamodb": [{"stream": "Table"}],
    "kinesis": [{"stream": "Clicks"}],
    "invokers": [{"service": "cognito-idp.amazonaws.com", "arn": "Users"}],
}
DATA = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
RESOURCES = {
    "Orders": {
        "Type": "AWS::SQS::Queue",
        **DATA,
        "Properties": {"VisibilityTimeout": 180, "MessageRetentionPeriod": 86400},
    },
    "Paid": {"Type": "AWS::SNS::Topic"},
    "Uploads": {
        "Type": "AWS::S3::Bucket",
        **DATA,
        "Properties": {
            "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
        },
    },
    "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "shop"}},
    "Table": {
        "Type": "AWS::DynamoDB::Table",
        **DATA,
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        },
    },
    "Clicks": {
        "Type": "AWS::Kinesis::Stream",
        **DATA,
        "Properties": {"ShardCount": 1, "RetentionPeriodHours": 24},
    },
    "Users": {"Type": "AWS::Cognito::UserPool", **DATA},
}
OWN = {"memory": 1024, "timeout": 900, "storage": 1024, "reserved_concurrency": 2}
TASKS = {"tasks.workers": 10, "tasks.results": True}

BESIDE = {
    "functions-by-arn": calling(**BY_ARN),
    "functions-by-name": calling(**BY_NAME) | {"resources": RESOURCES},
    "functions-of-their-own": {
        "functions": {
            "nightly-report": {"handler": HANDLER, **OWN, **BY_ARN, "retries": 0, "max_age": "1 minute"},
            "send_mail": {"handler": HANDLER, "failed": "none"},
            "work": {"handler": HANDLER, "failed": "Paid", "kinesis": [{"stream": CLICKS}]},
            "other": {"handler": HANDLER, "failed": ORDERS, "timeout": 60},
        },
        "resources": {"Paid": RESOURCES["Paid"]},
        "failed.notify": [TOPIC, "Paid"],
        "warm.every": "off",
        "function.snapstart": True,
    },
    "tasks": {**TASKS, "tasks.memory": 2048, "failed.notify": [TOPIC]},
    "tasks-alone": {"tasks.workers": 2, "warm.every": "off", "http.endpoint": "none"},
}
"""Golden files, and all that cfn-lint looks at, with ONE_BY_ONE."""
ONE_BY_ONE = {
    **{f"{option} by ARN": calling(**{option: sources}) for option, sources in BY_ARN.items()},
    **{
        f"{option} by name": {**calling(**{option: sources}), "resources": RESOURCES}
        for option, sources in BY_NAME.items()
    },
}
AROUND = {
    "in a network": {
        "vpc.subnets": ["subnet-0a1b2c3d4e5f60718"],
        "vpc.security_groups": ["sg-0a1b2c3d4e5f60718"],
    },
    "with a role": {"role.arn": "arn:aws:iam::123456789012:role/shop"},
    "within a boundary": {"role.boundary": "arn:aws:iam::123456789012:policy/boundary"},
    "shifting": {"release.shift": "10% every 2 minutes"},
    "streaming": {"http.endpoint": "function-url", "http.streaming": True},
    "at rest": {"http.endpoint": "rest-api"},
    "with provisioned concurrency": {"function.provisioned_concurrency": 1},
    "encrypted": {"function.kms_key": KEY},
    "with a dead letter": {"function.dead_letter": ORDERS, "environment": {"MODE": "fast"}},
}
"""What a stage may be besides."""
EVERYTHING = BESIDE["functions-of-their-own"] | TASKS | {"warm.every": 5, "function.snapstart": False}
TOGETHER = [
    (
        "in a network",
        "within a boundary",
        "with provisioned concurrency",
        "encrypted",
        "with a dead letter",
        "at rest",
    ),
    ("with a role",),
    ("shifting", "streaming"),
]
"""Each of them once, with what may be beside it: test_matrix.py has them one by one, without functions."""
COMBINED = {
    **BESIDE,
    **ONE_BY_ONE,
    **{", ".join(names): reduce(or_, map(AROUND.get, names), EVERYTHING) for names in TOGETHER},
}
