"""What an account or region is not ready for, found before anything is built."""

from dataclasses import replace

import pytest
from stages import stage_in

from lambdify.cli.errors import AwsError, SettingsError
from lambdify.cli.plan import pitfalls

LOGGED = {"http.endpoint": "rest-api", "http.access_logs": True}


def test_access_logs_of_a_rest_api_need_a_role_that_the_account_has(stubbed, make_settings):
    stubbed.answers("apigateway.get_account", {})
    with pytest.raises(AwsError) as caught:
        pitfalls.check(stage_in(stubbed.account, make_settings("dev", LOGGED)))
    assert "access_logs" in caught.value.message
    assert pitfalls.ROLE_FOR_LOGS in caught.value.hint


def test_an_account_whose_rest_apis_may_write_logs_is_ready(stubbed, make_settings):
    stubbed.answers("apigateway.get_account", {"cloudwatchRoleArn": "arn:aws:iam::123456789012:role/logs"})
    pitfalls.check(stage_in(stubbed.account, make_settings("dev", LOGGED)))


def test_nothing_is_asked_where_no_setting_needs_it(stubbed, make_settings):
    pitfalls.check(stage_in(stubbed.account, make_settings("dev", {"http.access_logs": True})))


def test_a_region_without_snapstart_is_refused_though_only_the_profile_names_it(stubbed, make_settings):
    settings = make_settings("dev", {"function.snapstart": True, "region": ""})
    account = replace(stubbed.account, region="ap-east-2")
    with pytest.raises(SettingsError, match="ap-east-2"):
        pitfalls.check(stage_in(account, settings))
