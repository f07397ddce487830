"""What each kind of endpoint makes of [http]: who may call, how often, and what is written down."""

import json

import pytest

WHO = "arn:aws:lambda:eu-central-1:123456789012:function:who"
LISTENER = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/web/1/2"
LIMITS = {"http.rate": 100, "http.burst": 200}
AUTHORIZER = {"http.auth": "lambda", "http.authorizer.function": WHO}


@pytest.fixture
def behind(write):
    """`behind("alb", {"http.alb.priority": 7})`: the resources of a stage with this endpoint."""

    def behind(kind, overrides=None):
        return write({"http.endpoint": kind, **(overrides or {})}).body["Resources"]

    return behind


def properties(resources, kind):
    return [each["Properties"] for each in resources.values() if each["Type"] == f"AWS::{kind}"]


def only(resources, kind):
    (found,) = properties(resources, kind)
    return found


# -------------------------------------------------------------------- HTTP APIs


def test_an_http_api_answers_browsers_itself_where_origins_are_named(behind):
    assert "CorsConfiguration" not in only(behind("http-api"), "ApiGatewayV2::Api")
    cors = {"http.cors.origins": ["https://shop.example"], "http.cors.max_age": 60}
    assert only(behind("http-api", cors), "ApiGatewayV2::Api")["CorsConfiguration"] == {
        "AllowOrigins": ["https://shop.example"],
        "AllowMethods": ["*"],
        "MaxAge": 60,
    }


def test_browsers_may_ask_without_credentials_where_calls_need_some(behind):
    cors = {"http.cors.origins": ["https://shop.example"]}
    routes = properties(behind("http-api", {**cors, "http.auth": "iam"}), "ApiGatewayV2::Route")
    assert {each["RouteKey"]: each.get("AuthorizationType") for each in routes} == {
        "$default": "AWS_IAM",
        "OPTIONS /": None,
        "OPTIONS /{proxy+}": None,
    }
    assert len(properties(behind("http-api", cors), "ApiGatewayV2::Route")) == 1


def test_an_http_api_takes_the_tokens_of_one_issuer_for_one_audience(behind):
    tokens = {
        "http.auth": "jwt",
        "http.jwt.issuer": "https://who.example",
        "http.jwt.audience": ["shop"],
    }
    resources = behind("http-api", tokens)
    authorizer = only(resources, "ApiGatewayV2::Authorizer")
    assert authorizer["JwtConfiguration"] == {"Issuer": "https://who.example", "Audience": ["shop"]}
    route = only(resources, "ApiGatewayV2::Route")
    assert (route["AuthorizationType"], route["AuthorizerId"]) == ("JWT", {"Ref": "TokenAuthorizer"})
    assert len(properties(resources, "Lambda::Permission")) == 1


@pytest.mark.parametrize(
    ("kind", "api", "authorizer"),
    [("http-api", "Api", "Authorizer"), ("rest-api", "RestApi", "RestAuthorizer")],
)
def test_an_authorizer_may_be_called_by_this_authorizer_of_this_api_alone(behind, kind, api, authorizer):
    resources = behind(kind, AUTHORIZER)
    (allowed,) = [each for each in properties(resources, "Lambda::Permission") if each["FunctionName"] == WHO]
    assert allowed["SourceArn"]["Fn::Sub"].endswith(f":${{{api}}}/authorizers/${{{authorizer}}}")
    assert resources[authorizer]["Properties"]["AuthorizerUri"]["Fn::Join"][1][1] == WHO


@pytest.mark.parametrize(("kind", "service"), [("http-api", "ApiGatewayV2"), ("rest-api", "ApiGateway")])
def test_an_answer_of_an_authorizer_is_remembered_for_who_asked(behind, kind, service):
    def authorizer(seconds):
        return only(
            behind(kind, {**AUTHORIZER, "http.authorizer.remember": seconds}), f"{service}::Authorizer"
        )

    assert "IdentitySource" not in authorizer(0)
    remembered = authorizer(60)
    assert remembered["AuthorizerResultTtlInSeconds"] == 60
    assert "Authorization" in json.dumps(remembered["IdentitySource"])


def test_an_http_api_is_throttled_as_a_whole(behind):
    stage = only(behind("http-api", LIMITS), "ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 100, "ThrottlingBurstLimit": 200}


@pytest.mark.parametrize(
    ("kind", "stage", "setting"),
    [
        ("http-api", "Stage", "AccessLogSettings"),
        ("rest-api", "RestStage", "AccessLogSetting"),
    ],
)
def test_access_logs_are_lines_of_json_in_a_group_of_their_own_without_queries(behind, kind, stage, setting):
    resources = behind(kind, {"http.access_logs": True, "logs.retention": 7})
    groups = {each["LogGroupName"]: each for each in properties(resources, "Logs::LogGroup")}
    group = groups[f"/aws/vendedlogs/lambdify/shop-dev/{kind}"]
    assert group["RetentionInDays"] == 7
    line = json.loads(resources[stage]["Properties"][setting]["Format"])
    assert line["path"] == "$context.path"
    assert not [value for value in line.values() if "query" in value.lower() or "header" in value.lower()]
    assert setting not in behind(kind)[stage]["Properties"]


# -------------------------------------------------------------------- function URLs


def test_a_url_for_signed_requests_is_open_to_nobody_by_itself(behind):
    resources = behind("function-url", {"http.auth": "iam"})
    assert only(resources, "Lambda::Url")["AuthType"] == "AWS_IAM"
    assert properties(resources, "Lambda::Permission") == []


def test_a_url_answers_browsers_itself_where_origins_are_named(behind):
    assert "Cors" not in only(behind("function-url"), "Lambda::Url")
    url = only(behind("function-url", {"http.cors.origins": ["*"]}), "Lambda::Url")
    assert url["Cors"] == {"AllowOrigins": ["*"], "AllowMethods": ["*"]}


# -------------------------------------------------------------------- REST APIs


def policy(resources):
    return only(resources, "ApiGateway::RestApi")["Policy"]["Statement"]


def test_a_rest_api_denies_whoever_comes_from_elsewhere(behind):
    assert "Policy" not in only(behind("rest-api"), "ApiGateway::RestApi")
    allowed, denied = policy(behind("rest-api", {"http.allow_from": ["192.0.2.0/24"]}))
    assert (allowed["Effect"], allowed["Principal"]) == ("Allow", "*")
    assert denied["Effect"] == "Deny"
    assert denied["Condition"] == {"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24"]}}


def test_a_private_rest_api_is_reached_through_its_vpc_endpoints_only(behind, write):
    private = {"http.vpc_endpoints": ["vpce-0a", "vpce-0b"], "http.allow_from": ["10.0.0.0/8"]}
    resources = behind("rest-api", private)
    assert only(resources, "ApiGateway::RestApi")["EndpointConfiguration"] == {
        "Types": ["PRIVATE"],
        "VpcEndpointIds": ["vpce-0a", "vpce-0b"],
    }
    _, by_endpoint, by_address = policy(resources)
    assert by_endpoint["Condition"] == {"StringNotEquals": {"aws:SourceVpce": ["vpce-0a", "vpce-0b"]}}
    assert by_address["Condition"] == {"NotIpAddress": {"aws:VpcSourceIp": ["10.0.0.0/8"]}}
    url = write({"http.endpoint": "rest-api", **private}).body["Outputs"]["Endpoint"]["Value"]["Fn::Sub"]
    assert url.startswith("https://${RestApi}-vpce-0a.execute-api.")


def test_a_rest_api_with_a_policy_and_signed_requests_is_for_this_account(behind):
    """Everybody who signs would be everybody with an AWS account."""
    allowed, _ = policy(behind("rest-api", {"http.auth": "iam", "http.allow_from": ["192.0.2.0/24"]}))
    assert allowed["Principal"]["AWS"]["Fn::Sub"].endswith(":iam::${AWS::AccountId}:root")


def test_a_rest_api_asks_for_a_key_that_is_in_no_template(behind):
    resources = behind("rest-api", {"http.api_key": True})
    assert {each["ApiKeyRequired"] for each in properties(resources, "ApiGateway::Method")} == {True}
    assert "Value" not in only(resources, "ApiGateway::ApiKey")
    (stage,) = only(resources, "ApiGateway::UsagePlan")["ApiStages"]
    assert stage == {"ApiId": {"Ref": "RestApi"}, "Stage": {"Ref": "RestStage"}}
    assert only(resources, "ApiGateway::UsagePlanKey")["KeyId"] == {"Ref": "RestKey"}


def test_a_rest_api_is_throttled_on_every_path(behind):
    (settings,) = only(behind("rest-api", LIMITS), "ApiGateway::Stage")["MethodSettings"]
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (100, 200)


@pytest.mark.parametrize(
    "overrides",
    [
        {"http.auth": "iam"},
        {"http.api_key": True},
        {"http.allow_from": ["192.0.2.0/24"]},
        AUTHORIZER,
        {**AUTHORIZER, "http.authorizer.remember": 60},
    ],
)
def test_whatever_changes_who_may_call_a_rest_api_is_deployed(behind, overrides):
    """A stage of a REST API serves a picture of it: what is not deployed anew is not in force."""

    def deployment(overrides=None):
        return only(behind("rest-api", overrides), "ApiGateway::Stage")["DeploymentId"]

    assert deployment(overrides) != deployment()


# -------------------------------------------------------------------- load balancers, and nothing


def test_a_load_balancer_sends_what_its_rule_names_to_the_alias(behind):
    rule = {"http.alb.listener": LISTENER, "http.alb.hosts": ["shop.example"], "http.alb.priority": 7}
    resources = behind("alb", rule)
    written = only(resources, "ElasticLoadBalancingV2::ListenerRule")
    assert (written["ListenerArn"], written["Priority"]) == (LISTENER, 7)
    assert [each["Field"] for each in written["Conditions"]] == ["host-header", "path-pattern"]
    group = only(resources, "ElasticLoadBalancingV2::TargetGroup")
    assert group["Targets"] == [{"Id": {"Ref": "Alias"}}]
    assert group["TargetGroupAttributes"] == [{"Key": "lambda.multi_value_headers.enabled", "Value": "true"}]


def test_a_load_balancer_may_call_before_the_alias_becomes_its_target(behind):
    """It looks whether it may; so the permission cannot name the group's ARN, and names the group's name."""
    resources = behind("alb", {"http.alb.listener": LISTENER})
    assert resources["TargetGroup"]["DependsOn"] == "TargetGroupPermission"
    permission = only(resources, "Lambda::Permission")
    assert permission["Principal"] == "elasticloadbalancing.amazonaws.com"
    name = resources["TargetGroup"]["Properties"]["Name"]
    assert permission["SourceArn"]["Fn::Sub"].endswith(f":${{AWS::AccountId}}:targetgroup/{name}/*")
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}


@pytest.mark.parametrize("name", ["n" * 60, "n" * 18 + "-" * 5 + "n" * 30])
def test_the_name_of_a_target_group_fits_and_is_one_stages_own(behind, name):
    def group(name):
        resources = behind("alb", {"http.alb.listener": LISTENER, "name": name})
        return only(resources, "ElasticLoadBalancingV2::TargetGroup")["Name"]

    assert len(group(name)) <= 32
    assert "--" not in group(name)
    assert group(name) != group(name[:-1] + "m")


def test_for_another_load_balancer_there_is_another_target_group(behind):
    """AWS ties a group to one load balancer, and a new rule is made before the old one goes."""

    def group(listener):
        resources = behind("alb", {"http.alb.listener": listener})
        return only(resources, "ElasticLoadBalancingV2::TargetGroup")["Name"]

    assert group(LISTENER) == group(LISTENER[:-1] + "7")
    assert group(LISTENER) != group(LISTENER.replace("/web/", "/shop/"))
    assert group(LISTENER).startswith("shop-dev-")


def test_the_address_behind_a_load_balancer_is_the_first_host_that_is_one(write):
    def outputs(hosts):
        rule = {"http.endpoint": "alb", "http.alb.listener": LISTENER, "http.alb.hosts": hosts}
        return write(rule).body["Outputs"]

    assert outputs(["*.shop.example", "shop.example"])["Endpoint"]["Value"] == "https://shop.example"
    assert "Endpoint" not in outputs([])


def test_a_stage_without_an_endpoint_is_called_by_its_alias(write):
    body = write({"http.endpoint": "none"}).body
    assert "Endpoint" not in body["Outputs"]
    assert body["Outputs"]["Alias"] == {"Value": {"Ref": "Alias"}}
    assert not [each for each in body["Resources"].values() if "Permission" in each["Type"]]
