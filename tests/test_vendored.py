"""Vendored files are what VENDORED.md says, and all of them are named there."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "static" / "vendored"
ROWS = re.findall(
    r"^\| (\S+) \| (\S+) \| (\S+) \| (\S+) \| ([0-9a-f]{64}) \|$",
    (FOLDER / "VENDORED.md").read_text(),
    flags=re.MULTILINE,
)


def test_vendored_files_have_the_digests_named():
    found = {
        path.relative_to(FOLDER).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in FOLDER.rglob("*")
        if path.is_file() and path.name != "VENDORED.md"
    }
    assert found == {name: digest for name, *_rest, digest in ROWS}


def test_vendored_packages_are_pinned():
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for _, _, version, _, _ in ROWS)
