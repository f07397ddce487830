"""The environment variables that Lambda itself sets, for functions of zips and of images.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
"""

from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.functions.function import Function


def write(
    function: Function, *, api: str, stream: str, endpoint_url: str, credentials: Credentials
) -> dict[str, str]:
    """Return the function's own variables and those of the platform, which win.

    `api` is the address of the Runtime API and `endpoint_url` the URL of AWS's APIs, both as the function
    sees them. `credentials` are the function's keys there.
    """
    json_log = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": function.log_level or "INFO"}
    return {
        **dict(function.environment),
        **(json_log if function.log_format == "JSON" else {}),
        "AWS_ACCESS_KEY_ID": credentials.key_id,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{'Image' if function.image else f'python{function.python}'}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_REGION": function.region,
        "AWS_SECRET_ACCESS_KEY": credentials.secret,
        # On Lambda the role's keys have a token. Here any value does.
        "AWS_SESSION_TOKEN": "local",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
    }
