"""What a guarded start of the app reported (worker.py), read as an Outcome.

A start that fails here fails on Lambda too only if nothing else was different here. So it cannot be told
    - after a refused connection, unless the error is of a kind that no answer would have changed,
    - after the value of a secret was used, with the same exception,
    - if a folder of Lambda's, /tmp, is not the app's own here, and it wanted to write there,
    - if it ran out of time with the processor at work all the while, or was killed.
"""

import errno
import linecache
import re
import signal
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lambdify.cli.packing.bundle import app
from lambdify.cli.packing.bundle.bundle import LAYER_PREFIX, LAYER_ROOT, TASK_ROOT
from lambdify.cli.programs.guarded import AUDIT_HOOK, Ending
from lambdify.cli.programs.pythons import Interpreter
from lambdify.cli.rehearsal.outcome import Blocked, Frame, Outcome, Raised
from lambdify.cli.rehearsal.place import Place

TMP = "/tmp"  # noqa: S108 - Lambda's, in texts
TMP_HERE = (f"{TMP}/", f"{Path(TMP).resolve()}/")
OF_THE_NETWORK = (
    "Connection refused",
    "name resolution",
    "Name or service not known",
    "could not translate host name",
    "nodename nor servname",
)
"""What errors say after a connection was refused in C, which no hook sees."""
OF_THE_SYSTEM = ("GLIBC", "GLIBCXX", "cannot open shared object file")
"""What errors say of libraries that Lambda's system has, or has in another version."""
WITHOUT_KEYS = "lambdify.adapter.aws.CallFailed"
"""What the adapter raises where there are no keys, as here: to enqueue a task, to sign in to a database."""
INDEPENDENT = {"builtins.ImportError", "builtins.SyntaxError", "builtins.NameError"}
"""Kinds of errors that no connection would have prevented."""
KEYS_OF_AWS = ("169.254.169.254", "169.254.170.2")
"""Where AWS's libraries look for keys: https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html"""
BUSY = 0.5
"""The part of the time for which the processor works in a start that is slow, not stuck."""


_SITE_PACKAGES = re.compile(r"(lib/python3\.\d+/site-packages/)?")
_FROZEN = re.compile(r"<frozen ([\w.]+)>")
_IMPORTS = ("<frozen importlib", "<frozen runpy")


def read(ending: Ending, place: Place, interpreter: Interpreter) -> Outcome:
    """Return the outcome of a start."""
    paths = _Paths(place, interpreter)
    events = ending.report
    later = {name for each in events if each["event"] == "set" for name in each["names"]}
    asked = dict.fromkeys(each["name"] for each in events if each["event"] == "unset")
    blocked = tuple(dict.fromkeys(paths.blocked(each) for each in events if each["event"] == "blocked"))
    end = next((each for each in events if each["event"] in ("starts", "raised")), {})
    raised = paths.raised(end.get("error"))
    kind, reason = "starts", ""
    if raised:
        kind, reason = _judge(raised, blocked, end, events)
    elif not end:
        kind, reason = _judge_end(ending, blocked, {each["event"] for each in events})
    return Outcome(
        kind=kind,  # type: ignore[arg-type]
        interface=end.get("interface", ""),
        asked=end.get("asked", False),
        raised=raised,
        unset=tuple(name for name in asked if name not in later),
        blocked=blocked,
        output=paths.translate(ending.output),
        seconds=ending.seconds,
        reason=reason,
    )


def _judge(
    raised: Raised, blocked: Sequence[Blocked], end: Mapping[str, Any], events: Sequence[Mapping[str, Any]]
) -> tuple[str, str]:
    connects = [each.target for each in blocked if each.what == "connect"]
    texts = [each.message for each in raised.chain()]
    of_the_network = any(part in text for part in OF_THE_NETWORK for text in texts)
    independent = _is_independent(raised)
    if end["refused"] or of_the_network or (connects and not independent):
        return "untold", f"it {_reach(connects)} while it is imported"
    if any(each.type == WITHOUT_KEYS for each in raised.chain()):
        return "untold", "it asks AWS for its keys while it is imported"
    if any(f"{TASK_ROOT}/" in each for each in _texts(end["error"])):
        return "untold", f"it names {TASK_ROOT}, which is another folder here"
    if lacking := next((each for each in raised.chain() if _is_of_this_machine(each)), None):
        return "untold", f"this machine is not as Lambda is: {lacking.message}"
    written = next(
        (each.target for each in blocked if each.what == "write" and each.target.startswith(TMP_HERE)), ""
    )
    if written:
        return (
            "untold",
            f"it writes to {written} while it is imported, and this machine cannot give it a /tmp of its own",
        )
    if independent:
        return "fails", ""
    if programs := [each.target for each in blocked if each.what == "program"]:
        return "untold", f"it starts {programs[-1]} while it is imported, which this machine cannot guard"
    if secrets := [each["name"] for each in events if each["event"] == "secret"]:
        return (
            "untold",
            f"it uses the secret {secrets[-1]} while it is imported, whose value is not known here",
        )
    return "fails", ""


def _texts(error: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield what an error and what led to it say, with the paths of this machine."""
    while error:
        yield from (error["message"], *error["fields"].values())
        error = error["cause"]


def _reach(connects: Sequence[str]) -> str:
    """Return what the app did when it connected; nothing is known of what C code does."""
    if not connects:
        return "connects to another machine"
    of_aws = connects[-1].startswith(KEYS_OF_AWS)
    return "asks AWS for its keys" if of_aws else f"connects to {connects[-1]}"


def _is_independent(raised: Raised) -> bool:
    """Return whether neither a connection nor a secret's value would have prevented the error."""
    variable = raised.type == "builtins.KeyError" and any(
        frame.path == "os.py" for frame in raised.frames[-1:]
    )
    read_only = any(each.fields.get("errno") == str(errno.EROFS) for each in raised.chain())
    return bool(variable or read_only or INDEPENDENT & set(raised.bases))


def _is_of_this_machine(raised: Raised) -> bool:
    """Return whether the error is about what this machine lacks, and Lambda has."""
    if raised.type == "builtins.ModuleNotFoundError":
        return raised.fields.get("name") in sys.stdlib_module_names
    return "builtins.ImportError" in raised.bases and any(part in raised.message for part in OF_THE_SYSTEM)


def _judge_end(ending: Ending, blocked: Sequence[Blocked], told: Collection[str]) -> tuple[str, str]:
    """Return kind and reason for a start that reported no end; `told` are the kinds of its events."""
    if "begins" not in told or "ends" in told:
        last = next(reversed(ending.output.strip().splitlines()), "it said nothing")
        return "untold", f"the process that was to start it failed itself: {last}"
    connects = [each.target for each in blocked if each.what == "connect"]
    if ending.code is None and connects:
        return "untold", f"it {_reach(connects)} while it is imported, and waits for it"
    if ending.code is None and (ending.working or ending.cpu > BUSY * ending.seconds):
        return "untold", f"it was not ready here after {ending.seconds:.0f} seconds of work"
    if ending.code is None:
        return (
            "fails",
            f"it was not ready after {ending.seconds:.0f} seconds, and waits while it is imported",
        )
    if ending.code < 0:
        return "untold", f"it was ended here by {signal.Signals(-ending.code).name}"
    return "fails", f"it ended the process with exit code {ending.code} while it was imported"


class _Paths:
    """Reads paths of this machine as those of the project and of Lambda."""

    def __init__(self, place: Place, interpreter: Interpreter) -> None:
        self._place = place
        self._texts = {
            str(place.task_root): TASK_ROOT,
            str(place.layers): LAYER_ROOT,
            str(place.tmp): TMP,
        }
        self._library = f"{interpreter.library}/"

    def translate(self, text: str) -> str:
        """Return a text with the paths that it would have on Lambda."""
        for here, there in self._texts.items():
            text = text.replace(here, there)
        return text

    def blocked(self, event: Mapping[str, Any]) -> Blocked:
        frame = self.frame(*event["frame"]) if event["frame"] else None
        return Blocked(what=event["what"], target=self.translate(event["target"]), frame=frame)

    def raised(self, error: Mapping[str, Any] | None) -> Raised | None:
        if error is None:
            return None
        return Raised(
            type=error["type"],
            bases=tuple(error["bases"]),
            message=self.translate(error["message"]),
            fields={name: self.translate(value) for name, value in error["fields"].items()},
            frames=tuple(self.frame(*each) for each in error["frames"] if not self._is_machinery(each[0])),
            cause=self.raised(error["cause"]),
        )

    def frame(self, file: str, line: int, function: str) -> Frame:
        path, own = self._name(file)
        return Frame(
            path=path, line=line, function=function, source=linecache.getline(file, line).strip(), own=own
        )

    def _name(self, file: str) -> tuple[str, bool]:
        """Return a file's name as the project knows it, and whether it is the project's own."""
        root, layers = f"{self._place.task_root}/", f"{self._place.layers}/{LAYER_PREFIX}"
        if file.startswith(root):
            name = file.removeprefix(root)
            return name, name not in self._place.owners and not name.startswith(f"{app.ADAPTER}/")
        if file.startswith(layers):
            return _SITE_PACKAGES.sub("", file.removeprefix(layers), count=1), False
        if frozen := _FROZEN.fullmatch(file):  # a part of the standard library, whose source is not read
            return f"{frozen[1].replace('.', '/')}.py", False
        return file.removeprefix(self._library), False

    def _is_machinery(self, file: str) -> bool:
        adapter = f"{self._place.task_root}/{app.ADAPTER}/"
        importlib = f"{self._library}importlib/"
        return file.startswith((*_IMPORTS, adapter, importlib)) or file == str(AUDIT_HOOK)
