"""Notes that the engine cannot divide into words: reported, and not the others' end.

The engine is the real one. What it dies of is a broken language package, as spaCy would
find it installed.
"""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotator.enums import JobState
from annotator.exceptions import EngineFailed
from annotator.models import Note
from annotator.services import imports, job_runner
from tests.annotator.factories import make_member, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine_with(own_engine, monkeypatch, tmp_path, settings):
    """Return a function that starts the engine anew, beside a package for "qq"."""
    settings.ANNOTATOR_DATA_DIR = tmp_path / "data"
    packages = tmp_path / "packages"

    def begin(code):
        info = packages / "quaqua-1.0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: quaqua\n")
        (info / "entry_points.txt").write_text("[spacy_languages]\nqq = quaqua:Qq\n")
        (packages / "quaqua.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(packages))
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        own_engine.close()

    yield begin
    own_engine.close()


ENDS = "import os; os._exit(3)"
REFUSES = "from ner_engine.errors import BadInput; raise BadInput('no')"
MENDED = "from spacy.language import Language\nclass Qq(Language):\n    lang = 'qq'\n"


def lines(n_notes, *bad):
    # only words with an apostrophe ask for the language's own rules
    rows = [
        {"id": f"n{number}", "text": f"Eau {number}.", "split": "train"}
        | ({"language": "qq", "text": f"L'eau {number}."} if number in bad else {})
        for number in range(1, n_notes + 1)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.django_db(transaction=True)
def test_the_others_go_in_and_the_note_is_taken_when_asked_again(client, engine_with):
    engine_with(ENDS)
    project = make_project(language="fr")
    actor = make_member(project, "admin")
    upload = SimpleUploadedFile("notas.jsonl", lines(3, 2).encode())
    job = imports.enqueue_import(project=project, actor=actor, uploads=[upload])

    job_runner.run_job(job_id=job.pk, worker="test")

    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    assert (job.result["created"], job.result["retriable"]) == (2, 1)
    (problem,) = job.result["problems"]
    assert (problem["file"], problem["line"]) == ("notas.jsonl", 2)
    assert problem["reason"].startswith("the engine could not divide the text")
    assert not Note.objects.filter(external_id="n2").exists()
    before = dict(Note.objects.values_list("external_id", "pk"))

    engine_with(MENDED)
    client.force_login(actor)
    page = client.get(reverse("job_detail", args=[job.pk])).content.decode()
    assert "Run again" in page
    client.post(reverse("job_run_again", args=[job.pk]))
    job_runner.run_job(job_id=job.pk, worker="test")

    job.refresh_from_db()
    assert (job.state, job.result["problems"]) == (JobState.SUCCEEDED, [])
    after = dict(Note.objects.values_list("external_id", "pk"))
    assert after.keys() - before.keys() == {"n2"}
    assert before.items() <= after.items()
    assert list(imports.uploads_folder().iterdir()) == []
    page = client.get(reverse("job_detail", args=[job.pk])).content.decode()
    assert "Run again" not in page
    refused = client.post(reverse("job_run_again", args=[job.pk]))
    assert refused.status_code == 409


def test_several_notes_are_told_apart(engine_with, tmp_path):
    engine_with(REFUSES)
    path = tmp_path / "notas.jsonl"
    bad = (1, 4, 5)
    path.write_text(lines(7, *bad))

    report = imports.import_paths(
        project=make_project(language="fr"), actor=None, paths=[path]
    )

    assert [problem.line for problem in report.problems] == list(bad)
    assert report.created == Note.objects.count() == 7 - len(bad)


def test_an_engine_that_does_nothing_at_all_is_no_note_s_fault(engine_with, tmp_path):
    engine_with(MENDED)
    # where Python looks before its own modules
    (tmp_path / "packages" / "json.py").write_text("raise SystemExit(3)")
    path = tmp_path / "notas.jsonl"
    path.write_text(lines(3))

    with pytest.raises(EngineFailed):
        imports.import_paths(
            project=make_project(language="fr"), actor=None, paths=[path]
        )

    assert not Note.objects.exists()
