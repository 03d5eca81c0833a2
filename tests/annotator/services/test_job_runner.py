"""One job from its message to its final state, with the real export as the work."""

from __future__ import annotations

import pytest

from annotator.enums import JobKind, JobState
from annotator.exceptions import EngineDied, EngineFailed, WrongState
from annotator.models import Export, Job
from annotator.services import job_runner, jobs, leases
from annotator.services.job_handlers import HANDLERS, handler_of
from tests.annotator.factories import (
    SPANS,
    TEXT,
    make_job,
    make_note,
    make_project,
    make_set,
)

EXPORT = {"format": "jsonl", "splits": ["train"]}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path
    project = make_project()
    make_set(make_note(project), spans=SPANS)
    return project


@pytest.fixture
def stopping():
    leases.stopping.set()
    yield
    leases.stopping.clear()


def test_every_kind_has_a_handler():
    assert set(HANDLERS) == set(JobKind.values)
    for kind in JobKind.values:
        assert handler_of(kind).__name__ == f"run_{kind}_job"


def test_a_job_runs_to_its_result(project):
    job = make_job(project, JobKind.EXPORT, parameters=EXPORT)
    job_runner.run_job(job_id=job.pk, worker="w1")
    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    assert job.lease_until is None
    assert job.finished_at is not None
    assert job.result["export"] == Export.objects.get().pk


def test_a_message_that_comes_twice_is_applied_once(project):
    job = make_job(project, JobKind.EXPORT, parameters=EXPORT)
    for _ in range(2):
        job_runner.run_job(job_id=job.pk, worker="w1")
    assert Export.objects.count() == 1
    job.refresh_from_db()
    assert job.attempt == 1


def test_our_own_errors_are_told(project):
    job = make_job(
        project, JobKind.EXPORT, parameters={"format": "jsonl", "splits": ["test"]}
    )
    job_runner.run_job(job_id=job.pk, worker="w1")
    job.refresh_from_db()
    assert (job.state, job.error_class) == (JobState.FAILED, "NothingToExport")
    assert "settled" in job.error_message
    assert job.finished_at is not None


def test_unexpected_errors_tell_the_place_and_no_content(project, caplog):
    job = make_job(
        project, JobKind.EXPORT, parameters={"format": "jsonl", "splits": TEXT}
    )
    Job.objects.filter(pk=job.pk).update(parameters={"splits": [TEXT]})
    job_runner.run_job(job_id=job.pk, worker="w1")
    job.refresh_from_db()
    assert (job.state, job.error_class) == (JobState.FAILED, "KeyError")
    assert job.error_message.startswith("Unexpected error at exports.py:")
    assert TEXT[:20] not in caplog.text
    assert "run_export_job" in caplog.text


def test_errors_of_the_engine_keep_their_kind():
    assert job_runner.describe(EngineFailed("BundleMismatch", "no")) == (
        "BundleMismatch",
        "BundleMismatch: no",
    )
    assert job_runner.describe(WrongState("job 3")) == ("WrongState", "job 3")
    assert job_runner.describe(ValueError(TEXT)) == (
        "ValueError",
        "Unexpected error at an unknown place.",
    )


def test_an_engine_that_dies_each_time_fails_the_job_at_last(project, settings):
    job = make_job(project, JobKind.EXPORT, parameters=EXPORT)
    for attempt in range(1, settings.ANNOTATOR_MAX_ATTEMPTS + 1):
        context = jobs.claim(job_id=job.pk, worker="w1")
        job_runner._try_again(context, EngineDied(-9))
        job.refresh_from_db()
        assert (job.attempt, job.lease_until) == (attempt, None)
    assert (job.state, job.error_class) == (JobState.FAILED, "EngineDied")


def test_a_lost_lease_leaves_no_result(project):
    job = make_job(project, JobKind.EXPORT, parameters=EXPORT)
    context = jobs.claim(job_id=job.pk, worker="w1")
    Job.objects.filter(pk=job.pk).update(fencing_token=2, worker="w2")
    job_runner._run(context)
    assert not Export.objects.exists()
    job.refresh_from_db()
    assert (job.state, job.worker) == (JobState.RUNNING, "w2")


def test_a_stopping_worker_gives_the_job_back(project, stopping):
    job = make_job(project, JobKind.EXPORT, parameters=EXPORT)
    leases.stopping.clear()
    context = jobs.claim(job_id=job.pk, worker="w1")
    leases.stopping.set()
    job_runner._run(context)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)
    assert (job.dispatched_at, job.lease_until) == (None, None)
    job_runner.run_job(job_id=job.pk, worker="w1")
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_the_next_job_of_the_queue_is_woken(project, broker_messages, settings):
    first, second = (
        make_job(project, JobKind.EXPORT, parameters=EXPORT) for _ in range(2)
    )
    train = make_job(project, JobKind.TRAIN)
    woken = []
    for queue in ("quick", "train"):
        job_runner.wake_next(queue)
        woken = broker_messages()
    assert woken == [
        ("quick", {"job_id": first.pk}),
        ("train", {"job_id": train.pk}),
    ]
    job_runner.run_job(job_id=first.pk, worker="w1")
    assert broker_messages()[-1] == ("quick", {"job_id": second.pk})
