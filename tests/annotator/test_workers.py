"""Real Celery workers: killed, stopped, told twice, not told at all, cancelled."""

from __future__ import annotations

import signal
import time

import psutil
import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from annotator import engine
from annotator.enums import JobKind, JobState, NoteState
from annotator.models import Export, Heartbeat, Job, Suggestion
from annotator.selectors.workers import worker_health
from annotator.services import jobs
from annotator.services.job_reaper import RESEND_AFTER
from ner_engine.inference import Predictor
from ner_engine.types import Document
from tests.annotator.factories import (
    SPANS,
    make_job,
    make_note,
    make_project,
    make_set,
    make_version,
)
from tests.annotator.stage import Stage, hold_in_the_middle, wait_for, wait_until_still
from tests.tiny import tiny_documents

# Every worker loads torch, which takes long on a busy machine.
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.timeout(900),
]

BROKERS = [
    "filesystem",
    pytest.param("redis", marks=pytest.mark.services),
    pytest.param("rabbitmq", marks=pytest.mark.services),
]
N_NOTES = 150


@pytest.fixture
def make_stage(transactional_db, tmp_path):
    stages: list[Stage] = []

    def make(broker: str = "filesystem") -> Stage:
        stages.append(Stage(broker, tmp_path))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()


@pytest.fixture
def project(transactional_db, tiny_bundle):
    """A project with so many notes that its predictions take a few seconds."""
    digest = engine.describe_bundle(tiny_bundle).digest
    version = make_version(bundle_path=str(tiny_bundle), bundle_digest=digest)
    project = make_project(active_version=version)
    documents = tiny_documents(N_NOTES, seed=11, languages=("es",))
    for number, document in enumerate(documents):
        make_note(project, f"{document.text}\nNota {number}.")
    return project


def load_the_engine(stage, project) -> None:
    """Have the worker predict one note of another project, with the same model."""
    other = make_project(active_version=project.active_version)
    make_note(other, "Paracetamol 1 g cada 8 horas.")
    job = predict_job(other)
    stage.send(job.pk)
    wait_for_state(job, JobState.SUCCEEDED)


def predict_job(project) -> Job:
    # dispatched just now: nothing is sent again while the test looks on
    return make_job(project, JobKind.PREDICT, dispatched_at=timezone.now())


def hold_the_engine(stage, worker, job) -> list[psutil.Process]:
    """Send the job; hold the worker's engine when some notes are predicted."""
    load_the_engine(stage, job.project)
    stage.send(job.pk)
    # the stored progress lags by up to a second, the notes do not
    predicted = job.project.notes.filter(state=NoteState.SUGGESTED)
    held = hold_in_the_middle(worker, predicted.exists)
    # what was answered is stored and the next request waits for an answer
    wait_until_still(predicted.count)
    assert Job.objects.get(pk=job.pk).state == JobState.RUNNING
    assert predicted.count() < N_NOTES
    return held


def wait_for_state(job, state) -> Job:
    wait_for(lambda: Job.objects.get(pk=job.pk).state == state)
    return Job.objects.get(pk=job.pk)


def assert_every_note_was_predicted_once(project, bundle) -> None:
    """Compare what is stored with what the model says, span by span."""
    notes = list(project.notes.order_by("pk"))
    assert {note.state for note in notes} == {NoteState.SUGGESTED}
    documents = [Document(str(note.pk), note.text, note.language) for note in notes]
    expected = sorted(
        (int(document.id), span.start_char, span.end_char, span.label)
        for document in Predictor.load(bundle).predict(documents)
        for span in document.spans or ()
    )
    stored = Suggestion.objects.filter(note__project=project).values_list(
        "note_id", "start_char", "end_char", "label__name"
    )
    assert sorted(stored) == expected
    assert len(expected) > N_NOTES


def stop_between_transactions(worker) -> None:
    """Stop the process where it holds no lock: on SQLite one lock would stop all."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout = 100")
        for _ in range(200):
            worker.send_signal(signal.SIGSTOP)
            try:
                with transaction.atomic():
                    if connection.vendor == "postgresql":
                        cursor.execute("SET LOCAL lock_timeout = '100ms'")
                    Job.objects.update(worker=F("worker"))
            except OperationalError:
                worker.send_signal(signal.SIGCONT)
                time.sleep(0.02)
            else:
                break
        else:
            pytest.fail("the worker held a lock each time it was stopped")
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout = 20000")


@pytest.mark.parametrize("broker", BROKERS)
def test_a_worker_killed_in_the_middle_is_replaced(
    broker, make_stage, project, tiny_bundle
):
    stage = make_stage(broker)
    first = stage.start_worker()
    stage.start_ticker()
    job = predict_job(project)
    orphans = hold_the_engine(stage, first, job)
    first.send_signal(signal.SIGKILL)
    first.wait()
    for process in orphans:
        process.resume()
    second = stage.start_worker()
    done = wait_for_state(job, JobState.SUCCEEDED)
    assert (done.attempt, done.fencing_token) == (2, 2)
    assert done.worker.endswith(f":{second.pid}")
    assert (done.progress_done, done.result["n_notes"]) == (N_NOTES, N_NOTES)
    assert_every_note_was_predicted_once(project, tiny_bundle)
    # the engine's child did not outlive the worker
    _, alive = psutil.wait_procs(orphans, timeout=10)
    assert not alive


def test_an_engine_that_is_killed_costs_an_attempt_at_most(
    make_stage, project, tiny_bundle
):
    stage = make_stage()
    worker = stage.start_worker()
    job = predict_job(project)
    for process in hold_the_engine(stage, worker, job):
        process.kill()
    done = wait_for_state(job, JobState.SUCCEEDED)
    # between two requests not even that: the next one starts another engine
    assert done.attempt == done.fencing_token <= 2
    assert_every_note_was_predicted_once(project, tiny_bundle)


def test_a_worker_that_stood_still_comes_back_too_late(
    make_stage, project, tiny_bundle
):
    stage = make_stage()
    first = stage.start_worker()
    stage.start_ticker()
    job = predict_job(project)
    held = hold_the_engine(stage, first, job)
    stop_between_transactions(first)
    for process in held:
        process.resume()
    stage.start_worker()
    done = wait_for_state(job, JobState.SUCCEEDED)
    first.send_signal(signal.SIGCONT)
    log = stage.folder / "process0.log"
    wait_for(lambda: "lease lost, result dropped" in log.read_text())
    after = Job.objects.get(pk=job.pk)
    assert (after.attempt, after.fencing_token) == (2, 2)
    assert (after.finished_at, after.result) == (done.finished_at, done.result)
    assert_every_note_was_predicted_once(project, tiny_bundle)


@pytest.mark.parametrize("broker", BROKERS)
def test_a_message_delivered_twice_is_applied_once(broker, make_stage):
    stage = make_stage(broker)
    project = make_project()
    make_set(make_note(project), spans=SPANS)
    job = make_job(
        project,
        JobKind.EXPORT,
        parameters={"format": "jsonl", "splits": ["train"]},
        dispatched_at=timezone.now(),
    )
    for _ in range(3):
        stage.send(job.pk)
    for _ in range(2):
        stage.start_worker()
    done = wait_for_state(job, JobState.SUCCEEDED)
    logs = [stage.folder / f"process{number}.log" for number in range(2)]
    wait_for(lambda: sum(log.read_text().count("not claimable") for log in logs) == 2)
    assert (done.attempt, done.result["export"]) == (1, Export.objects.get().pk)


@pytest.mark.parametrize("broker", BROKERS)
def test_a_lost_message_is_found_by_the_ticker(broker, make_stage):
    stage = make_stage(broker)
    project = make_project()
    make_set(make_note(project), spans=SPANS)
    job = make_job(
        project,
        JobKind.EXPORT,
        parameters={"format": "jsonl", "splits": ["train"]},
        # sent so long ago that a free worker would have taken it
        dispatched_at=timezone.now() - RESEND_AFTER,
    )
    stage.send(job.pk)
    assert stage.lose_messages() == 1
    stage.start_worker()
    assert Job.objects.get(pk=job.pk).state == JobState.QUEUED
    stage.start_ticker()
    assert wait_for_state(job, JobState.SUCCEEDED).attempt == 1


def test_a_running_job_is_cancelled_within_five_seconds(make_stage, project):
    stage = make_stage()
    worker = stage.start_worker()
    job = predict_job(project)
    hold_the_engine(stage, worker, job)
    jobs.request_cancel(job=job, actor=None)
    seconds = wait_for(lambda: Job.objects.get(pk=job.pk).state == JobState.CANCELLED)
    assert seconds < 5
    # the worker takes the next one
    again = jobs.run_again(job=job, actor=None)
    stage.send(again.pk)
    wait_for_state(job, JobState.SUCCEEDED)


def test_a_worker_told_to_stop_gives_its_job_back(make_stage, project, tiny_bundle):
    stage = make_stage()
    first = stage.start_worker()
    job = predict_job(project)
    held = hold_the_engine(stage, first, job)
    assert worker_health()["quick"].n_alive == 1
    first.terminate()
    time.sleep(0.2)
    for process in held:
        process.resume()
    first.wait(timeout=20)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.lease_until) == (JobState.QUEUED, 0, None)
    assert not Heartbeat.objects.exists()
    stage.start_worker()
    stage.start_ticker()
    assert wait_for_state(job, JobState.SUCCEEDED).attempt == 1
    assert_every_note_was_predicted_once(project, tiny_bundle)
