"""The life of a stage with a CDN, and its policy: each call that is made is allowed, on what it is for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
from stages import stage_in
from template.test_deployer import ANOTHER_NAME
from waiting import nap

from lambdify.cli.aws import Account
from lambdify.cli.deploy import deploy
from lambdify.cli.look import status
from lambdify.cli.releases import rollback
from lambdify.cli.template import deployer
from lambdify.cli.undeploy import undeploy

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

Params = Mapping[str, Any]
Right = tuple[str, str]
"""An action, and the ARN that it is done to; "" where any will do."""
CDN = {"http.cdn": True, "http.endpoint": "function-url", "release.keep": 2}


def needed(service: str, operation: str, params: Params) -> Iterator[Right]:
    """Yield what a call takes, as IAM names it."""
    call = f"{service}:{operation}"
    for action in ANOTHER_NAME.get(call, {call}):
        if service == "s3":
            yield from ((action, arn) for arn in of_s3(operation, params, action))
        else:
            yield action, ""


def of_s3(operation: str, params: Params, action: str) -> Iterator[str]:
    """Yield the ARNs of the bucket, or of the objects, that a call of S3 is for."""
    bucket = f"arn:aws:s3:::{params['Bucket']}" if "Bucket" in params else "*"
    if operation == "CopyObject" and action == "s3:GetObject":
        yield f"arn:aws:s3:::{params['CopySource']['Bucket']}/{params['CopySource']['Key']}"
    elif operation == "DeleteObjects":
        yield from (f"{bucket}/{each['Key']}" for each in params["Delete"]["Objects"])
    else:
        yield f"{bucket}/{params['Key']}" if "Key" in params else bucket


def watched(account: Account, calls: list[Right]) -> Account:
    """Return the account; what is asked of it is added to `calls`."""

    def watch(make: Callable[..., Any]) -> Callable[..., Any]:
        @cache
        def client(service: str, **more: str) -> Any:
            def note(params: Params, model: Any, **_: Any) -> None:
                calls.extend(needed(service, model.name, params))

            made = make(service, **more)
            made.meta.events.register("provide-client-params", note)
            return made

        return client

    return replace(
        account, client=watch(account.client), client_without_retries=watch(account.without_retries)
    )


def is_allowed(right: Right, statements: list[Mapping[str, Any]]) -> bool:
    action, arn = right
    return any(
        action in each["Action"] and (not arn or any(fnmatchcase(arn, one) for one in each["Resource"]))
        for each in statements
    )


def test_whatever_is_asked_of_aws_in_the_life_of_a_stage_is_allowed(
    account: Account,
    make_settings: Callable[..., Any],
    make_bundle: Callable[..., Any],
    add_files: Callable[..., Any],
    talk: Any,
    functions: Any,
) -> None:
    calls: list[Right] = []
    stage = stage_in(watched(account, calls), make_settings(overrides=CDN))
    for color in ("red", "green"):
        files = {"static/style.css": color.encode(), f"static/{color}.0badcafe.js": color.encode()}
        bundle = add_files(make_bundle(f"app = {color!r}"), files)
        deploy(stage, lambda bundle=bundle: bundle, talk.console, yes=True, sleep=nap)
    rollback.rollback(stage, talk.console, number=1, yes=True, sleep=nap)
    status.fetch(stage, check_health=False)
    undeploy(stage, talk.console, yes=True, sleep=nap)
    bucket = f"arn:aws:s3:::{stage.static_bucket}"
    made = set(calls)
    assert {
        ("s3:PutObject", f"{bucket}/shop/dev/static/red.0badcafe.js"),
        ("s3:PutObject", f"{bucket}/shop/dev/static/style.css"),
        ("s3:CreateBucket", bucket),
        ("s3:DeleteBucket", bucket),
        ("cloudformation:ExecuteChangeSet", ""),
    } <= made, "it was seen"
    statements = list(deployer.write(stage).document["Statement"])
    assert sorted(right for right in made if not is_allowed(right, statements)) == []
