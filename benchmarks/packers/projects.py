"""The projects that are packed: the same app and the same requirements, as each packer wants to have them."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

MINOR = "{}.{}".format(*sys.version_info)
RUNTIME = f"python{MINOR}"
"""The function's Python is the one that runs this: not every packer can pack for another one."""
APP = "from flask import Flask\n\napp = Flask(__name__)\n"
MODULE = "VALUE = {number}\n\n\ndef add(x):\n    return x + VALUE\n"
SAM = f"""\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Shop:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: shop, Handler: app.app, Runtime: {RUNTIME}}}
"""
SERVERLESS = f"""\
service: shop
frameworkVersion: "3"
provider: {{name: aws, runtime: {RUNTIME}, region: us-east-1}}
functions: {{shop: {{handler: app.app}}}}
plugins: [serverless-python-requirements]
package: {{patterns: ["!node_modules/**", "!package*.json"]}}
custom: {{pythonRequirements: {{pythonBin: {RUNTIME}, cacheLocation: CACHE}}}}
"""
ZAPPA = {
    "prod": {
        "app_function": "app.app",
        "aws_region": "us-east-1",
        "project_name": "shop",
        "runtime": RUNTIME,
        "s3_bucket": "bucket-of-nobody",
    }
}
CHALICE = {"version": "2.0", "app_name": "shop", "stages": {"prod": {"api_gateway_stage": "api"}}}
CHALICE_APP = """\
from chalice import Chalice

app = Chalice(app_name="shop")


@app.route("/")
def page():
    return {}
"""
"""Of an app without a route chalice makes nothing."""


def write(root: Path, requirements: Sequence[str], *, files: int = 0) -> None:
    """The app with that many modules beside it, for lambdify and whoever wants no more than that."""
    root.mkdir(parents=True)
    for number in range(files):
        path = root / f"package{number // 50}" / f"module{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(MODULE.format(number=number))
    (root / "app.py").write_text(APP)
    (root / "requirements.txt").write_text("".join(f"{line}\n" for line in requirements))
    (root / "lambdify.toml").write_text(f'[function]\npython = "{MINOR}"\n')


def write_for_zappa(root: Path) -> None:
    """Add what zappa wants."""
    (root / "zappa_settings.json").write_text(json.dumps(ZAPPA))


def write_for_chalice(root: Path) -> None:
    """Add what chalice wants; it packs apps of its own kind only."""
    (root / ".chalice").mkdir()
    (root / ".chalice" / "config.json").write_text(json.dumps(CHALICE))
    (root / "app.py").write_text(CHALICE_APP)


def write_for_sam(root: Path) -> None:
    """Move the app where SAM's template says it is."""
    (root / "shop").mkdir()
    for name in ("app.py", "requirements.txt"):
        (root / name).rename(root / "shop" / name)
    (root / "template.yaml").write_text(SAM)


def write_for_serverless(root: Path, node_modules: Path) -> None:
    """Add what serverless wants."""
    (root / "serverless.yml").write_text(SERVERLESS.replace("CACHE", str(root.parent / "serverless-cache")))
    (root / "node_modules").symlink_to(node_modules)
