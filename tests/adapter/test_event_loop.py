"""Requests that begin without a turn of the loop: nothing that an app can notice is different."""

import asyncio
import contextvars
import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import anyio.to_thread
import pytest
import uvloop

from lambdify.adapter import event_loop
from lambdify.adapter.asgi import Server
from lambdify.adapter.event_loop import Loop
from lambdify.adapter.messages import Request

START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b""}

eager = pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 has eager tasks, and later ones")


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@pytest.fixture(params=["at once", "after a wait"])
def run(request: pytest.FixtureRequest, loop: Loop) -> Callable[[Any], tuple[Any, bool]]:
    """Do work on an idle loop: its result, and whether others may be left behind."""

    async def wait_first(work: Any, results: list[Any]) -> None:
        if request.param == "after a wait":
            await asyncio.sleep(0)
        results.append(await work())

    def run(work: Any) -> tuple[Any, bool]:
        make_idle(loop)
        results: list[Any] = []
        task, others = event_loop.perform(loop, wait_first, work, results)
        task.result()
        return results[0], others

    return run


def is_idle(loop: Loop) -> bool:
    return loop._agenda.is_empty()


def make_idle(loop: Loop) -> None:
    while not is_idle(loop):
        loop.call_soon(loop.stop)
        loop.run_forever()


async def nothing(*_: object) -> None: ...


def start_at_once(work: Any) -> asyncio.Task[Any]:
    return asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)


class TestInside:
    """What an app sees is what it sees in a turn."""

    def test_the_task_stays_the_same(self, run):
        async def work():
            before = asyncio.current_task()
            await asyncio.sleep(0)
            return before is asyncio.current_task() and before in asyncio.all_tasks() and before.get_name()

        assert run(work)[0] == "request"

    def test_the_loop_is_the_running_one(self, run, loop):
        async def work():
            return asyncio.get_running_loop() is asyncio.get_event_loop() is loop and loop.is_running()

        assert run(work)[0]
        assert not loop.is_running()
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()

    def test_context_variables_are_those_of_the_request(self, run):
        user = contextvars.ContextVar("user", default="nobody")
        user.set("the caller")

        async def work():
            seen = [user.get()]
            user.set("somebody")
            await asyncio.sleep(0)
            seen.append(user.get())
            seen.append(await asyncio.create_task(look()))
            seen.append(await asyncio.to_thread(user.get))
            return seen

        async def look():
            return user.get()

        assert run(work)[0] == ["the caller", "somebody", "somebody", "somebody"]
        assert user.get() == "the caller"

    def test_a_timeout_ends_what_takes_too_long(self, run):
        async def work():
            async with asyncio.timeout(None):
                pass
            try:
                async with asyncio.timeout(0.01):
                    await asyncio.sleep(60)
            except TimeoutError:
                return "too long"

        assert run(work)[0] == "too long"

    def test_cancel_scopes_of_anyio_end_what_takes_too_long(self, run):
        async def work():
            with anyio.CancelScope() as left:
                left.cancel()
                await anyio.sleep(60)
            with anyio.move_on_after(0.01) as late:
                await anyio.sleep(60)
            return left.cancelled_caught, late.cancelled_caught

        assert run(work)[0] == (True, True)

    def test_task_groups_wait_for_theirs(self, run):
        done: list[str] = []

        async def work():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(note("asyncio"))
            async with anyio.create_task_group() as group:
                group.start_soon(note, "anyio")
                done.append(await anyio.to_thread.run_sync(threading.current_thread) is not None)

        async def note(name: str) -> None:
            await asyncio.sleep(0)
            done.append(name)

        run(work)
        assert done[0] == "asyncio"
        assert set(done[1:]) == {True, "anyio"}

    def test_a_cancelled_task_is_cancelled(self, loop):
        async def work():
            asyncio.current_task().cancel()
            await asyncio.sleep(0)

        make_idle(loop)
        assert event_loop.perform(loop, work)[0].cancelled()

    def test_anyio_knows_where_it_is(self, run):
        async def work():
            return anyio.get_current_task().name

        assert run(work)[0] == "request"

    @pytest.mark.slow
    def test_an_abandoned_asynchronous_generator_is_closed(self, run, loop):
        closed: list[str] = []

        async def numbers():
            try:
                yield 1
                yield 2
            finally:
                await asyncio.sleep(0)
                closed.append("closed")

        async def work():
            return await anext(numbers())

        outside = sys.get_asyncgen_hooks()
        assert run(work) == (1, True)
        assert sys.get_asyncgen_hooks() == outside
        gc.collect()
        make_idle(loop)
        assert closed == ["closed"]

    def test_another_loop_cannot_run_inside(self, run):
        async def work():
            other = asyncio.new_event_loop()
            try:
                with pytest.raises(RuntimeError, match="while another loop is running"):
                    other.run_until_complete(asyncio.Future(loop=other))
                with pytest.raises(RuntimeError, match="already running"):
                    asyncio.get_running_loop().run_forever()
            finally:
                other.close()

        run(work)

    def test_a_request_inside_of_a_running_loop_is_refused(self, run, loop):
        async def work():
            with pytest.raises(RuntimeError, match="inside of a running event loop"):
                event_loop.perform(loop, nothing)
            return asyncio.get_running_loop() is loop

        assert run(work)[0]


class TestLeftBehind:
    """What a request leaves behind is known, and what was asked of the loop comes."""

    def test_a_request_that_asks_nothing_of_the_loop_leaves_nothing(self, loop):
        make_idle(loop)
        task, others = event_loop.perform(loop, nothing)
        assert (task.done(), others) == (True, False)
        assert is_idle(loop)

    @pytest.mark.parametrize(
        "make",
        [
            pytest.param(asyncio.create_task, id="create_task"),
            pytest.param(asyncio.ensure_future, id="ensure_future"),
            pytest.param(asyncio.Task, id="Task"),
            pytest.param(start_at_once, marks=eager),
        ],
    )
    def test_a_task_is_noticed_however_it_was_made(self, run, make):
        async def work():
            return make(asyncio.sleep(0.001, "done"))

        task, others = run(work)
        assert others
        assert not task.done()
        assert task.get_loop().run_until_complete(task) == "done"

    @eager
    def test_eager_tasks_of_an_apps_own_factory_are_noticed(self, run, loop):
        async def work():
            return asyncio.create_task(begun.wait())

        begun = asyncio.Event()
        loop.set_task_factory(asyncio.eager_task_factory)
        task, others = run(work)
        assert others
        begun.set()
        assert loop.run_until_complete(task)

    def test_tasks_of_a_factory_that_asks_for_more_begin_too(self, loop):
        log: list[str] = []

        def make(loop, coroutine, **named):
            loop.call_soon(log.append, "asked by the factory")
            return asyncio.Task(coroutine, loop=loop, **named)

        async def work():
            log.append("began")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            log.append("ended")

        loop.set_task_factory(make)
        make_idle(loop)
        task, others = event_loop.perform(loop, work)
        assert (task.done(), others) == (True, True)
        assert log == ["began", "asked by the factory", "ended"]
        assert event_loop.perform(loop, nothing)[1]

    def test_callbacks_come_before_the_next_request_and_nobody_waits_for_them(self, loop):
        log: list[str] = []

        async def work(name: str) -> None:
            log.append(name)
            loop.call_soon(log.append, f"callback of {name}")
            loop.call_later(0, log.append, f"timer of {name}")
            loop.call_later(60, log.append, f"late timer of {name}")

        make_idle(loop)
        event_loop.perform(loop, work, "first")
        assert log == ["first"]
        event_loop.perform(loop, work, "second")
        assert log == ["first", "callback of first", "timer of first", "second"]

    def test_a_timer_keeps_the_loop_busy_until_it_was_due(self, loop):
        make_idle(loop)
        loop.call_later(0.02, int)
        busy = 0
        while not is_idle(loop):
            loop.call_soon(loop.stop)
            loop.run_forever()
            busy += 1
        assert busy > 1

    def test_what_a_socket_brings_comes_before_the_next_request(self, loop):
        here, there = socket.socketpair()
        log: list[bytes] = []
        with here, there:
            loop.add_reader(here, lambda: log.append(here.recv(10)))
            for data in (b"one", b"two"):
                there.send(data)
                event_loop.perform(loop, nothing)
            loop.remove_reader(here)
        assert log == [b"one", b"two"]

    def test_what_a_thread_says_comes_before_the_next_request(self, loop):
        log: list[str] = []
        make_idle(loop)
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(log.append, "from a thread"))
        thread.start()
        thread.join()
        event_loop.perform(loop, nothing)
        assert log == ["from a thread"]

    def test_signals_are_handled_by_the_second_request_after_them(self, loop):
        log: list[str] = []
        loop.add_signal_handler(signal.SIGUSR1, log.append, "signal")
        for _ in range(3):
            signal.raise_signal(signal.SIGUSR1)
            event_loop.perform(loop, nothing)  # in its turn the loop reads which signal came,
            event_loop.perform(loop, nothing)  # and calls the handler in the next, as asyncio's does
        loop.remove_signal_handler(signal.SIGUSR1)
        assert log == ["signal"] * 3

    def test_what_a_broken_turn_left_comes_in_the_next(self, loop):
        log: list[str] = []

        async def leave():
            await asyncio.sleep(0)
            loop.call_soon(log.append, "left")
            raise SystemExit

        make_idle(loop)
        with pytest.raises(SystemExit):
            event_loop.perform(loop, leave)
        event_loop.perform(loop, nothing)
        assert log == ["left"]


class TestKinds:
    """Loops of other kinds take their turns."""

    def test_asyncios_own_loop_is_ours(self):
        loop = event_loop.make()
        assert type(loop) is Loop
        loop.close()

    def test_a_policy_of_the_app_decides(self):
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        try:
            loop = event_loop.make()
        finally:
            asyncio.set_event_loop_policy(None)
        assert isinstance(loop, uvloop.Loop)
        loop.close()

    def test_in_debug_mode_every_step_is_a_turn_which_asyncio_times(self, monkeypatch):
        monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
        loop = event_loop.make()
        assert type(loop) is asyncio.SelectorEventLoop
        assert loop.get_debug()
        loop.close()


def test_a_server_is_not_closed_in_the_middle_of_a_request(context):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            server.close()
            await send(START)
            await send(END)

    server = Server(app)
    assert server.run(Request("GET", "/"), {}, context).status == 200
    assert server.run(Request("GET", "/"), {}, context).status == 200
    server.close()
