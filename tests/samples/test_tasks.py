"""Tasks of a stage in the local cloud: done, tried again, given up, and not before their time."""

import json
import re
import time
from collections.abc import Iterator
from itertools import pairwise

import httpx
import pytest
from waiting import eventually

from lambdify.cli import aws, settings
from lambdify.cli.local.daemon import cloud

from .command import Project, wait_for_log

pytestmark = [pytest.mark.cloud, pytest.mark.index, pytest.mark.slow]

APP = """
import json
from datetime import timedelta
import jobs

def app(environ, start_response):
    name, _, seconds = environ["PATH_INFO"].strip("/").partition("/")
    task = getattr(jobs, name)
    if seconds:
        task = task.using(run_after=timedelta(seconds=int(seconds)))
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(task.enqueue(name).id).encode()]
"""
JOBS = """
import os, time
from lambdify.adapter.tasks import task

@task
def send(name):
    print("SENT", time.time())

@task
async def send_later(name):
    print("SENT LATER", time.time())

@task(takes_context=True, backoff=1)
def stumble(context, name):
    print("ATTEMPT", context.attempt, time.time())
    if context.attempt < 3:
        raise LookupError("not yet")

@task(backoff=0)
def fail(name):
    raise LookupError("never")

@task
def leave(name):
    print("LEFT", time.time())
    os._exit(3)
"""
SETTINGS = """
name = "tasky"
app = "app:app"
[tasks]
workers = 5
timeout = 3
attempts = 3
results = true
[release]
smoke = "off"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("tasky")
    (folder / "app.py").write_text(APP)
    (folder / "jobs.py").write_text(JOBS)
    (folder / "lambdify.toml").write_text(SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        project = Project(folder=folder, home=tmp_path_factory.mktemp("home"))
        patch.setenv("LAMBDIFY_HOME", str(project.home))
        yield project
        project.run("local", "stop")


@pytest.fixture(scope="module")
def site(project: Project) -> str:
    return project.run("deploy", "--local", "--yes").answer


@pytest.fixture(scope="module")
def account(project: Project, site: str) -> aws.Account:
    running = cloud.find()
    chosen = cloud.prepare(settings.load(project.folder), running)
    return aws.connect(chosen, endpoint_url=running.endpoint_url, credentials=running.credentials)


def ask(site: str, path: str) -> str:
    return httpx.post(f"{site}/{path}", timeout=60).raise_for_status().json()


def times(lines: list[str], word: str) -> list[float]:
    return [float(match[1]) for line in lines if (match := re.search(rf"{word} .*?(\d+\.\d+)$", line))]


@pytest.mark.parametrize(("path", "word"), [("send", "SENT"), ("send_later", "SENT LATER")])
def test_a_request_that_enqueues_is_answered_and_the_task_is_done(project, site, path, word):
    ask(site, path)
    wait_for_log(project, word)


def test_a_task_that_raises_twice_is_done_at_its_third_attempt(project, site):
    ask(site, "stumble")
    first, second, third = times(wait_for_log(project, "ATTEMPT 3"), "ATTEMPT")
    assert second - first > 0.8
    assert third - second > 1.6


def test_a_task_runs_when_it_is_to(project, site):
    begun = time.time()
    ask(site, "send/3")
    sent = eventually(
        lambda: [each for each in times(wait_for_log(project, "SENT"), "SENT") if each > begun], every=0.5
    )
    assert sent[0] - begun > 2.5


def test_what_fails_for_good_is_among_what_failed(project, site, account):
    ask(site, "fail")
    ask(site, "leave")
    sqs = account.client("sqs")
    tasks, given_up = (
        sqs.get_queue_url(QueueName=f"tasky-dev-{name}")["QueueUrl"] for name in ("tasks", "failed")
    )
    sqs.send_message(QueueUrl=tasks, MessageBody=json.dumps({"task": "os:system", "args": ["exit 3"]}))

    def count() -> int:
        told = sqs.get_queue_attributes(QueueUrl=given_up, AttributeNames=["All"])["Attributes"]
        return int(told["ApproximateNumberOfMessages"])

    assert eventually(lambda: count() == 3, every=0.2)
    told = project.run("failures", "--local", "--json").answer
    for what in ("LookupError: never", "os:system is not a task", "jobs:leave"):
        assert what in told
    left = times(wait_for_log(project, "LEFT"), "LEFT")
    assert len(left) == 3
    assert max(later - earlier for earlier, later in pairwise(left)) < 3 + 10


def test_what_runs_in_twenty_minutes_is_a_schedule_that_goes_with_the_stage(project, site, account):
    identity = ask(site, "send/1200")
    schedules = account.client("scheduler")
    named = [each["Name"] for each in schedules.list_schedules(GroupName="tasky-dev-tasks")["Schedules"]]
    assert named == [identity]
    project.run("undeploy", "--local", "--yes")
    assert not [each for each in schedules.list_schedules()["Schedules"] if each["Name"] == identity]
