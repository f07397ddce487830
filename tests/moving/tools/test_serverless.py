"""serverless.yml: what stands in lambdify.toml, and what is told of the rest."""

import pytest

WSGI = """\
service: shop
frameworkVersion: "3"
provider:
  name: aws
  runtime: python3.12
  region: eu-west-1
  memorySize: 2048
  stage: ${opt:stage, 'dev'}
  environment:
    LOG: info
    STAGE: ${sls:stage}
    TABLE: !Ref Orders
    API_TOKEN: ${env:API_TOKEN}
    DATABASE_URL: ${ssm:/shop/db}
    HOST: ${env:HOST}
  iam:
    role:
      statements:
        - Effect: Allow
          Action: [sqs:SendMessage]
          Resource: !GetAtt Jobs.Arn
        - Effect: Allow
          Action: [s3:GetObject]
          Resource: arn:aws:s3:::uploads/*
plugins: [serverless-wsgi, serverless-python-requirements, serverless-step-functions]
custom:
  wsgi: {app: app.app, packRequirements: false}
  pythonRequirements: {dockerizePip: true, fileName: requirements.txt}
  prune: {automatic: true, number: 3}
package:
  patterns: ["!node_modules/**", "!docs/**"]
functions:
  api:
    handler: wsgi_handler.handler
    timeout: 29
    events: [{http: ANY /}, {http: "ANY /{proxy+}"}]
  nightly:
    handler: jobs.nightly
    timeout: 300
    events:
      - schedule: {rate: ["cron(0 6 * * ? *)", rate(1 hour)], input: {kind: full}}
      - sqs: {arn: !GetAtt Jobs.Arn, batchSize: 5}
      - sns: arn:aws:sns:eu-west-1:123456789012:paid
      - s3: {bucket: uploads, event: "s3:ObjectCreated:*", rules: [{prefix: in/}, {suffix: .jpg}]}
      - eventBridge: {pattern: {source: [shop]}}
      - websocket: $connect
resources:
  Resources:
    Jobs: {Type: "AWS::SQS::Queue", Properties: {VisibilityTimeout: 2000}}
    Named: {Type: "AWS::SQS::Queue", Properties: {QueueName: shop-jobs}}
    Orders: {Type: "AWS::DynamoDB::Table", Properties: {BillingMode: PAY_PER_REQUEST}}
    Alarm: {Type: "AWS::SNS::Subscription", Properties: {TopicArn: !Ref Orders}}
"""
JOBS = "def nightly(event, context): ...\n"


@pytest.fixture
def wsgi(move):
    return move({"serverless.yml": WSGI, "jobs.py": JOBS})


def test_a_flask_app_with_the_wsgi_plugin(wsgi):
    loaded = wsgi.load()
    assert (loaded.app, loaded.full_name, loaded.region) == ("app:app", "shop-web-dev", "eu-west-1")
    assert (loaded.function.memory, loaded.function.timeout, loaded.function.python) == (2048, 29, "3.12")
    assert loaded.http.endpoint == "http-api"
    assert (loaded.release.keep, loaded.build.requirements, loaded.build.exclude) == (
        3,
        "requirements.txt",
        ("docs/**",),
    )


def test_variables_that_the_file_knows_are_filled_in_and_others_are_the_users(wsgi):
    assert wsgi.load().environment == {"LOG": "info", "STAGE": "dev"}
    assert wsgi.load().secrets == {"API_TOKEN": "ssm:/shop-web/dev/API_TOKEN", "DATABASE_URL": "ssm:/shop/db"}
    assert wsgi.fate("environment.HOST")[0] == wsgi.fate("environment.TABLE")[0] == "by hand"
    assert "secrets set API_TOKEN" in wsgi.story
    assert "secrets set DATABASE_URL" not in wsgi.story


def test_functions_keep_their_sources(wsgi):
    function = wsgi.load().functions["nightly"]
    assert (function.handler, function.timeout) == ("jobs:nightly", 300)
    assert [each.written for each in function.schedule] == ['cron = "0 6 * * ? *"', 'every = "1 hour"']
    assert [(each.queue, each.batch) for each in function.sqs] == [("Jobs", 5)]
    assert [(each.bucket, each.key) for each in function.s3] == [("uploads", ("in/*.jpg",))]
    assert [each.pattern for each in function.events] == [{"source": ["shop"]}]
    assert wsgi.fate("functions.nightly.events.websocket")[0] == "by hand"


def test_what_holds_data_or_a_name_stays_in_the_old_stack(wsgi):
    assert list(wsgi.load().resources) == ["Jobs"]
    assert "DeletionPolicy: Retain" in wsgi.fate("resources.Orders")[1]
    assert "QueueName" in wsgi.fate("resources.Named")[1]
    assert "refers to Orders" in wsgi.fate("resources.Alarm")[1]


def test_a_statement_about_a_resource_of_the_stack_is_the_users(wsgi):
    assert wsgi.load().role.statements == (
        {"actions": ("s3:GetObject",), "resources": ("arn:aws:s3:::uploads/*",)},
    )
    assert wsgi.fate("provider.iam.role.statements 1")[0] == "by hand"


def test_plugins_are_told(wsgi):
    assert wsgi.fate("plugins: serverless-wsgi")[0] == "needless"
    assert wsgi.fate("plugins: serverless-step-functions")[0] == "by hand"


FASTAPI = "from fastapi import FastAPI\nfrom mangum import Mangum\napp = FastAPI()\nhandler = Mangum(app)\n"


def test_a_fastapi_app_behind_mangum_streams_by_its_url(move):
    text = """\
        service: {name: books}
        provider: {name: aws, runtime: python3.13}
        functions:
          api:
            handler: main.handler
            url: {authorizer: aws_iam, invokeMode: RESPONSE_STREAM, cors: true}
        """
    loaded = move({"serverless.yml": text, "main.py": FASTAPI, "app.py": ""}).load()
    assert (loaded.app, loaded.function.memory, loaded.function.timeout) == ("main:app", 1024, 6)
    assert (loaded.http.endpoint, loaded.http.auth, loaded.http.streaming) == ("function-url", "iam", True)
    assert loaded.http.cors.origins == ("*",)


def test_a_handler_without_a_framework_is_the_app_itself(move):
    text = "service: hello\nfunctions:\n  api: {handler: hello.handler, events: [{httpApi: '*'}]}\n"
    loaded = move(
        {"serverless.yml": text, "hello.py": "def handler(event, context): ...\n", "app.py": ""}
    ).load()
    assert loaded.app == "hello:handler"


def test_a_resource_with_a_password_in_it_is_not_copied(move):
    text = """\
        service: shop
        resources:
          Resources:
            One: {Type: "AWS::DMS::Endpoint", Properties: {Password: hunter5hunter5}}
            Two: {Type: "AWS::SSM::Parameter", Properties: {Value: "mongodb://anna:s3cr3tw0rd@db.shop.dev/x"}}
            Three: {Type: "AWS::SNS::Topic", Properties: {DisplayName: paid}}
        """
    moved = move({"serverless.yml": text})
    assert list(moved.load().resources) == ["Three"]
    assert "hunter5" not in moved.text + moved.story
    assert "s3cr3tw0rd" not in moved.text + moved.story


def test_functions_alone_have_no_endpoint(move):
    text = """\
        service: jobs
        provider: {name: aws}
        functions: {nightly: {handler: jobs.nightly, events: [{schedule: rate(1 day)}]}}
        """
    loaded = move({"serverless.yml": text, "jobs.py": JOBS, "app.py": ""}).load()
    assert (loaded.http.endpoint, list(loaded.functions)) == ("none", ["nightly"])


def test_functions_alone_are_not_told_to_lack_an_app(move):
    text = "service: jobs\nfunctions: {nightly: {handler: jobs.nightly, events: [{schedule: rate(1 day)}]}}\n"
    story = move({"serverless.yml": text, "jobs.py": JOBS, "app.py": ""}).story
    assert "names no app" not in story


STAGES = """\
service: shop
provider: {name: aws, memorySize: "${self:custom.memory.${sls:stage}}", timeout: "${param:seconds}"}
params: {default: {seconds: 10}, prod: {seconds: 20}}
custom:
  memory: {dev: 512, prod: 2048}
functions: {api: {handler: app.app, events: [{httpApi: '*'}]}}
"""


def test_stages_that_the_file_names_are_stages(move):
    moved = move({"serverless.yml": STAGES})
    assert [
        (moved.load(each).function.memory, moved.load(each).function.timeout) for each in ("dev", "prod")
    ] == [
        (512, 10),
        (2048, 20),
    ]


@pytest.mark.parametrize("written", ["1", "[1, 2]", "{a: 1}", "text", "null", "!Sub 'x${y}'"])
@pytest.mark.parametrize(
    "key", ["provider", "functions", "custom", "plugins", "package", "resources", "service", "params"]
)
def test_a_part_of_another_form_is_no_error(move, key, written):
    text = f"{'' if key == 'service' else 'service: shop'}\n{key}: {written}\n"
    assert move({"serverless.yml": text}).load().app == "app:app"


def test_a_variable_that_leads_to_itself_ends(move):
    around = "custom: {a: '${self:custom.b}', b: '${self:custom.a}'}"
    text = f"service: shop\n{around}\nprovider: {{region: '${{self:custom.a}}'}}\n"
    assert move({"serverless.yml": text}).fate("provider.region")[0] == "by hand"


@pytest.mark.slow
def test_variables_that_stand_for_billions_of_values_end(move):
    def row(number):
        inner = ", ".join([f'"${{self:custom.t{number + 1}}}"'] * 9)
        return f"  t{number}: [{inner}]\n"

    rows = "".join(map(row, range(12)))
    assert move({"serverless.yml": f"service: shop\ncustom:\n{rows}  t12: 1\n"}).load().app == "app:app"


GUARDED = {
    "an authorizer": "functions: {a: {handler: a.a, events: [{httpApi: {path: a, authorizer: {name: x}}}]}}",
    "a policy": "provider: {apiGateway: {resourcePolicy: [{Effect: Allow}]}}",
    "signatures": "functions: {api: {handler: a.a, events: [{http: {path: '*', authorizer: aws_iam}}]}}",
}


@pytest.mark.parametrize("text", GUARDED.values(), ids=GUARDED)
def test_what_kept_strangers_out_leaves_nobody_in(move, text):
    assert move({"serverless.yml": f"service: shop\n{text}\n"}).load().http.auth == "iam"


def test_a_program_is_not_run(move):
    moved = move({"serverless.ts": "export default {}\n"})
    assert moved.fate("serverless.ts")[0] == "by hand"
    assert moved.load().app == "app:app"


def test_of_two_tools_the_first_counts_and_the_other_may_be_chosen(move):
    files = {"serverless.yml": "service: one\n", "zappa_settings.json": '{"dev": {"project_name": "two"}}'}
    moved = move(files)
    assert "Not read beside zappa_settings.json: serverless.yml" in moved.story
    assert moved.load().name == "two-web"


def test_the_other_one(move):
    files = {"serverless.yml": "service: one\n", "zappa_settings.json": '{"dev": {"project_name": "two"}}'}
    assert move(files, only="serverless.yml").load().name == "one-web"
