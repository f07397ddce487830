"""Chalice's config: the numbers are carried, and the app is refused with the way."""

import json

CHALICE = "from chalice import Chalice\napp = Chalice(app_name='shop')\n"
CONFIG = {
    "version": "2.0",
    "app_name": "shop",
    "lambda_memory_size": 1024,
    "environment_variables": {"LOG": "info", "TOKEN": "abcdefgh"},
    "stages": {"dev": {"api_gateway_stage": "api"}, "prod": {"lambda_timeout": 60, "autogen_policy": True}},
}


def test_numbers_are_carried_and_the_way_is_told(move):
    moved = move({".chalice/config.json": json.dumps(CONFIG), "app.py": CHALICE})
    assert (moved.load("dev").function.memory, moved.load("prod").function.timeout) == (1024, 60)
    assert moved.load("dev").full_name == "shop-web-dev"
    assert moved.load("dev").environment == {"LOG": "info"}
    verdict, why = moved.fate("app.py")
    assert (verdict, "Flask" in why, "[functions.NAME]" in why) == ("refused", True, True)
    assert "names no app" in moved.story
    assert "chalice delete --stage dev" in moved.story


def test_a_project_that_has_moved_its_routes_already_has_an_app(move):
    moved = move({".chalice/config.json": json.dumps(CONFIG)})
    assert moved.load("dev").app == "app:app"
    assert "refused" not in moved.story


def test_a_network_is_carried_as_one(move):
    config = {"security_group_ids": ["sg-0b"], "subnet_ids": ["subnet-0a"], "lambda_memory_size": 1}
    loaded = move({".chalice/config.json": json.dumps(config)}).load()
    assert (loaded.vpc.subnets, loaded.vpc.security_groups) == (("subnet-0a",), ("sg-0b",))


def test_a_private_api_leaves_nobody_in(move):
    config = {"stages": {"dev": {"api_gateway_endpoint_type": "PRIVATE"}}}
    assert move({".chalice/config.json": json.dumps(config)}).load().http.auth == "iam"


def test_a_name_is_carried_with_its_certificate_to_be_asked_for(move):
    domain = {"domain_name": "api.example", "certificate_arn": "arn:aws:acm:eu-west-1:1:certificate/1"}
    config = {"stages": {"prod": {"api_gateway_custom_domain": {**domain, "url_prefix": "v1"}}}}
    moved = move({".chalice/config.json": json.dumps(config)})
    chosen = moved.load("prod").domain
    assert (chosen.names, chosen.zone, chosen.certificate) == (("api.example",), "none", "")
    assert moved.fate("api_gateway_custom_domain.certificate_arn")[0] == "needless"
    assert moved.fate("api_gateway_custom_domain.url_prefix")[0] == "by hand"
