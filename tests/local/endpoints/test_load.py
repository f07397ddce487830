"""Many clients at once, at an endpoint of the local cloud: as on Lambda nobody is refused, but by a limit."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError
from local.stacks import Deployed
from waiting import eventually

from lambdify.cli.local.daemon import cloud as room
from lambdify.cli.local.functions.fleet import LIMIT

pytestmark = pytest.mark.cloud

NAP = "import time\ndef handler(event, context):\n    time.sleep({seconds})\n    return 'done'\n"
MEET = (
    "import pathlib, time\n"
    "def handler(event, context):\n"
    "    folder = pathlib.Path({folder!r})\n"
    "    (folder / context.aws_request_id).touch()\n"
    "    while len(list(folder.iterdir())) < 2: time.sleep(0.01)\n"
    "    return 'met'\n"
)
Deploy = Callable[..., Deployed]


def ask_at_once(url: str, clients: int, each: int) -> Counter[int]:
    """The statuses that so many clients get who ask so often."""

    def ask(_: int) -> list[int]:
        with httpx.Client(timeout=40) as client:
            return [client.get(url).status_code for _ in range(each)]

    with ThreadPoolExecutor(clients) as threads:
        return Counter(status for statuses in threads.map(ask, range(clients)) for status in statuses)


def test_sixteen_clients_at_once_are_all_answered(deploy: Deploy) -> None:
    app = deploy("def handler(event, context):\n    return 'hello'\n")
    assert ask_at_once(app.url, 16, 20) == {200: 320}


@pytest.mark.slow
def test_more_clients_than_this_machine_has_environments_for_wait(deploy: Deploy, cloud: room.Cloud) -> None:
    app = deploy(NAP.format(seconds=0.3))
    assert ask_at_once(app.url, LIMIT + 8, 1) == {200: LIMIT + 8}
    (stage,) = [each for each in room.status(cloud) if each.name == app.name]
    assert 1 < stage.environments <= LIMIT


def test_reserved_concurrency_refuses_as_on_lambda(deploy: Deploy, tmp_path: Path) -> None:
    folder = tmp_path / "meeting"
    folder.mkdir()
    app = deploy(MEET.format(folder=str(folder)))
    lambda_ = app.account.client("lambda")
    lambda_.put_function_concurrency(FunctionName=app.name, ReservedConcurrentExecutions=1)
    room.endpoint(app.cloud, app.settings)  # as a deployment does at its end
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(httpx.get, app.url, timeout=20)
        while not list(folder.iterdir()):
            assert not first.done(), first.result().text
        assert httpx.get(app.url).status_code == 503
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            app.account.without_retries("lambda").invoke(FunctionName=app.name, Qualifier="live")
        (folder / "second").touch()
        assert first.result().status_code == 200
    # The environment is free when its process asks for the next event, a moment after the answer.
    assert eventually(lambda: httpx.get(app.url).status_code == 200)
