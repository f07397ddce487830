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
