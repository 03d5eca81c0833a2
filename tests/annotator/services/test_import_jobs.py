"""Imports as jobs: uploads are kept private, read once, and swept."""

from __future__ import annotations

import stat
from contextlib import contextmanager

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotator.enums import JobKind, JobState
from annotator.exceptions import (
    ImportRefused,
    InvalidValues,
    JobCancelled,
    LeaseLost,
)
from annotator.models import AuditEntry, Job, Note
from annotator.services import imports, job_runner, jobs
from tests.annotator.factories import (
    make_project,
    make_user,
    make_version,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path / "data"
    return tmp_path / "data"


def _upload(name: str, content: bytes = b"Cefalea.") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_enqueue_import_keeps_uploads_private(data_dir):
    project, actor = make_project(), make_user()

    job = imports.enqueue_import(
        project=project,
        actor=actor,
        uploads=[_upload("nota.txt"), _upload("nota.txt", b"Tos.")],
        entities="ignore",
    )

    folder = imports.uploads_folder() / job.parameters["folder"]
    files = [folder / name for name in job.parameters["files"]]
    assert [path.read_bytes() for path in files] == [b"Cefalea.", b"Tos."]
    assert {path.name for path in files} == {"nota.txt"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in files} == {0o700}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert AuditEntry.objects.get().details["job"] == job.pk


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("..txt", "upload.txt"),
        ("a\x07b.TXT", "ab.txt"),
        ("ñ" * 300 + ".txt", "ñ" * 100 + ".txt"),
    ],
)
def test_enqueue_import_hostile_name_stays_in_the_folder(data_dir, name, stored):
    upload = _upload("x.txt")
    upload._name = name

    job = imports.enqueue_import(
        project=make_project(), actor=make_user(), uploads=[upload]
    )

    assert job.parameters["files"] == [f"0/{stored}"]


def test_enqueue_import_refuses_kinds_sizes_and_nothing(settings, data_dir):
    project, actor = make_project(), make_user()
    settings.ANNOTATOR_MAX_UPLOAD_BYTES = 10

    for uploads in ([], [_upload("a.pdf")], [_upload("a.txt", b"x" * 11)]):
        with pytest.raises(ImportRefused):
            imports.enqueue_import(project=project, actor=actor, uploads=uploads)
    for choice in ({"entities": "maybe"}, {"encoding": "klingon"}):
        with pytest.raises(InvalidValues):
            imports.enqueue_import(
                project=project, actor=actor, uploads=[_upload("a.txt")], **choice
            )

    assert Job.objects.count() == 0
    assert not imports.uploads_folder().exists()


@pytest.mark.django_db(transaction=True)
def test_run_import_job_imports_reports_and_deletes_the_uploads(data_dir):
    project, actor = make_project(), make_user()
    job = imports.enqueue_import(
        project=project,
        actor=actor,
        uploads=[_upload("nota.txt"), _upload("mala.txt", b"\xff")],
    )
    context = jobs.claim(job_id=job.pk, worker="test")
    assert context is not None

    imports.run_import_job(context)

    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    assert (job.result["created"], job.result["problems"][0]["file"]) == (1, "mala.txt")
    assert Note.objects.get().metadata == {"import_job": job.pk}
    assert list(imports.uploads_folder().iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_run_import_job_without_its_uploads_is_refused(data_dir):
    job = imports.enqueue_import(
        project=make_project(), actor=make_user(), uploads=[_upload("a.txt")]
    )
    context = jobs.claim(job_id=job.pk, worker="test")
    assert context is not None
    (imports.uploads_folder() / job.parameters["folder"] / "0" / "a.txt").unlink()

    with pytest.raises(ImportRefused):
        imports.run_import_job(context)


def _claimed(uploads, **project_fields):
    project = make_project(**project_fields)
    job = imports.enqueue_import(project=project, actor=make_user(), uploads=uploads)
    context = jobs.claim(job_id=job.pk, worker="test")
    assert context is not None
    return context


@pytest.mark.django_db(transaction=True)
def test_a_lease_lost_after_the_last_note_leaves_no_trace_but_the_notes(data_dir):
    context = _claimed(
        [_upload("a.jsonl", b'{"id": "a", "text": "Tos.", "split": "train"}')],
        active_version=make_version(),
    )
    notes_in = context.committing

    @contextmanager
    def committing():
        with notes_in():
            yield
        Job.objects.filter(pk=context.job.pk).update(fencing_token=99)

    context.committing = committing
    with pytest.raises(LeaseLost):
        imports.run_import_job(context)

    assert Note.objects.count() == 1
    assert not Job.objects.filter(kind=JobKind.PREDICT).exists()
    assert not AuditEntry.objects.filter(action="import.done").exists()


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_import_reports_what_went_in_and_has_it_read(data_dir, own_engine):
    texts = b"".join(
        b'{"id": "n%d", "text": "Tos %d.", "split": "train"}\n' % (n, n)
        for n in range(imports.TOKENISE_BATCH + 5)
    )
    upload = _upload("notas.jsonl", b"{\n" + texts)
    context = _claimed([upload], active_version=make_version())
    told = context.progress

    def cancelled_at_the_second_batch(done, total):
        if done:
            jobs.request_cancel(job=context.job, actor=None)
            context._keeper.cancelled.set()  # the lease's thread sees it in a second
        told(done, total)

    context.progress = cancelled_at_the_second_batch
    job_runner._run(context)

    job = Job.objects.get(pk=context.job.pk)
    assert job.state == JobState.CANCELLED
    assert (job.finished_at is not None, job.lease_until) == (True, None)
    notes = list(Note.objects.values_list("pk", flat=True))
    assert len(notes) == job.result["created"] == imports.TOKENISE_BATCH
    assert job.result["n_problems"] == 1
    predict = Job.objects.get(kind=JobKind.PREDICT)
    assert predict.parameters == {"note_ids": notes}
    assert job.result["prediction_job"] == predict.pk
    # the uploads are kept for "run again", which takes the rest
    jobs.run_again(job=job, actor=None)
    job_runner.run_job(job_id=job.pk, worker="test")
    job.refresh_from_db()
    assert (job.state, job.result["created"]) == (JobState.SUCCEEDED, len(notes) + 5)
    assert Note.objects.count() == len(notes) + 5


def test_a_cancel_ends_the_engines_work(data_dir, own_engine, tmp_path):
    def cancelled() -> None:
        raise JobCancelled("cancelled")

    path = tmp_path / "nota.txt"
    # a new child and a long note: long enough to look up
    path.write_text("Cefalea. " * 10_000, encoding="utf-8")
    own_engine.close()
    with pytest.raises(JobCancelled):
        imports.import_paths(
            project=make_project(), actor=None, paths=[path], watch=cancelled
        )
    assert not Note.objects.exists()
