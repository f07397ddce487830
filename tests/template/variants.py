"""Settings of a stage that cover what a template can be: every endpoint, every kind of function."""

ACCOUNT = "eu-central-1:123456789012"
WHO = f"arn:aws:lambda:{ACCOUNT}:function:who"
STATEMENT = {
    "actions": ["dynamodb:GetItem"],
    "resources": [f"arn:aws:dynamodb:{ACCOUNT}:table/orders"],
}
QUEUE = {
    "Type": "AWS::SQS::Queue",
    "DeletionPolicy": "Retain",
    "UpdateReplacePolicy": "Retain",
    "Properties": {"MessageRetentionPeriod": 86400},
}
LIMITS = {"http.rate": 100, "http.burst": 200, "http.access_logs": True}
AUTHORIZER = {"http.auth": "lambda", "http.authorizer.function": WHO}
TOKENS = {
    "http.auth": "jwt",
    "http.jwt.issuer": "https://who.example",
    "http.jwt.audience": ["shop"],
}
CORS = {
    "http.cors.origins": ["https://shop.example"],
    "http.cors.methods": ["GET", "POST"],
    "http.cors.headers": ["authorization"],
    "http.cors.expose": ["x-total"],
    "http.cors.credentials": True,
    "http.cors.max_age": 600,
}
ALB = {
    "http.alb.listener": (
        f"arn:aws:elasticloadbalancing:{ACCOUNT}:listener/app/web/50dc6c495c0c9188/f2f7dc8efc522ab2"
    )
}
NETWORK = {
    "vpc.subnets": ["subnet-0a1b2c3d4e5f60718"],
    "vpc.security_groups": ["sg-0a1b2c3d4e5f60718"],
}

ENDPOINTS = {
    "http-api": {},
    "http-api-tokens": {**TOKENS, **CORS, **LIMITS},
    "http-api-authorizer": {**AUTHORIZER, "http.authorizer.remember": 60},
    "http-api-signed": {"http.auth": "iam"},
    "function-url": {"http.endpoint": "function-url"},
    "function-url-signed": {
        "http.endpoint": "function-url",
        "http.auth": "iam",
        "http.streaming": True,
        **CORS,
    },
    "rest-api": {"http.endpoint": "rest-api"},
    "rest-api-keys": {
        "http.endpoint": "rest-api",
        "http.api_key": True,
        "http.allow_from": ["192.0.2.0/24", "2001:db8::/32"],
        **AUTHORIZER,
        "http.authorizer.remember": 60,
        **LIMITS,
    },
    "rest-api-private": {
        "http.endpoint": "rest-api",
        "http.auth": "iam",
        "http.vpc_endpoints": ["vpce-0a1b2c3d4e5f60718"],
        "http.allow_from": ["10.0.0.0/8"],
        "http.streaming": True,
    },
    "alb": {"http.endpoint": "alb", **ALB, "http.alb.hosts": ["shop.example", "*.shop.example"]},
    "none": {"http.endpoint": "none"},
}
FUNCTIONS = {
    "plain": {},
    "in-a-network": {
        **NETWORK,
        "efs.access_point": f"arn:aws:elasticfilesystem:{ACCOUNT}:access-point/fsap-0a1b2c3d4e5f60718",
        "function.storage": 1024,
        "function.provisioned_concurrency": 2,
        "function.reserved_concurrency": 10,
        "function.dead_letter": f"arn:aws:sqs:{ACCOUNT}:failed",
    },
    "watched": {
        "function.tracing": True,
        "logs.format": "json",
        "logs.level": "WARN",
        "function.kms_key": f"arn:aws:kms:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "function.layers": [f"arn:aws:lambda:{ACCOUNT}:layer:tools:3"],
        "function.dead_letter": f"arn:aws:sns:{ACCOUNT}:failed",
    },
    "shifting": {
        "release.shift": "10% every 2 minutes",
        "release.errors": 5,
        "release.alarm_actions": [f"arn:aws:sns:{ACCOUNT}:alerts"],
    },
    "snapstart": {"function.snapstart": True, "function.architecture": "arm64"},
    "with-a-role": {"role.arn": "arn:aws:iam::123456789012:role/shop", "warm.every": "off"},
    "with-rights": {
        "role.boundary": "arn:aws:iam::123456789012:policy/boundary",
        "role.managed_policies": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
        "role.statements": [STATEMENT],
        "secrets": {
            "KEY": "secretsmanager:shop#key",
            "OTHER": "secretsmanager:other",
            "URL": "ssm:/shop/url",
        },
        "warm.concurrency": 3,
        "tags": {"team": "web"},
    },
    "with-a-database": {
        **NETWORK,
        "database.kind": "aurora",
        "database.host": "shop.cluster-abc123.eu-central-1.rds.amazonaws.com",
        "database.user": "app",
        "database.resource": "cluster-ABC123",
        "database.ca": "global-bundle.pem",
        "commands.timeout": 900,
    },
    "with-resources": {
        "resources": {"Orders": QUEUE},
        "outputs": {"OrdersUrl": {"Value": {"Ref": "Orders"}}},
    },
    **{f"python{python}": {"function.python": python} for python in ("3.11", "3.12", "3.14")},
}
