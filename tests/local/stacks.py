"""Small stacks in the local cloud, made with CloudFormation alone: as `lambdify deploy` makes them."""

import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from local.running import MINOR

from lambdify.cli import aws, settings
from lambdify.cli.aws import Account
from lambdify.cli.local.daemon import cloud as room
from lambdify.cli.settings import Settings

Template = dict[str, Any]


class Deployed:
    """A stage of a project whose app.py is `source`, deployed to the cloud."""

    def __init__(self, cloud: room.Cloud, folder: Path, source: str, **options: Any) -> None:
        self.cloud = cloud
        plain = settings.load(folder, stage="test", overrides={"name": f"app{uuid.uuid4().hex[:8]}"})
        self.settings: Settings = room.prepare(plain, cloud)
        self.account: Account = aws.connect(
            self.settings, endpoint_url=cloud.endpoint_url, credentials=cloud.credentials
        )
        self.name = self.settings.full_name
        self.bucket = f"{self.name}-bucket"
        self.account.client("s3").create_bucket(Bucket=self.bucket)
        self._cloudformation = self.account.client("cloudformation")
        self._layers: Mapping[str, Mapping[str, str]] = options.pop("layers", {})
        self._options = options
        self._apply(self._cloudformation.create_stack, "stack_create_complete", source)
        self.url = room.endpoint(cloud, self.settings)

    def update(self, source: str) -> None:
        """Deploy other code to the same stage."""
        self._apply(self._cloudformation.update_stack, "stack_update_complete", source)
        self.url = room.endpoint(self.cloud, self.settings)

    def remove(self) -> None:
        """Delete the stack."""
        self._cloudformation.delete_stack(StackName=self.name)
        self._cloudformation.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig=SOON)

    def take_endpoint_away(self) -> None:
        """Deploy the stage without an API, as `[http] endpoint = "none"` does."""
        body = self._cloudformation.get_template(StackName=self.name)["TemplateBody"]
        body = json.loads(body) if isinstance(body, str) else body
        kept = {name: each for name, each in body["Resources"].items() if "ApiGateway" not in each["Type"]}
        text = json.dumps({"Resources": kept})
        self._cloudformation.update_stack(StackName=self.name, TemplateBody=text)
        done = self._cloudformation.get_waiter("stack_update_complete")
        done.wait(StackName=self.name, WaiterConfig=SOON)

    def served_on(self, port: int) -> Settings:
        """The stage's settings with a port."""
        return replace(self.settings, local=replace(self.settings.local, port=port))

    def log(self) -> list[str]:
        """The messages of the function's log."""
        logs = self.account.client("logs")
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{self.name}")["events"]
        return [event["message"] for event in found]

    def _apply(self, call: Any, done: str, source: str) -> None:
        keys = {name: self._put(zipped(files)) for name, files in self._layers.items()}
        body = template(self.settings, self.bucket, self._put(zipped({"app.py": source})), **self._options)
        for name, key in keys.items():
            add_layer(body, name, self.bucket, key)
        call(StackName=self.name, TemplateBody=json.dumps(body))
        self._cloudformation.get_waiter(done).wait(StackName=self.name, WaiterConfig=SOON)

    def _put(self, code: bytes) -> str:
        key = f"{hashlib.sha256(code).hexdigest()}.zip"
        self.account.client("s3").put_object(Bucket=self.bucket, Key=key, Body=code)
        return key


SOON = {"Delay": 1, "MaxAttempts": 30}


def zipped(files: Mapping[str, str]) -> bytes:
    """A zip of those files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            # With a time of its own, the same content would have another digest a moment later.
            archive.writestr(zipfile.ZipInfo(name), text)
    return content.getvalue()


def template(
    settings: Settings, bucket: str, key: str, *, timeout: int = 30, python: str = MINOR, every: str = ""
) -> Template:
    """Function, version, alias, HTTP API; a schedule if `every` says so."""
    name = settings.full_name
    version = f"Version{key[:12]}"
    resources: Template = {
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/aws/lambda/{name}"}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": name,
                "Role": "arn:aws:iam::000000000000:role/any",
                "Runtime": f"python{python}",
                "Handler": "app.handler",
                "Timeout": timeout,
                "MemorySize": 256,
                "Code": {"S3Bucket": bucket, "S3Key": key},
                "Environment": {"Variables": dict(settings.environment)},
            },
        },
        version: {
            "Type": "AWS::Lambda::Version",
            "DeletionPolicy": "Retain",
            "Properties": {"FunctionName": {"Ref": "Function"}},
        },
        "Alias": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
                "Name": "live",
            },
        },
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {"Name": name, "ProtocolType": "HTTP"},
        },
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": {"Ref": "Alias"},
                "PayloadFormatVersion": "2.0",
            },
        },
        "Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "RouteKey": "$default",
                "Target": {"Fn::Sub": "integrations/${Integration}"},
            },
        },
    }
    if every:
        resources["Warm"] = {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "ScheduleExpression": every,
                "Target": {
                    "Arn": {"Ref": "Alias"},
                    "RoleArn": "arn:aws:iam::000000000000:role/any",
                    "Input": '{"lambdify":"keep-warm"}',
                },
            },
        }
    return {"Resources": resources, "Outputs": {"Endpoint": {"Value": {"Ref": "Api"}}}}


def add_layer(body: Template, name: str, bucket: str, key: str) -> None:
    """Give the function one more layer."""
    body["Resources"][name] = {
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {"LayerName": f"layer-{key[:12]}", "Content": {"S3Bucket": bucket, "S3Key": key}},
    }
    layers = body["Resources"]["Function"]["Properties"].setdefault("Layers", [])
    layers.append({"Ref": name})
