"""Work that goes on after the response: threads, schedulers, tasks, and workers beside the app."""

import ast
import re
from collections.abc import Iterator

from lambdify.cli.check.code.app_code import AppCode
from lambdify.cli.check.code.code_file import CodeFile
from lambdify.cli.check.code.sites import Call, qualify
from lambdify.cli.check.rules import names
from lambdify.cli.check.rules.finding import Finding, report

THREADS = names.find("threads", "starters")
SCHEDULERS = names.find("scheduler", "makers")
APSCHEDULER = re.compile(r"^apscheduler\..*Scheduler$")
PERIODIC = tuple(names.find("scheduler", "decorators"))
TASKS = names.find("background", "starters")
TASK_DECORATORS = names.find("workers", "tasks")
OUR_TASKS = names.find("workers", "ours")
WORKERS = names.find("workers", "makers")


def find(code: AppCode) -> Iterator[Finding]:
    """Yield what works after the response, or beside the app."""
    threads = set(_threads(code))
    for file, call in code.calls():
        if (call.name in THREADS or call.name in threads) and not _is_joined(file):
            yield report("threads", file, call.line, f"{call.last}() is not waited for")
        elif call.name in SCHEDULERS or APSCHEDULER.search(call.name):
            yield report("scheduler", file, call.line, f"{call.last} runs jobs inside of the app")
        elif _is_left(call, code, file) or _is_submitted(call, file):
            yield report("background", file, call.line, f"{call.last}() is not waited for")
        elif call.last == "add_task" and _takes_background(file):
            yield _report_background(code, file, call)
        elif call.name in WORKERS:
            what = f"{call.name}: what works on its tasks is not in the function"
            yield report("workers", file, call.line, what)
    for file in code.files:
        for each in file.sites.decorated:
            if each.name.endswith(PERIODIC):
                what = f"{each.function.name}() is to run again and again"
                yield report("scheduler", file, each.line, what)
            elif each.name in OUR_TASKS and not code.settings.tasks.workers:
                what = "uses @task and [tasks] workers is 0: tasks run inside the request"
                yield report("tasks", file, each.line, what)
            elif each.name in TASK_DECORATORS:
                what = f"{each.function.name}() is a task: what works on it is not in the function"
                yield report("workers", file, each.line, what)


def _report_background(code: AppCode, file: CodeFile, call: Call) -> Finding:
    """Return what becomes of a background task of Starlette's or FastAPI's."""
    http = code.settings.http
    if not http.after_reply and not http.streaming:
        waited = "add_task(): the client waits for it, as [http] after_reply = false says"
        return report("background", file, call.line, waited)
    what = "add_task(): it runs after the response, in the rest of the function's time"
    return report("background", file, call.line, what, level="note")


def _threads(code: AppCode) -> Iterator[str]:
    """Yield the app's own classes of threads."""
    for file in code.files:
        module = code.project.module(file.path)
        for name, node in module.classes.items() if module else ():
            if any(qualify(base, file.sites.names) in THREADS for base in node.bases):
                yield f"{file.module}.{name}"


def _is_submitted(call: Call, file: CodeFile) -> bool:
    """Whether work is given to a pool of threads, and nobody takes the result."""
    owner = call.name.rpartition(".")[0]
    return call.discarded and call.last == "submit" and file.made.get(owner, "").endswith("PoolExecutor")


def _is_joined(file: CodeFile) -> bool:
    """Whether the file waits for its threads: `thread.join()`, or `thread.join(timeout)`."""
    joins = (each for each in file.sites.calls if each.last == "join")
    return any(
        not each.node.args or "time" in ast.unparse(each.node.args[0])
        for each in joins
        if not each.name.startswith(("?", "os.path.", "posixpath."))
    )


def _is_left(call: Call, code: AppCode, file: CodeFile) -> bool:
    """Whether a task of asyncio is begun and left to itself."""
    begun = call.name in TASKS or (call.last == "create_task" and "loop" in call.name)
    return begun and (call.discarded or (bool(call.moment.function) and code.starts(file, call.moment)))


def _takes_background(file: CodeFile) -> bool:
    return any(name.endswith((".BackgroundTasks", ".BackgroundTask")) for name in file.sites.names.values())
