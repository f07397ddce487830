"""Questions of `manage.py createsuperuser`: they are asked here, since Lambda has no terminal.

Which fields the project's users have is asked there. The answers go as variables for one run, which Django
reads with --noinput: https://docs.djangoproject.com/en/stable/ref/django-admin/#createsuperuser
"""

import json
from collections.abc import Callable, Sequence

COMMAND = "createsuperuser"
MARK = "lambdify:"
FIELDS = (
    "import json; from django.contrib.auth import get_user_model as model; "
    f"print({MARK!r} + json.dumps([model().USERNAME_FIELD, *model().REQUIRED_FIELDS]))"
)
"""What `manage.py shell -c` is asked; other lines are Django's own."""
USUAL = ("username", "email")
"""The fields of Django's own users."""


def asks(words: Sequence[str]) -> bool:
    """Return whether the words of manage.py are a command that would ask."""
    return words[:1] == (COMMAND,) and not {"--noinput", "--no-input"} & {*words}


def read_fields(output: bytes) -> tuple[str, ...]:
    """Return the fields that users of the project need, from what the question printed; or the usual."""
    for line in output.decode(errors="replace").splitlines():
        if line.startswith(MARK):
            return tuple(json.loads(line.removeprefix(MARK)))
    return USUAL


def ask(
    words: Sequence[str],
    fields: Sequence[str],
    ask_for: Callable[[str], str],
    ask_secret: Callable[[str], str],
    warn: Callable[[str], None],
) -> dict[str, str]:
    """Return the variables with the answers. What the words say already is not asked."""
    answers = {}
    for field in fields:
        if not any(word == f"--{field}" or word.startswith(f"--{field}=") for word in words):
            answers[field] = _insist(ask_for, field.replace("_", " ").capitalize(), warn)
    while "password" not in answers:
        password = _insist(ask_secret, "Password", warn)
        if ask_secret("Password (again): ") == password:
            answers["password"] = password
        else:
            warn("The passwords differ.")
    return {f"DJANGO_SUPERUSER_{field.upper()}": answer for field, answer in answers.items()}


def _insist(ask: Callable[[str], str], label: str, warn: Callable[[str], None]) -> str:
    """Ask until there is an answer."""
    while not (answer := ask(f"{label}: ")):
        warn(f"{label} cannot be empty.")
    return answer
