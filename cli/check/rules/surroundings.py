"""Files beside the code that say how the app runs today: Procfile, Dockerfile, settings of gunicorn."""

import re
from collections.abc import Iterator
from pathlib import Path

from lambdify.cli.check.code.app_code import AppCode
from lambdify.cli.check.rules import names
from lambdify.cli.check.rules.finding import Finding, report
from lambdify.cli.detection import source

TIMEOUT = re.compile(r"gunicorn.*(?:--timeout[= ]+|\s-t[= ]?)(\d+)|^\s*timeout\s*=\s*(\d+)")
LIMITS = {"http-api": 30, "rest-api": 29}
"""Seconds that an endpoint waits. https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""
TOOLS = re.compile(r"(npm|npx|yarn|pnpm|node|make|sass|tailwindcss|webpack|vite|bun)\b|.*\btailwind\b")
"""What builds a front end while one develops."""
INSTALLS = re.compile(r"\b(?:apt-get|apt|apk|yum|dnf|microdnf)\b(?:\s+-\S+)*\s+(?:install|add)\s+([^&|;\n]+)")
PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
NEEDLESS = re.compile("|".join(sorted(names.find("libraries", "needless"))))
"""Packages that a build, a server or a person wants, and not the app; and those that wheels bring along."""


def find(code: AppCode) -> Iterator[Finding]:
    """Yield what these files start or install that a function has not."""
    root = code.settings.root
    yield from _procfile(root)
    for path in sorted(
        {*root.glob("Procfile"), *root.glob("*.sh"), *root.glob("Dockerfile*"), *root.glob("gunicorn*.py")}
    ):
        yield from _timeouts(path, code)
    for path in sorted(root.glob("Dockerfile")):
        yield from _packages(path)


def _lines(path: Path) -> list[str]:
    return source.decode(path.read_bytes()).splitlines() if path.is_file() else []


def _procfile(root: Path) -> Iterator[Finding]:
    for number, line in enumerate(_lines(root / "Procfile"), 1):
        kind = re.match(r"(\w[\w-]*):\s*(.*)", line)
        if kind and kind[1] not in {"web", "release"} and not TOOLS.match(kind[2]):
            yield report("workers", "Procfile", number, f'the process "{kind[1]}" is not in the function')


def _timeouts(path: Path, code: AppCode) -> Iterator[Finding]:
    limit = LIMITS.get(code.settings.http.endpoint, code.settings.function.timeout)
    for number, line in enumerate(_lines(path), 1):
        if (found := TIMEOUT.search(line)) and (seconds := int(found[1] or found[2])) > limit:
            what = f"gunicorn waits {seconds} s for a response, {code.settings.http.endpoint} {limit} s"
            yield report("long", path.name, number, what)


def _packages(path: Path) -> Iterator[Finding]:
    text = "\n".join("\\" if line.lstrip().startswith("#") else line for line in _lines(path))
    stages = re.split(r"(?mi)^\s*FROM\s", text)
    last = stages[-1]
    first_line = text[: len(text) - len(last)].count("\n") + 1
    for found in INSTALLS.finditer(re.sub(r"\\\n", "  ", last)):
        words = (
            [] if "--virtual" in found[0] else [word for word in found[1].split() if PACKAGE.fullmatch(word)]
        )
        if needed := [word for word in words if not NEEDLESS.fullmatch(word)]:
            more = f" and {len(needed) - 6} more" if len(needed) > 6 else ""
            line = first_line + last[: last.find(needed[0])].count("\n")
            yield report("libraries", path.name, line, f"installs {', '.join(needed[:6])}{more}")
