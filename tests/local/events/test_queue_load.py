"""A thousand messages at once: none is lost and none comes twice, whoever sends while others are deleted."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from local.events.observed import Observed, arn_of, new_mark
from local.stacks import Deployed
from waiting import eventually

from lambdify.cli.local.daemon import cloud as room

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

COUNT, WORKERS, SENDERS = 1000, 10, 4
NOTING = """
import os, pathlib

FOLDER = pathlib.Path({folder!r})

def handler(event, context):
    for record in event["Records"]:
        with open(FOLDER / str(os.getpid()), "a") as file:
            file.write(record["body"] + "\\n")
    return {{"batchItemFailures": []}}
"""


@pytest.fixture
def noting(cloud: room.Cloud, tmp_path: Path) -> Iterator[Observed]:
    folder = tmp_path / "noted"
    folder.mkdir()
    deployed = Deployed(cloud, tmp_path, NOTING.format(folder=str(folder)))
    function = Observed(deployed, folder)
    yield function
    function.clear()
    deployed.remove()


def test_a_thousand_messages_are_each_worked_off_once(noting: Observed, tmp_path: Path) -> None:
    mark = new_mark()
    url = noting.queue(mark, VisibilityTimeout="180")
    more = {"BatchSize": 1, "ScalingConfig": {"MaximumConcurrency": WORKERS}}
    noting.make(mark, {"Source": noting.mapping(arn_of("sqs", mark), **more)})
    numbers = [str(number) for number in range(COUNT)]
    with ThreadPoolExecutor(SENDERS) as threads:
        list(threads.map(lambda part: noting.send(url, *numbers[part::SENDERS]), range(SENDERS)))

    def worked() -> list[str]:
        return [line for path in (tmp_path / "noted").iterdir() for line in path.read_text().split()]

    assert eventually(lambda: len(worked()) >= COUNT, every=0.1), f"{len(worked())} of {COUNT}"
    assert eventually(lambda: noting.count(url) == 0)
    assert Counter(worked()) == Counter(numbers)
