"""Running uv."""

from lambdify.cli.build.uv import run_uv


def test_no_interpreter_is_ever_fetched(index, tmp_path):
    """It would take minutes, and nothing of the function's is run here."""
    mirror = {"UV_PYTHON_INSTALL_MIRROR": index.url.removesuffix("/simple"), "UV_HTTP_RETRIES": "0"}
    made = run_uv(["venv", "--python", "3.9.23", "--managed-python", "env"], cwd=tmp_path, extra=mirror)
    assert not made.succeeded
    assert index.asked == []
