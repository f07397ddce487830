"""moto as a second judge of the life of a stage: its CloudFormation, with the kinds that it lacks.

Each kind here makes one call of the service's own API with the properties of the template: so botocore holds
them against AWS's model, and moto's service against what is there. What moto cannot do is said at its place.
"""

import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto.cloudformation import parsing
from moto.cloudformation.models import Stack as MotoStack
from moto.core.common_models import CloudFormationModel
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket


class Resource(CloudFormationModel):
    """A resource that an API made; a class for each kind."""

    kind = ""
    service = ""
    made = ""
    """The operation that makes it."""
    taken = ""
    """The operation that takes it away."""
    names: tuple[str, ...] = ()
    """Properties that name it, and stay when it is changed."""

    def __init__(self, physical_id: str, attributes: Mapping[str, Any], properties: Mapping[str, Any]):
        self.physical_id, self.attributes, self.properties = physical_id, attributes, properties

    @property
    def physical_resource_id(self) -> str:
        return self.physical_id

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.kind

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return True

    def get_cfn_attribute(self, name: str) -> Any:
        return self.attributes[name]

    def is_created(self) -> bool:
        return True

    @classmethod
    def create_from_cloudformation_json(cls, name, described, account_id, region, **_):
        return cls(*cls.make(cls.client(region), described["Properties"]), described["Properties"])

    @classmethod
    def update_from_cloudformation_json(cls, original_resource, cloudformation_json, region_name, **_):
        properties = cloudformation_json["Properties"]
        made = original_resource.change(cls.client(region_name), properties)
        return cls(*(made or (original_resource.physical_id, original_resource.attributes)), properties)

    def delete(self, account_id, region):
        try:
            self.remove(self.client(region))
        except ClientError as error:
            # moto takes things away in no order: an alias after its function, for one.
            if "NotFound" not in error.response["Error"]["Code"]:
                raise

    def change(self, client, properties):
        """Its new id and attributes; None where they stay."""

    @classmethod
    def client(cls, region: str) -> Any:
        return session().client(cls.service, region_name=region)


@cache
def session() -> boto3.Session:
    """Kept, because reading AWS's models takes longer than the calls."""
    return boto3.Session("key", "secret")


class Layer(Resource):
    kind, service = "AWS::Lambda::LayerVersion", "lambda"

    @classmethod
    def make(cls, client, properties):
        made = client.publish_layer_version(**properties)
        return made["LayerVersionArn"], made

    def change(self, client, properties):
        self.remove(client)
        return self.make(client, properties)

    def remove(self, client):
        _, _, number = self.physical_id.rpartition(":")
        client.delete_layer_version(LayerName=self.properties["LayerName"], VersionNumber=int(number))


class Function(Resource):
    kind, service = "AWS::Lambda::Function", "lambda"

    @classmethod
    def make(cls, client, properties):
        tags = {each["Key"]: each["Value"] for each in properties.get("Tags", [])}
        made = client.create_function(**{**properties, "Tags": tags})
        return made["FunctionName"], {"Arn": made["FunctionArn"]}

    def change(self, client, properties):
        of_code = {"Code", "Architectures"}
        rest = {name: value for name, value in properties.items() if name not in of_code | {"Tags"}}
        client.update_function_configuration(**rest)
        name, architectures = properties["FunctionName"], properties["Architectures"]
        client.update_function_code(FunctionName=name, Architectures=architectures, **properties["Code"])

    def remove(self, client):
        client.delete_function(FunctionName=self.physical_id)


class Alias(Resource):
    kind, service = "AWS::Lambda::Alias", "lambda"

    @staticmethod
    def arguments(properties):
        weights = properties.get("RoutingConfig", {}).get("AdditionalVersionWeights", [])
        shares = {each["FunctionVersion"]: float(each["FunctionWeight"]) for each in weights}
        return {**properties, "RoutingConfig": {"AdditionalVersionWeights": shares}}

    @classmethod
    def make(cls, client, properties):
        made = client.create_alias(**cls.arguments(properties))
        return made["AliasArn"], made

    def change(self, client, properties):
        client.update_alias(**self.arguments(properties))

    def remove(self, client):
        client.delete_alias(FunctionName=self.properties["FunctionName"], Name=self.properties["Name"])


class Version(Resource):
    """moto has it, without its number. It makes what is new before it changes what is there, so a version has
    the code of before: which code a version has is not judged here."""

    kind, service = "AWS::Lambda::Version", "lambda"

    @classmethod
    def make(cls, client, properties):
        # Without a change Lambda publishes nothing: the change comes after.
        client.update_function_configuration(
            FunctionName=properties["FunctionName"], Description=uuid.uuid4().hex
        )
        made = client.publish_version(FunctionName=properties["FunctionName"])
        return made["FunctionArn"], made

    def remove(self, client):
        """Kept, as its UpdateReplacePolicy says, until the function goes."""


class Permission(Resource):
    """moto has it, but knows functions by their names only, and does not take one away."""

    kind, service = "AWS::Lambda::Permission", "lambda"

    @classmethod
    def make(cls, client, properties):
        function, _, alias = properties["FunctionName"].rpartition(":")
        name = uuid.uuid4().hex
        # moto keeps one policy for a function, and none for an alias.
        client.add_permission(**{**properties, "FunctionName": function}, Qualifier=alias, StatementId=name)
        return name, {}

    def remove(self, client):
        """It goes with its function."""


class Url(Resource):
    kind, service = "AWS::Lambda::Url", "lambda"

    @staticmethod
    def arguments(properties):
        own = {name: value for name, value in properties.items() if name != "TargetFunctionArn"}
        return {"FunctionName": properties["TargetFunctionArn"].split(":")[-1], **own}

    @classmethod
    def make(cls, client, properties):
        made = client.create_function_url_config(**cls.arguments(properties))
        return made["FunctionArn"], made

    def change(self, client, properties):
        client.update_function_url_config(**self.arguments(properties))

    def remove(self, client):
        client.delete_function_url_config(FunctionName=self.arguments(self.properties)["FunctionName"])


class Plain(Resource):
    """The API has the properties under the names that the template has, and gives the resource an id."""

    thing = ""
    id = ""
    """The parameter that names it."""
    within = ""
    """The parameter that names what it is in; "" for what is in nothing."""

    @classmethod
    def arguments(cls, properties):
        return properties

    @classmethod
    def make(cls, client, properties):
        made = getattr(client, f"create_{cls.thing}")(**cls.arguments(properties))
        return made.get(cls.id) or cls.arguments(properties)[cls.id], made

    def change(self, client, properties):
        which = {self.id: self.physical_id}
        getattr(client, f"update_{self.thing}")(**{**self.arguments(properties), **which})

    def remove(self, client):
        which = {self.id: self.physical_id}
        if self.within:
            which[self.within] = self.arguments(self.properties)[self.within]
        getattr(client, f"delete_{self.thing}")(**which)


class Api(Plain):
    kind, service, thing, id = "AWS::ApiGatewayV2::Api", "apigatewayv2", "api", "ApiId"


class Integration(Plain):
    kind, service, thing = "AWS::ApiGatewayV2::Integration", "apigatewayv2", "integration"
    id, within = "IntegrationId", "ApiId"


class Route(Plain):
    kind, service, thing = "AWS::ApiGatewayV2::Route", "apigatewayv2", "route"
    id, within = "RouteId", "ApiId"


class Stage(Plain):
    kind, service, thing = "AWS::ApiGatewayV2::Stage", "apigatewayv2", "stage"
    id, within = "StageName", "ApiId"


class RestApi(Plain):
    """moto has it, and does not take it away."""

    kind, service, thing, id = "AWS::ApiGateway::RestApi", "apigateway", "rest_api", "restApiId"

    @classmethod
    def make(cls, client, properties):
        made = client.create_rest_api(**_lowered(properties))
        return made["id"], {"RootResourceId": made["rootResourceId"]}

    def change(self, client, properties):
        assert properties == self.properties


def _lowered(value):
    """The properties, with names as API Gateway's API has them."""
    if not isinstance(value, dict):
        return value
    return {name[0].lower() + name[1:]: _lowered(each) for name, each in value.items()}


class RestDeployment(Plain):
    kind, service, thing = "AWS::ApiGateway::Deployment", "apigateway", "deployment"
    id, within = "deploymentId", "restApiId"

    @classmethod
    def make(cls, client, properties):
        made = client.create_deployment(restApiId=properties["RestApiId"])
        return made["id"], made

    @classmethod
    def arguments(cls, properties):
        return {"restApiId": properties["RestApiId"]}

    def remove(self, client):
        """moto takes a deployment away before its stage leads to another: it goes with the API."""


class RestStage(Plain):
    kind, service, thing = "AWS::ApiGateway::Stage", "apigateway", "stage"
    id, within = "stageName", "restApiId"

    @classmethod
    def arguments(cls, properties):
        known = ("RestApiId", "StageName", "DeploymentId")
        return {name[0].lower() + name[1:]: properties[name] for name in known}

    def change(self, client, properties):
        to = {"op": "replace", "path": "/deploymentId", "value": properties["DeploymentId"]}
        which = {"restApiId": properties["RestApiId"], "stageName": self.physical_id}
        client.update_stage(**which, patchOperations=[to])


class TargetGroup(Resource):
    """moto has it, and does not take it away."""

    kind, service = "AWS::ElasticLoadBalancingV2::TargetGroup", "elbv2"

    @classmethod
    def make(cls, client, properties):
        own = ("Targets", "TargetGroupAttributes")
        made = client.create_target_group(
            **{name: each for name, each in properties.items() if name not in own}
        )
        group = {"TargetGroupArn": made["TargetGroups"][0]["TargetGroupArn"]}
        client.modify_target_group_attributes(**group, Attributes=properties["TargetGroupAttributes"])
        client.register_targets(**group, Targets=properties["Targets"])
        return group["TargetGroupArn"], {}

    def remove(self, client):
        client.delete_target_group(TargetGroupArn=self.physical_id)


class ListenerRule(Resource):
    kind, service = "AWS::ElasticLoadBalancingV2::ListenerRule", "elbv2"

    @classmethod
    def make(cls, client, properties):
        made = client.create_rule(**properties)
        return made["Rules"][0]["RuleArn"], {}

    def remove(self, client):
        client.delete_rule(RuleArn=self.physical_id)


class Schedule(Plain):
    kind, service, thing, id = "AWS::Scheduler::Schedule", "scheduler", "schedule", "Name"


KINDS = (
    Layer,
    Function,
    Alias,
    Version,
    Permission,
    Url,
    Api,
    Integration,
    Route,
    Stage,
    RestApi,
    RestDeployment,
    RestStage,
    TargetGroup,
    ListenerRule,
    Schedule,
)


class Outputs:
    """moto works a stack's outputs out when the stack is named, before a change set has made anything."""

    def __get__(self, stack, owner=None):
        if stack.status.startswith("DELETE"):
            return {}
        return parsing.OutputMap(stack.resource_map, stack.resource_map._template, stack.stack_id)

    def __set__(self, stack, value):
        pass


def teach(monkeypatch) -> None:
    """Have moto know, for the time of a test, what it lacks."""
    known = parsing.get_model_map()
    for kind in KINDS:
        monkeypatch.setitem(known, kind.kind, kind)
    monkeypatch.setattr(MotoStack, "output_map", Outputs(), raising=False)
    # moto does not read the conditions of a bucket's policy: "nothing but TLS" would be "nothing".
    monkeypatch.setattr(FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL)
