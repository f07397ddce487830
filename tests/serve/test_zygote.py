"""Dependencies are imported once, and nothing that an app could notice comes of it."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from serve.conftest import Serve, Serving
from waiting import eventually

pytestmark = pytest.mark.slow
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
MODULES = {
    "plain.py": "import os\nPID = os.getpid()\n",
    "reading.py": 'import os\nPID, COLOUR = os.getpid(), os.environ["COLOUR"]\n',
    "needy.py": "import os, registry\nregistry.NAMES.append(1)\nimport own\nPID = os.getpid()\n",
    "registry.py": "NAMES = []\n",
    "threaded.py": (
        "import os, threading\nPID, EVER = os.getpid(), threading.Event()\n"
        "THREAD = threading.Thread(target=EVER.wait, daemon=True)\nTHREAD.start()\n"
    ),
}
APP = """
import os
os.environ["COLOUR"] = "red"
import needy, plain, reading, registry, threaded
from own import MARK
PAGES = {
    "/mark": lambda: MARK,
    "/plain": lambda: plain.PID != os.getpid(),
    "/reading": lambda: reading.PID != os.getpid(),
    "/colour": lambda: reading.COLOUR,
    "/needy": lambda: (needy.PID == os.getpid(), registry.NAMES),
    "/threaded": lambda: (threaded.PID == os.getpid(), threaded.THREAD.is_alive()),
    "/parent": os.getppid,
}
"""


def make_wheel(folder: Path, modules: Mapping[str, str]) -> Path:
    """Write a wheel of these modules."""
    path = folder / "things-1-py3-none-any.whl"
    info = "things-1.dist-info"
    metadata = "Metadata-Version: 2.1\nName: things\nVersion: 1\n"
    files = {**modules, f"{info}/METADATA": metadata, f"{info}/WHEEL": WHEEL}
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return path


def save_until(serving: Serving, path: str, wanted: str) -> None:
    """Save until a page says that: a first environment tells what there is to import."""
    number = 0

    def attempt() -> bool:
        nonlocal number
        number += 1
        serving.save("own.py", f"MARK = {number}\n")
        assert serving.get("/mark").text == str(number)
        return serving.get(path).text == wanted

    assert eventually(attempt)


def test_dependencies_are_imported_once_and_nobody_notices(serve: Serve, tmp_path: Path):
    wheel = make_wheel(tmp_path, MODULES)
    serving = serve({"own.py": "MARK = 0\n", "requirements.txt": str(wheel)}, pages=APP)
    save_until(serving, "/plain", "True")
    assert serving.get("/reading").text == "True"
    assert serving.get("/colour").text == "red", "a variable that the app has set before the import"
    assert serving.get("/needy").text == "(True, [1])", "it was not imported without the app, nor half of it"
    assert serving.get("/threaded").text == "(True, True)", "no fork has the threads of its parent"
    assert serving.get("/parent").text == str(serving.process.pid), "whose end would not be seen otherwise"


def test_a_dead_zygote_is_done_without(serve: Serve, tmp_path: Path):
    import os
    import signal

    wheel = make_wheel(tmp_path, {"plain.py": MODULES["plain.py"]})
    pages = """
    import os, plain
    from own import MARK
    PAGES = {"/mark": lambda: MARK, "/plain": lambda: plain.PID != os.getpid(), "/zygote": lambda: plain.PID}
    """
    serving = serve({"own.py": "MARK = 0\n", "requirements.txt": str(wheel)}, pages=pages)
    save_until(serving, "/plain", "True")
    os.kill(int(serving.get("/zygote").text), signal.SIGKILL)
    save_until(serving, "/mark", "1")
    save_until(serving, "/plain", "True")
