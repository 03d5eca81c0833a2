"""Vendored files are what VENDORED.md says, and all of them are named there."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = [ROOT / "static" / "vendored", ROOT / "tests" / "vendored"]


def rows_of(folder: Path) -> list[tuple[str, str, str, str, str]]:
    return re.findall(
        r"^\| (\S+) \| (\S+) \| (\S+) \| (\S+) \| ([0-9a-f]{64}) \|$",
        (folder / "VENDORED.md").read_text(),
        flags=re.MULTILINE,
    )


@pytest.mark.parametrize("folder", FOLDERS, ids=["served", "for tests"])
def test_vendored_files_have_the_digests_named(folder: Path):
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "VENDORED.md"
    }
    assert found == {name: digest for name, *_rest, digest in rows_of(folder)}


@pytest.mark.parametrize("folder", FOLDERS, ids=["served", "for tests"])
def test_vendored_packages_are_pinned(folder: Path):
    versions = [version for _, _, version, _, _ in rows_of(folder)]
    assert versions
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in versions)
