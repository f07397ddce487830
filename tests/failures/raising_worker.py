"""Imports the `app` of each project that a file lists, in a fork, and writes down what it raised."""

import errno
import importlib
import json
import os
import sys
import traceback

PRELOADED = ("django.core.wsgi", "environs", "pydantic_settings", "starlette.staticfiles")


class Watched(type(os.environ)):
    """os.environ that remembers which variables were asked for and not set."""

    asked: list = []  # noqa: RUF012 - one process has one

    def __getitem__(self, key):
        try:
            return super().__getitem__(key)
        except KeyError:
            self.asked.append(key)
            raise


def main(listed):
    for name in PRELOADED:
        importlib.import_module(name)
    with open(listed) as file:
        wanted = json.load(file)
    for each in wanted:
        if os.fork() == 0:
            start(*each)
        _, status = os.wait()
        assert status == 0, each


def start(root, report, variables, read_only):
    os.chdir(root)
    os.environ.clear()
    os.environ.update(variables)
    os.environ.__class__ = Watched
    sys.path[:1] = [root]
    if read_only:
        forbid_writing(root)
    try:
        importlib.import_module("app")
    except BaseException as error:
        told = {"raised": value(error, root), "unset": Watched.asked, "text": traceback.format_exc()}
        with open(report, "w") as file:
            json.dump(told, file)
        os._exit(0)
    os._exit(1)


def forbid_writing(root):
    def audit(event, arguments):
        writes = event == "open" and arguments[2] and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes or event == "os.mkdir":
            path = os.path.join(root, os.fsdecode(arguments[0]))  # noqa: PTH118 - as Python has it
            if path.startswith(f"{root}/"):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), os.fsdecode(arguments[0]))

    sys.addaudithook(audit)


def value(error, root):
    if error is None:
        return None
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    seen = [each for each in traceback.extract_tb(error.__traceback__) if each.filename != __file__]
    frames = [frame(each, root) for each in seen]
    if isinstance(error, SyntaxError) and error.filename:
        broken = traceback.FrameSummary(error.filename, error.lineno, "", line=error.text or "")
        frames.append(frame(broken, root))
    names = ("name", "path", "filename", "errno", "lineno")
    fields = {each: str(getattr(error, each)) for each in names if getattr(error, each, None) is not None}
    if "filename" in fields:
        fields["filename"] = fields["filename"].removeprefix(f"{root}/")
    return {
        "type": name_of(type(error)),
        "bases": [name_of(each) for each in type(error).__mro__[1:]],
        "message": str(error),
        "fields": fields,
        "frames": frames,
        "cause": value(cause, root),
    }


def frame(each, root):
    return {
        "path": each.filename.removeprefix(f"{root}/").rpartition("/site-packages/")[2],
        "line": each.lineno,
        "function": each.name,
        "source": (each.line or "").strip(),
        "own": each.filename.startswith(f"{root}/"),
    }


def name_of(kind):
    return f"{kind.__module__}.{kind.__qualname__}"


if __name__ == "__main__":
    main(sys.argv[1])
