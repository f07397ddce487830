"""What comes of a stream's batch, and which records a function says have failed."""

from typing import Any

import pytest

from lambdify.cli.local.events.batches import (
    ENDLESS,
    Rules,
    Verdict,
    judge,
    read_failures,
    read_rules,
    reports_failures,
)

KNOWN = ["a", "b", "c", "d"]
RULES = Rules(size=100, window=0, retries=2, max_age=ENDLESS, bisect=False, partial=True, on_failure="")
RAISED = {"error": True, "body": {"errorType": "ValueError"}}


def reported(*names: object) -> dict[str, Any]:
    return {"body": {"batchItemFailures": [{"itemIdentifier": name} for name in names]}}


@pytest.mark.parametrize(
    "returned",
    [None, {}, {"other": 1}, {"batchItemFailures": None}, {"batchItemFailures": []}],
    ids=repr,
)
def test_these_results_mean_that_nothing_has_failed(returned: Any) -> None:
    assert read_failures(returned, KNOWN) == set()


@pytest.mark.parametrize(
    "returned",
    [
        "ok",
        True,
        7,
        ["a"],
        reported("")["body"],
        reported(None)["body"],
        reported("e")["body"],
        reported("a", "e")["body"],
        {"batchItemFailures": "a"},
        {"batchItemFailures": ["a"]},
        {"batchItemFailures": [{"itemIdentifer": "a"}]},
    ],
    ids=repr,
)
def test_these_results_mean_that_all_has_failed(returned: Any) -> None:
    assert read_failures(returned, KNOWN) == set(KNOWN)


def test_what_is_named_has_failed() -> None:
    assert read_failures(reported("b", "d", "b")["body"], KNOWN) == {"b", "d"}


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        ({"body": None}, Verdict(4)),
        (reported("c", "b"), Verdict(1, 3)),
        (reported("a"), Verdict(0, 4, 1)),
        (RAISED, Verdict(0, 4, 1)),
        ({"throttle": True, "error": True, "body": {}}, Verdict(0, 4, 0)),
    ],
    ids=["all done", "the second has failed", "the first has failed", "raised", "throttled"],
)
def test_a_batch_is_done_with_up_to_its_first_failure(result: Any, verdict: Verdict) -> None:
    assert judge(result, KNOWN, RULES, attempts=0, age=1) == verdict


def test_a_report_of_a_function_that_is_not_asked_for_one_counts_for_nothing() -> None:
    assert judge(reported("a"), KNOWN, RULES._replace(partial=False), attempts=0, age=1) == Verdict(4)


def test_a_batch_is_given_up_after_its_attempts_and_without_a_limit_never() -> None:
    assert judge(RAISED, KNOWN, RULES, attempts=1, age=1) == Verdict(0, 4, 2)
    assert judge(RAISED, KNOWN, RULES, attempts=2, age=1) == Verdict(4, given_up="RetryAttemptsExhausted")
    no_retry = RULES._replace(retries=0)
    assert judge(RAISED, KNOWN, no_retry, attempts=0, age=1).given_up == "RetryAttemptsExhausted"
    endless = RULES._replace(retries=ENDLESS)
    assert judge(RAISED, KNOWN, endless, attempts=10_000, age=1) == Verdict(0, 4, 10_001)


def test_a_batch_is_given_up_at_its_age() -> None:
    rules = RULES._replace(max_age=60)
    assert judge(RAISED, KNOWN, rules, attempts=0, age=60) == Verdict(0, 4, 1)
    assert judge(RAISED, KNOWN, rules, attempts=0, age=61) == Verdict(4, given_up="RecordAgeExceeded")
    assert judge({"body": None}, KNOWN, rules, attempts=0, age=61) == Verdict(4)


def test_halves_are_no_attempts() -> None:
    rules = RULES._replace(bisect=True)
    assert judge(RAISED, KNOWN, rules, attempts=1, age=1) == Verdict(0, 2, 1)
    assert judge(RAISED, ["a"], rules, attempts=1, age=1) == Verdict(0, 1, 2)


def test_a_mapping_that_says_nothing_has_the_rules_of_aws() -> None:
    assert read_rules({}) == Rules(100, 0, ENDLESS, ENDLESS, False, False, "")
    said = {
        "BatchSize": 5,
        "MaximumBatchingWindowInSeconds": 3,
        "MaximumRetryAttempts": 0,
        "MaximumRecordAgeInSeconds": 60,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Destination": "arn"}},
    }
    assert read_rules(said) == Rules(5, 3, 0, 60, True, True, "arn")
    assert reports_failures({"FunctionResponseTypes": None}) is False
