"""Job pages: who sees them, polling that ends, cancel and run again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.enums import JobKind, JobState
from tests.annotator.factories import make_job, make_member, make_project, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def project():
    return make_project("alta")


def running(project, kind=JobKind.TRAIN, **fields):
    now = timezone.now()
    return make_job(
        project,
        kind,
        state=JobState.RUNNING,
        started_at=now,
        lease_until=now + timedelta(minutes=1),
        **fields,
    )


def paths(job):
    at = f"/jobs/{job.pk}/"
    return {name: f"{at}{name}/" for name in ("status", "cancel", "run-again")} | {
        "detail": at
    }


def test_job_pages_ask_for_a_log_in(client, project):
    for path in paths(running(project)).values():
        assert client.post(path).headers["Location"].startswith("/login/")


def test_job_of_another_project_is_not_there(client, project):
    client.force_login(make_member(make_project("other"), "admin"))
    at = paths(running(project))
    assert client.get(at["detail"]).status_code == 404
    assert client.get(at["status"]).status_code == 404
    assert client.post(at["cancel"]).status_code == 404
    assert client.post(at["run-again"]).status_code == 404


@pytest.mark.parametrize(
    ("kind", "role", "status"),
    [
        ("train", "admin", 200),
        ("train", "reviewer", 403),
        ("import", "reviewer", 403),
        ("export", "reviewer", 200),
        ("export", "annotator", 403),
        ("predict", "annotator", 200),
    ],
)
def test_job_is_shown_to_those_who_may_start_it(client, project, kind, role, status):
    client.force_login(make_member(project, role))
    assert client.get(paths(running(project, kind))["detail"]).status_code == status


def test_job_without_project_is_for_administrators(client):
    job = running(None)
    client.force_login(make_user())
    assert client.get(paths(job)["detail"]).status_code == 404
    client.force_login(make_user(is_staff=True))
    assert client.get(paths(job)["detail"]).status_code == 200


def test_status_polls_while_running_and_stops_when_finished(client, project):
    client.force_login(make_member(project, "admin"))
    job = running(project, progress_done=3, progress_total=12)
    live = client.get(paths(job)["status"]).content.decode()
    assert 'hx-trigger="every 2s"' in live
    assert "3 of 12" in live
    job.state, job.lease_until = JobState.FAILED, None
    job.error_class, job.error_message = "EngineFailed", "no documents"
    job.save()
    done = client.get(paths(job)["status"]).content.decode()
    assert "hx-trigger" not in done
    assert "EngineFailed: no documents" in done
    assert "Run again" in done


def test_status_takes_no_post_and_cancel_no_get(client, project):
    client.force_login(make_member(project, "admin"))
    at = paths(running(project))
    assert client.post(at["status"]).status_code == 405
    assert client.get(at["cancel"]).status_code == 405
    assert client.get(at["run-again"]).status_code == 405


def test_status_asks_a_fixed_number_of_queries(
    client, project, django_assert_num_queries
):
    client.force_login(make_member(project, "admin"))
    at = paths(running(project))
    # session, person, job with project, role: three checks
    with django_assert_num_queries(6):
        client.get(at["status"])


def test_cancel_asks_a_running_job_to_stop(client, project):
    client.force_login(make_member(project, "admin"))
    job = running(project)
    answer = client.post(paths(job)["cancel"], headers=HTMX)
    assert "Stopping" in answer.content.decode()
    assert answer.headers["HX-Trigger"] == '{"job-changed": {}}'
    job.refresh_from_db()
    assert job.cancel_requested


def test_cancel_of_predictions_is_for_administrators(client, project):
    client.force_login(make_member(project, "reviewer"))
    job = running(project, JobKind.PREDICT)
    assert client.post(paths(job)["cancel"]).status_code == 403
    job.refresh_from_db()
    assert not job.cancel_requested


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_cancel_of_a_finished_job_answers_409(client, project, headers):
    client.force_login(make_member(project, "admin"))
    job = make_job(project, JobKind.TRAIN, state=JobState.SUCCEEDED)
    answer = client.post(paths(job)["cancel"], headers=headers)
    assert answer.status_code == 409
    assert b"This cannot be done now" in answer.content
    assert (b"<html" in answer.content) == (not headers)
    assert answer.headers.get("HX-Retarget") == ("#alert" if headers else None)


def test_run_again_queues_the_job(client, project, django_capture_on_commit_callbacks):
    client.force_login(make_member(project, "admin"))
    job = make_job(project, JobKind.TRAIN, state=JobState.FAILED, attempt=3)
    answer = client.post(paths(job)["run-again"])
    assert answer.headers["Location"] == f"/jobs/{job.pk}/"
    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)


def test_a_running_training_says_its_last_step(client, project):
    client.force_login(make_member(project, "admin"))
    log = [{"event": "checkpoint", "step": 4}]
    details = {"stage": "training", "log": log}
    job = running(project, details=details, progress_done=4, progress_total=8)

    page = client.get(paths(job)["detail"]).content.decode()

    assert "Checkpoint at step 4" in page
