"""What the ticker finds: expired leases, lost messages, left-over files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from annotator import engine
from annotator.engine_child import note_child
from annotator.enums import JobKind, JobState
from annotator.models import Heartbeat, Job
from annotator.services import heartbeats, jobs, leftovers
from annotator.services.job_reaper import ReapReport, reap
from tests.annotator.factories import make_job, make_project, make_version

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def now(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path
    return timezone.now()


def running(project, now, seconds_left, **fields):
    return make_job(
        project,
        fields.pop("kind", JobKind.EXPORT),
        state=JobState.RUNNING,
        lease_until=now + timedelta(seconds=seconds_left),
        **({"attempt": 1, "fencing_token": 1, "worker": "w1"} | fields),
    )


@contextmanager
def just_before(statement, act):
    """Let *act* happen when the first such statement is on its way to the database."""
    acts = [act]

    def wrapper(execute, sql, params, many, context):
        if statement in sql and acts:
            acts.pop()()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield
    assert not acts


def test_an_expired_lease_goes_back_to_the_queue(now, broker_messages):
    job = running(make_project(), now, -1)
    assert reap(now=now) == ReapReport(n_requeued=1)
    job.refresh_from_db()
    assert (job.state, job.worker) == (JobState.QUEUED, "")
    assert broker_messages() == [("quick", {"job_id": job.pk})]
    # the next claim raises the token, so the first worker can write no more
    context = jobs.claim(job_id=job.pk, worker="w2")
    assert (context.token, context.job.attempt) == (2, 2)


def test_a_lease_that_lies_ahead_is_left_alone(now, broker_messages):
    job = running(make_project(), now, 1)
    assert reap(now=now).is_empty
    job.refresh_from_db()
    assert job.state == JobState.RUNNING
    assert broker_messages() == []


@pytest.mark.parametrize(
    "meanwhile",
    [
        # its worker lives and renewed it
        lambda now: {"lease_until": now + timedelta(seconds=20)},
        # another ticker put it back, another worker took it and hangs as well
        lambda now: {"fencing_token": 2},
        # its worker ended it
        lambda now: {"state": JobState.SUCCEEDED, "lease_until": None},
    ],
)
@pytest.mark.parametrize("fields", [{}, {"attempt": 9}, {"cancel_requested": True}])
def test_a_job_that_moved_on_meanwhile_is_not_taken_back(
    now, broker_messages, fields, meanwhile
):
    job = running(make_project(), now, -1, **fields)
    row = Job.objects.filter(pk=job.pk)
    moved_on = meanwhile(now)

    with just_before('SET "state"', lambda: row.update(**moved_on)):
        assert reap(now=now).is_empty

    names = ("state", "fencing_token", "lease_until")
    stored = dict(zip(names, row.values_list(*names).get(), strict=True))
    before = {name: getattr(job, name) for name in names}
    assert stored == before | moved_on
    assert broker_messages() == []


def test_the_last_attempt_fails(now, settings):
    job = running(make_project(), now, -1, attempt=settings.ANNOTATOR_MAX_ATTEMPTS)
    assert reap(now=now).n_failed == 1
    job.refresh_from_db()
    assert (job.state, job.error_class) == (JobState.FAILED, "LeaseExpired")
    assert "3 workers" in job.error_message


def test_a_cancel_that_no_worker_heard_is_carried_out(now):
    project = make_project()
    dead = running(project, now, -1, cancel_requested=True)
    returned = make_job(project, JobKind.TRAIN, cancel_requested=True)
    assert reap(now=now).n_cancelled == 2
    states = Job.objects.filter(pk__in=[dead.pk, returned.pk])
    assert {job.state for job in states} == {JobState.CANCELLED}


def test_a_lost_message_is_sent_again(now, broker_messages):
    project = make_project()
    heartbeats.beat(queue="quick", started_at=now)
    ago = [None, now - timedelta(seconds=15), now - timedelta(seconds=14)]
    sent = [
        make_job(project, JobKind.EXPORT, subject=str(n), dispatched_at=at)
        for n, at in enumerate(ago)
    ]
    assert reap(now=now).n_sent == 2
    assert [job_id["job_id"] for _, job_id in broker_messages()] == [
        sent[0].pk,
        sent[1].pk,
    ]
    assert reap(now=now).n_sent == 0


@pytest.mark.parametrize("ago", [None, timedelta(days=1)])
def test_two_tickers_send_a_lost_message_once(now, broker_messages, ago):
    job = make_job(make_project(), JobKind.EXPORT, dispatched_at=ago and now - ago)
    sent = []

    with just_before('SET "dispatched_at"', lambda: sent.append(reap(now=now).n_sent)):
        sent.append(reap(now=now).n_sent)

    assert sent == [1, 0]
    assert broker_messages() == [("quick", {"job_id": job.pk})]


def test_messages_do_not_pile_up_before_busy_workers(now, broker_messages):
    project = make_project()
    heartbeats.beat(queue="quick", started_at=now)
    running(project, now, 20, subject="other")
    job = make_job(project, JobKind.EXPORT, dispatched_at=now - timedelta(seconds=60))
    assert reap(now=now).n_sent == 0
    Job.objects.filter(pk=job.pk).update(dispatched_at=now - timedelta(seconds=121))
    assert reap(now=now).n_sent == 1


def test_a_job_whose_subject_runs_is_not_sent(now, broker_messages):
    project = make_project()
    heartbeats.beat(queue="quick", started_at=now)
    running(project, now, 20)
    make_job(project, JobKind.EXPORT, dispatched_at=now - timedelta(days=1))
    assert reap(now=now).n_sent == 0


def test_folders_of_finished_jobs_are_removed(now, tmp_path):
    project = make_project()
    yesterday = now - timedelta(hours=25)
    kept = [
        make_job(project, JobKind.TRAIN, dispatched_at=now),
        running(project, now, 20, kind=JobKind.TRAIN),
        make_job(project, JobKind.TRAIN, state=JobState.FAILED, finished_at=now),
    ]
    swept = [
        make_job(project, JobKind.TRAIN, state=JobState.SUCCEEDED, finished_at=now),
        make_job(
            project, JobKind.TRAIN, state=JobState.CANCELLED, finished_at=yesterday
        ),
    ]
    names = [job.pk for job in [*kept, *swept]] + [10**6]
    for name in names:
        folder = tmp_path / "jobs" / str(name) / "attempt-1"
        folder.mkdir(parents=True)
        (folder / "train.jsonl").write_text("{}")
    assert reap(now=now).n_folders == 3
    left = {path.name for path in (tmp_path / "jobs").iterdir()}
    assert left == {str(job.pk) for job in kept}


def test_uploads_that_no_import_needs_are_removed(now, tmp_path):
    project = make_project()
    for name in ("waiting", "done", "partly", "orphan", "young"):
        folder = tmp_path / "uploads" / name
        folder.mkdir(parents=True)
        age = 0 if name == "young" else 2 * 3600
        os.utime(folder, (now.timestamp() - age,) * 2)
    for name, state in (("waiting", JobState.QUEUED), ("done", JobState.SUCCEEDED)):
        make_job(
            project,
            JobKind.IMPORT,
            parameters={"folder": name},
            state=state,
            dispatched_at=now,
        )
    make_job(
        project,
        JobKind.IMPORT,
        parameters={"folder": "partly"},
        state=JobState.SUCCEEDED,
        result={"created": 3, "retriable": 1},
        finished_at=now,
    )
    assert reap(now=now).n_folders == 2
    left = {path.name for path in (tmp_path / "uploads").iterdir()}
    assert left == {"waiting", "partly", "young"}


def test_bundles_without_a_version_are_removed_when_nothing_trains(now, tmp_path):
    project = make_project()
    make_version(project, bundle_digest="named")
    for name in ("named", "unnamed", "young"):
        folder = tmp_path / "bundles" / name
        folder.mkdir(parents=True)
        age = 0 if name == "young" else 2 * 3600
        os.utime(folder, (now.timestamp() - age,) * 2)
    job = running(project, now, 20, kind=JobKind.TRAIN)
    assert reap(now=now).n_folders == 0
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, finished_at=now)
    assert reap(now=now).n_folders == 1
    left = {path.name for path in (tmp_path / "bundles").iterdir()}
    assert left == {"named", "young"}


def test_export_files_that_no_row_names_are_removed(now, tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    for name, age in (("lost.jsonl", 25), (".lost.conll.part", 25), ("young", 1)):
        (folder / name).touch()
        os.utime(folder / name, (now.timestamp() - age * 3600,) * 2)
    assert reap(now=now) == ReapReport(n_files=2)
    assert [path.name for path in folder.iterdir()] == ["young"]


def test_the_ticker_survives_files_where_folders_should_be(now, tmp_path):
    strays = [
        tmp_path / "jobs" / "7",
        tmp_path / "uploads" / ".DS_Store",
        tmp_path / "bundles" / "notes.txt",
        # no JSON, where a child of the engine should be noted
        tmp_path / "children" / f"{os.uname().nodename}-1.json",
    ]
    for path in strays:
        path.parent.mkdir()
        path.write_text("?")
        os.utime(path, (now.timestamp() - 2 * 3600,) * 2)
    done = tmp_path / "jobs" / "8"
    done.mkdir()

    call_command("run_ticker", "--once")

    assert not done.exists()
    assert all(path.exists() for path in strays)


def test_one_entry_that_stays_does_not_keep_the_others(now, tmp_path, caplog):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "7").write_text("a file")
    good = tmp_path / "uploads"
    good.mkdir()

    assert leftovers.remove([tmp_path / "jobs" / "7" / "attempt-1", good]) == 1

    assert not good.exists()
    assert "jobs/7/attempt-1 (NotADirectoryError)" in caplog.text
    assert str(tmp_path) not in caplog.text


def test_a_child_that_outlived_its_parent_is_killed(now, tmp_path):
    register = tmp_path / "children"
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        path = note_child(register, child.pid)
        assert engine.sweep() == 0
        note = json.loads(path.read_text())
        # its parent is a process that there never was
        path.write_text(json.dumps(note | {"parent_created": 1.0}))
        assert reap(now=now).n_children == 1
        assert child.wait(timeout=5) == -9
        assert not path.exists()
    finally:
        child.kill()
        child.wait()


def test_a_process_that_only_has_the_same_id_is_spared(now, tmp_path):
    register = tmp_path / "children"
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        path = note_child(register, child.pid)
        note = json.loads(path.read_text())
        path.write_text(json.dumps(note | {"parent_created": 1.0, "created": 1.0}))
        assert engine.sweep() == 0
        assert child.poll() is None
        assert not path.exists()
    finally:
        child.kill()
        child.wait()


def test_long_silent_heartbeats_are_forgotten(now):
    heartbeats.beat(queue="train", started_at=now)
    Heartbeat.objects.update(beat_at=now - timedelta(minutes=11))
    heartbeats.beat(queue="quick", started_at=now)
    reap(now=now)
    assert [row.queue for row in Heartbeat.objects.all()] == ["quick"]


def test_the_ticker_does_a_round_and_takes_its_name_off(now, broker_messages):
    job = running(make_project(), now, -1)
    call_command("run_ticker", "--once")
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    assert not Heartbeat.objects.exists()
