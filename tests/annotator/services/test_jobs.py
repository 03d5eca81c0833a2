"""Jobs as rows: asking, claiming, writing under the token, giving up."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from annotator.enums import JobKind, JobState
from annotator.exceptions import JobCancelled, LeaseLost, SameTraining, WrongState
from annotator.models import AuditEntry, Job
from annotator.services import jobs
from tests.annotator.factories import make_job, make_project, make_user


@pytest.mark.django_db
def test_enqueue_writes_a_waiting_row():
    project, actor = make_project(), make_user()
    job = jobs.enqueue(
        kind=JobKind.EXPORT, project=project, actor=actor, parameters={"format": "x"}
    )
    job.refresh_from_db()
    assert (job.state, job.attempt, job.fencing_token) == (JobState.QUEUED, 0, 0)
    assert (job.parameters, job.created_by) == ({"format": "x"}, actor)
    assert job.dispatched_at is not None


@pytest.mark.django_db(transaction=True)
def test_enqueue_sends_no_message_when_rolled_back(broker_messages):
    project = make_project()
    with transaction.atomic():
        jobs.enqueue(kind=JobKind.EXPORT, project=project, actor=None)
        transaction.set_rollback(True)
    assert broker_messages() == []
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_enqueue_sends_the_id_to_the_queue_of_the_kind(broker_messages):
    project = make_project()
    job = jobs.enqueue(kind=JobKind.TRAIN, project=project, actor=None)
    assert broker_messages() == [("train", {"job_id": job.pk})]


@pytest.mark.django_db
def test_claim_takes_a_waiting_job_once():
    job = make_job(make_project(), JobKind.EXPORT)
    before = timezone.now()
    context = jobs.claim(job_id=job.pk, worker="w1")
    assert context is not None
    assert jobs.claim(job_id=job.pk, worker="w2") is None
    job.refresh_from_db()
    assert (job.state, job.attempt, job.fencing_token) == (JobState.RUNNING, 1, 1)
    assert job.worker == "w1"
    assert job.lease_until is not None
    assert job.lease_until > before + timedelta(seconds=20)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"state": JobState.SUCCEEDED},
        {"state": JobState.FAILED},
        {"state": JobState.CANCELLED},
        {"cancel_requested": True},
    ],
)
def test_claim_leaves_other_states_alone(fields):
    job = make_job(make_project(), JobKind.EXPORT, **fields)
    assert jobs.claim(job_id=job.pk, worker="w1") is None
    assert jobs.claim(job_id=job.pk + 1000, worker="w1") is None


@pytest.mark.django_db
def test_claim_leaves_a_second_job_of_a_subject_queued():
    project = make_project()
    first, second = (make_job(project, JobKind.PREDICT) for _ in range(2))
    other = make_job(project, JobKind.PREDICT, subject="note:1")
    assert jobs.claim(job_id=first.pk, worker="w1") is not None
    assert jobs.claim(job_id=second.pk, worker="w2") is None
    second.refresh_from_db()
    assert (second.state, second.attempt) == (JobState.QUEUED, 0)
    assert jobs.claim(job_id=other.pk, worker="w2") is not None
    assert list(jobs.runnable()) == []


@pytest.mark.django_db
def test_progress_is_written_at_most_once_a_second():
    job = make_job(make_project(), JobKind.EXPORT)
    context = jobs.claim(job_id=job.pk, worker="w1")
    assert context is not None
    context.progress(1, 10, a=1)
    context.progress(2, 10, b=2)
    job.refresh_from_db()
    assert (job.progress_done, job.details) == (1, {"a": 1})
    context.write()
    job.refresh_from_db()
    assert (job.progress_done, job.progress_total) == (2, 10)
    assert job.details == {"a": 1, "b": 2}


@pytest.mark.django_db
def test_writes_without_the_token_change_nothing():
    job = make_job(make_project(), JobKind.EXPORT)
    context = jobs.claim(job_id=job.pk, worker="w1")
    assert context is not None
    # another worker took it over after the lease ran out
    Job.objects.filter(pk=job.pk).update(fencing_token=2, worker="w2")
    with pytest.raises(LeaseLost):
        context.write()
    with pytest.raises(LeaseLost), context.committing():
        pytest.fail("the transaction must not begin")
    with pytest.raises(LeaseLost):
        context.succeed({})
    assert context.end(JobState.FAILED) is False
    job.refresh_from_db()
    assert (job.state, job.worker, job.progress_done) == (JobState.RUNNING, "w2", 0)


@pytest.mark.django_db
def test_committing_takes_back_what_a_lost_lease_wrote():
    project = make_project()
    job = make_job(project, JobKind.EXPORT)
    context = jobs.claim(job_id=job.pk, worker="w1")
    assert context is not None

    def commit_too_late() -> None:
        with context.committing():
            project.name = "changed"
            project.save(update_fields=["name"])
            Job.objects.update(state=JobState.QUEUED, lease_until=None)
            context.succeed({})

    with pytest.raises(LeaseLost):
        commit_too_late()
    project.refresh_from_db()
    assert project.name != "changed"


@pytest.mark.django_db
def test_attempt_folders_are_closed_and_in_order(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path
    job = make_job(make_project(), JobKind.TRAIN, fencing_token=9)
    context = jobs.claim(job_id=job.pk, worker="w1")
    assert context is not None
    for number in (2, 9):
        (jobs.job_folder(job.pk) / f"attempt-{number}").mkdir(parents=True)
    assert context.folder.name == "attempt-10"
    assert context.folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in context.former_folders()] == [
        "attempt-9",
        "attempt-2",
    ]


@pytest.mark.django_db
def test_cancel_ends_a_waiting_job_at_once():
    job, actor = make_job(make_project(), JobKind.EXPORT), make_user()
    cancelled = jobs.request_cancel(job=job, actor=actor)
    assert cancelled.state == JobState.CANCELLED
    assert cancelled.finished_at is not None
    assert jobs.claim(job_id=job.pk, worker="w1") is None
    assert AuditEntry.objects.get().action == "job.cancel"
    with pytest.raises(WrongState):
        jobs.request_cancel(job=job, actor=actor)


@pytest.mark.django_db
def test_cancel_asks_a_running_job_to_stop():
    job = make_job(make_project(), JobKind.EXPORT)
    assert jobs.claim(job_id=job.pk, worker="w1") is not None
    asked = jobs.request_cancel(job=job, actor=None)
    assert (asked.state, asked.cancel_requested) == (JobState.RUNNING, True)


@pytest.mark.django_db
@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_run_again_queues_an_unsuccessful_job(state):
    job = make_job(
        make_project(),
        JobKind.EXPORT,
        state=state,
        attempt=3,
        fencing_token=3,
        cancel_requested=True,
        error_class="E",
        error_message="m",
    )
    again = jobs.run_again(job=job, actor=None)
    assert (again.state, again.attempt, again.fencing_token) == (JobState.QUEUED, 0, 3)
    assert (again.error_class, again.error_message) == ("", "")
    context = jobs.claim(job_id=job.pk, worker="w1")
    assert context is not None
    assert context.token == 4


@pytest.mark.django_db
@pytest.mark.parametrize(
    "state", [JobState.QUEUED, JobState.SUCCEEDED], ids=["queued", "succeeded"]
)
def test_run_again_refuses_other_states(state):
    job = make_job(make_project(), JobKind.EXPORT, state=state)
    with pytest.raises(WrongState):
        jobs.run_again(job=job, actor=None)


@pytest.mark.django_db
def test_run_again_keeps_to_the_limits_of_trainings():
    project = make_project()
    cancelled = [
        make_job(
            project, JobKind.TRAIN, state=JobState.CANCELLED, input_digest=str(number)
        )
        for number in range(4)
    ]
    twin = make_job(project, JobKind.TRAIN, state=JobState.CANCELLED, input_digest="0")
    jobs.run_again(job=cancelled[0], actor=None)
    with pytest.raises(SameTraining):
        jobs.run_again(job=twin, actor=None)
    jobs.run_again(job=cancelled[1], actor=None)
    for job in cancelled[2:]:
        with pytest.raises(WrongState, match="waits already"):
            jobs.run_again(job=job, actor=None)
    assert Job.objects.filter(state=JobState.QUEUED).count() == 2
    # what another project has queued fills nothing here
    other = make_job(make_project(), JobKind.TRAIN, state=JobState.FAILED)
    assert jobs.run_again(job=other, actor=None).state == JobState.QUEUED


@pytest.mark.django_db(transaction=True)
def test_two_claims_at_the_same_moment_give_one_context():
    project = make_project()
    rounds = 10
    job_ids = [
        make_job(project, JobKind.EXPORT, subject=str(number)).pk
        for number in range(rounds)
    ]
    barrier = threading.Barrier(2)
    taken: list[tuple[int, str]] = []

    def race(worker: str) -> None:
        try:
            for job_id in job_ids:
                barrier.wait()
                if jobs.claim(job_id=job_id, worker=worker) is not None:
                    taken.append((job_id, worker))
        finally:
            connection.close()

    threads = [threading.Thread(target=race, args=(name,)) for name in ("w1", "w2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(job_id for job_id, _ in taken) == job_ids
    assert set(Job.objects.values_list("fencing_token", flat=True)) == {1}


@pytest.mark.django_db(transaction=True)
def test_two_jobs_of_a_subject_claimed_at_once_run_one_by_one():
    project = make_project()
    barrier = threading.Barrier(2)
    taken: list[int] = []

    def race(job_id: int) -> None:
        try:
            barrier.wait()
            if jobs.claim(job_id=job_id, worker="w") is not None:
                taken.append(job_id)
        finally:
            connection.close()

    for _ in range(5):
        Job.objects.all().delete()
        taken.clear()
        ids = [make_job(project, JobKind.PREDICT).pk for _ in range(2)]
        threads = [threading.Thread(target=race, args=(job_id,)) for job_id in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(taken) == 1
        states = sorted(Job.objects.values_list("state", flat=True))
        assert states == [JobState.QUEUED, JobState.RUNNING]


@pytest.mark.django_db(transaction=True)
def test_keeper_renews_the_lease_and_sees_the_cancel(settings):
    settings.ANNOTATOR_LEASE_SECONDS = 1
    job = make_job(make_project(), JobKind.EXPORT)
    context = jobs.claim(job_id=job.pk, worker="w1")
    assert context is not None
    job.refresh_from_db()
    first_lease = job.lease_until
    with context.kept():
        wait_for(lambda: lease_of(job) > first_lease)
        context.check()
        Job.objects.filter(pk=job.pk).update(cancel_requested=True)
        with pytest.raises(JobCancelled):
            wait_for(lambda: context.check() is not None)


@pytest.mark.django_db(transaction=True)
def test_keeper_notices_that_the_job_is_in_other_hands(settings):
    settings.ANNOTATOR_LEASE_SECONDS = 1
    job = make_job(make_project(), JobKind.EXPORT)
    context = jobs.claim(job_id=job.pk, worker="w1")
    assert context is not None
    with context.kept():
        Job.objects.filter(pk=job.pk).update(fencing_token=7)
        with pytest.raises(LeaseLost):
            wait_for(lambda: context.check() is not None)


def lease_of(job):
    return Job.objects.values_list("lease_until", flat=True).get(pk=job.pk)


def wait_for(condition, seconds=5.0):
    end = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        end.wait(0.05)
    pytest.fail("waited in vain")
