"""Several archives in one import, which holds all that it reads of them in memory."""

from __future__ import annotations

import zipfile

import pytest

from annotator.models import Note
from annotator.services import imports
from tests.annotator.factories import make_project

pytestmark = pytest.mark.django_db


def test_import_of_many_archives_has_the_limits_of_one(tmp_path):
    archives = [tmp_path / "a.zip", tmp_path / "b.zip"]
    for number, path in enumerate(archives):
        with zipfile.ZipFile(path, "w") as archive:
            for entry in range(6000 if number else 4001):
                # no format has this suffix: nothing is read of it
                archive.writestr(f"{entry}.x", "")
            archive.writestr("note.txt", f"Cefalea {number}")

    report = imports.import_paths(project=make_project(), actor=None, paths=archives)

    assert [note.text for note in Note.objects.all()] == ["Cefalea 0"]
    # those of the first archive one by one, the second as a whole
    assert report.n_problems == 4001 + 1
