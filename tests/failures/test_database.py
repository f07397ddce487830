"""What is told of a database that does not let the function in, in the words of the database."""

import pytest
from failures.raising import fail, project_of

from lambdify.cli.failures.explanation import explain

SAID = {
    'connection failed: FATAL:  PAM authentication failed for user "app"': (
        "app.py:3 signs in to [database] as app, and IAM does not let it in.",
        "resource has to be the id of that host",
    ),
    'FATAL:  password authentication failed for user "app"': (
        "app.py:3 signs in to [database], which wants a password of app.",
        "GRANT rds_iam TO app",
    ),
    "fe_sendauth: no password supplied": (
        "app.py:3 signs in to [database], which wants a password of its user.",
        "lambdify.adapter.django_postgresql",
    ),
    "FATAL:  unable to accept connection, access denied": (
        "app.py:3 signs in to [database], and the cluster does not let it in.",
        "AWS IAM GRANT",
    ),
    "SSL error: certificate verify failed": (
        "app.py:3 does not know the authority of [database]'s certificate.",
        '[database] ca = "global-bundle.pem"',
    ),
}
APP = "class OperationalError(Exception): ...\n\nraise OperationalError({!r})\n"


@pytest.mark.parametrize("text", SAID)
def test_what_the_database_says_is_told_with_what_to_do(tmp_path, text):
    failed = fail({"app.py": APP.format(text)}, tmp_path)
    message, hint = SAID[text]
    told = explain(failed.raised, project_of(failed.root, given=frozenset({"DATABASE_KIND"})))
    assert told.message == message
    assert hint in told.hint
    assert "docs/databases.md" in told.hint or "rds-db:connect" in told.hint


def test_another_database_is_not_ours(tmp_path):
    failed = fail({"app.py": APP.format(next(iter(SAID)))}, tmp_path)
    assert explain(failed.raised, project_of(failed.root)).hint == ""
