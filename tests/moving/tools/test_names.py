"""Domains of other tools: their names stand in [domain], and are left alone until they are let go."""

import json

import pytest

STAGE = {"app_function": "app.app", "s3_bucket": "zappa-x1"}
SERVERLESS = """\
service: books
provider: {name: aws, runtime: python3.13}
plugins: [serverless-wsgi, serverless-domain-manager]
custom:
  wsgi: {app: app.app}
  CUSTOM
functions:
  api: {handler: wsgi_handler.handler, events: [{httpApi: "*"}]}
"""
SAM = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Domain: {DomainName: NAME, CertificateArn: "arn:aws:acm:eu-west-1:1:certificate/1"}
  Books:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.13
      Events: {All: {Type: HttpApi, Properties: {ApiId: !Ref Api}}}
"""
FILES = {
    "zappa": lambda name: {"zappa_settings.json": json.dumps({"dev": {**STAGE, "domain": name}})},
    "serverless": lambda name: {
        "serverless.yml": SERVERLESS.replace("CUSTOM", f"customDomain: {{domainName: {name}}}")
    },
    "serverless, two kinds": lambda name: {
        "serverless.yml": SERVERLESS.replace("CUSTOM", f"customDomain: {{http: {{domainName: {name}}}}}")
    },
    "sam": lambda name: {
        "template.yaml": SAM.replace("NAME", name),
        "app.py": "from mangum import Mangum\nasync def app(a, b, c): ...\nhandler = Mangum(app)\n",
    },
}


@pytest.mark.parametrize("tool", FILES)
def test_a_name_is_carried_and_its_records_stay_as_they_are(move, tool):
    domain = move(FILES[tool]("shop.example")).load().domain
    assert (domain.names, domain.zone) == (("shop.example",), "none")


@pytest.mark.parametrize("tool", ["serverless", "sam"])
def test_a_name_that_is_known_elsewhere_only_is_the_users(move, tool):
    moved = move(FILES[tool]("'${env:DOMAIN}'" if tool == "serverless" else "!Ref Name"))
    assert moved.load().domain.names == ()
    assert "[domain] names" in moved.story


def test_a_distribution_of_zappas_is_a_cdn(move):
    stage = {
        **STAGE,
        "function_url_enabled": True,
        "function_url_domains": ["shop.example", "www.shop.example"],
    }
    chosen = move({"zappa_settings.json": json.dumps({"dev": stage})}).load()
    assert chosen.domain.names == ("shop.example", "www.shop.example")
    assert (chosen.http.cdn, chosen.http.endpoint) == (True, "function-url")


def test_a_name_of_two_stages_stands_below_each_of_them(move):
    stages = {"dev": {**STAGE, "domain": "shop.example"}, "prod": {**STAGE, "domain": "shop.example"}}
    moved = move({"zappa_settings.json": json.dumps(stages)})
    for stage in stages:
        assert moved.load(stage).domain.names == ("shop.example",)


def test_a_single_stage_of_another_name_keeps_its_domain(move):
    moved = move({"zappa_settings.json": json.dumps({"production": {**STAGE, "domain": "shop.example"}})})
    assert moved.load("production").domain.names == ("shop.example",)
