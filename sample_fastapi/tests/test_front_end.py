"""What is built: browsers keep a file with a hash in its name for a year, so the hash has to be its own."""

import hashlib
import re
from pathlib import Path

DIST = Path(__file__).parents[1] / "dist"


def test_the_page_names_its_files_by_their_content():
    named = re.findall(r'(?:src|href)="/(assets/[^"]+)"', (DIST / "index.html").read_text())
    assert sorted(named) == sorted(file.relative_to(DIST).as_posix() for file in (DIST / "assets").iterdir())
    for name in named:
        digest = hashlib.sha256((DIST / name).read_bytes()).hexdigest()
        assert name.split(".")[1] == digest[:12]
