"""SAM's templates: what stands in lambdify.toml, and what is told of the rest."""

import pytest

from lambdify.cli.errors import SettingsError

TEMPLATE = """\
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Level: {Type: String, Default: info}
  Password: {Type: String, NoEcho: true, Default: hunter5hunter5}
Globals:
  Function: {Runtime: python3.12, Timeout: 20, Environment: {Variables: {LEVEL: !Ref Level}}}
Resources:
  ShopFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: main.handler
      MemorySize: 1024
      Architectures: [arm64]
      Tracing: Active
      Environment: {Variables: {TABLE: !Ref Orders, PASSWORD: !Ref Password, API_KEY: k3k3k3k3k3}}
      Policies:
        - AWSLambdaBasicExecutionRole
        - AmazonS3ReadOnlyAccess
        - DynamoDBCrudPolicy: {TableName: !Ref Orders}
        - Statement: [{Effect: Allow, Action: ses:SendEmail, Resource: "*"}]
      Events:
        Root: {Type: HttpApi}
  NightlyFunction:
    Type: AWS::Serverless::Function
    Properties:
      Handler: jobs.nightly
      MemorySize: 512
      Events:
        Timer:
          Type: ScheduleV2
          Properties: {ScheduleExpression: "cron(0 6 * * ? *)", Input: '{"kind": "full"}'}
        Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn, BatchSize: 5}}
        Odd: {Type: IoTRule, Properties: {}}
  Jobs: {Type: "AWS::SQS::Queue", Properties: {VisibilityTimeout: 200}}
  Orders: {Type: "AWS::Serverless::SimpleTable"}
"""
CONFIG = """\
version = 0.1
[default.deploy.parameters]
stack_name = "books-dev"
region = "eu-west-1"
confirm_changeset = true
parameter_overrides = "Level=\\"debug\\""
"""
SERVERLESS = "Type: AWS::Serverless"
FILES = {
    "template.yaml": TEMPLATE,
    "samconfig.toml": CONFIG,
    "main.py": "import fastapi\nfrom mangum import Mangum\napp = fastapi.FastAPI()\nhandler = Mangum(app)\n",
    "jobs.py": "def nightly(event, context): ...\n",
    "app.py": "",
}


@pytest.fixture
def sam(move):
    return move(FILES)


def test_an_app_behind_mangum(sam):
    loaded = sam.load()
    assert (loaded.app, loaded.full_name, loaded.region) == ("main:app", "books-web-dev", "eu-west-1")
    assert (loaded.function.memory, loaded.function.timeout, loaded.function.python) == (1024, 20, "3.12")
    assert (loaded.function.architecture, loaded.function.tracing) == ("arm64", True)


def test_variables_have_the_defaults_of_parameters_but_no_secrets(sam):
    assert sam.load().environment == {"LEVEL": "info"}
    assert sam.load().secrets == {name: f"ssm:/books-web/dev/{name}" for name in ("PASSWORD", "API_KEY")}
    assert "k3k3k3k3k3" not in sam.text + sam.story
    assert "hunter5" not in sam.text + sam.story
    assert sam.fate("ShopFunction.Environment.TABLE")[0] == "by hand"


def test_policies_are_rights_of_the_role(sam):
    role = sam.load().role
    assert role.managed_policies == ("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",)
    assert role.statements == ({"actions": ("ses:SendEmail",), "resources": ("*",)},)
    assert sam.fate("ShopFunction.Policies 3")[0] == "by hand"


def test_another_function_keeps_what_calls_it(sam):
    function = sam.load().functions["nightly"]
    assert (function.handler, function.memory) == ("jobs:nightly", 512)
    assert function.timeout == 0, "that of Globals is the app's, and no limit of its own"
    assert not [each for each in sam.settings[""] if each.key == "NightlyFunction.Environment"]
    assert "holds data" in sam.fate("Orders")[1]
    assert [(each.cron, each.detail) for each in function.schedule] == [("0 6 * * ? *", {"kind": "full"})]
    assert [(each.queue, each.batch) for each in function.sqs] == [("Jobs", 5)]
    assert sam.fate("NightlyFunction.Events.Odd")[0] == "by hand"


def test_functions_of_nearly_one_name_are_two(move):
    function = f"{{{SERVERLESS}::Function, Properties: {{Handler: jobs.nightly}}}}"
    text = f"Resources:\n  Nightly: {function}\n  NightlyFunction: {function}\n  Live: {function}\n"
    moved = move({"template.yaml": text, "jobs.py": FILES["jobs.py"], "app.py": ""})
    assert sorted(moved.load().functions) == ["nightly", "nightly-2", "web"]


WEB_ADAPTER = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Web:
    Type: AWS::Serverless::Function
    Properties:
      Handler: run.sh
      Runtime: python3.13
      Layers: [!Sub "arn:aws:lambda:${AWS::Region}:753240598075:layer:LambdaAdapterLayerX86:24"]
      Environment: {Variables: {AWS_LAMBDA_EXEC_WRAPPER: /opt/bootstrap, PORT: 8000,
        AWS_LWA_INVOKE_MODE: response_stream, AWS_LWA_READINESS_CHECK_PATH: /health}}
      FunctionUrlConfig: {AuthType: NONE, InvokeMode: RESPONSE_STREAM}
"""


def test_a_project_of_the_web_adapter_streams_without_it(move):
    moved = move({"template.yml": WEB_ADAPTER})
    loaded = moved.load()
    assert (loaded.app, loaded.http.endpoint, loaded.http.auth) == ("app:app", "function-url", "none")
    assert (loaded.http.streaming, loaded.release.smoke) == (True, "/health")
    assert loaded.environment == {}
    assert (loaded.function.memory, loaded.function.timeout) == (128, 3)


FUNCTION = f"{SERVERLESS}::Function"
GUARDED = {
    "an API's authorizer": f"{SERVERLESS}::HttpApi, Properties: {{Auth: {{DefaultAuthorizer: x}}}}",
    "a URL for signatures": f"{FUNCTION}, Properties: {{FunctionUrlConfig: {{AuthType: AWS_IAM}}}}",
    "a URL that says nothing": f"{SERVERLESS}::Function, Properties: {{FunctionUrlConfig: {{Cors: {{}}}}}}",
}


@pytest.mark.parametrize("resource", GUARDED.values(), ids=GUARDED)
def test_what_kept_strangers_out_leaves_nobody_in(move, resource):
    assert move({"template.yaml": f"Resources:\n  A: {{{resource}}}\n"}).load().http.auth == "iam"


@pytest.mark.parametrize("value", ["1", "[1]", "{a: 1}", "null", "text", "!Ref X"])
@pytest.mark.parametrize(
    "key",
    [
        "Events",
        "Policies",
        "Environment",
        "VpcConfig",
        "Layers",
        "FunctionUrlConfig",
        "EphemeralStorage",
        "Tags",
    ],
)
def test_a_property_of_another_form_is_no_error(move, key, value):
    properties = f"Properties: {{Handler: app.app, {key}: {value}}}"
    assert (
        move({"template.yaml": f"Resources:\n  F: {{{SERVERLESS}::Function, {properties}}}\n"}).load().app
        == "app:app"
    )


def test_a_template_without_resources_is_told(project, console):
    from lambdify.cli.init import init

    root = project({"template.yaml": "Transform: AWS::Serverless-2016-10-31\n"})
    with pytest.raises(SettingsError, match="has no Resources"):
        init(root, console)


def test_a_template_of_anything_else_is_none_of_sams(move):
    moved = move({"template.yaml": "{% for each in all %}\n"})
    assert moved.settings == {}
