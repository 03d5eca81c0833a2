"""The first page and the health answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from annotator.enums import JobKind, JobState, NoteState, SetState
from annotator.models import Heartbeat
from tests.annotator.factories import (
    make_job,
    make_member,
    make_note,
    make_project,
    make_set,
    make_user,
    make_version,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]


def fill(n_projects):
    user = make_user()
    for number in range(n_projects):
        project = make_project(f"p{number}", members={user: "annotator"})
        project.active_version = make_version(project, name=f"v{number}")
        project.save(update_fields=["active_version"])
        make_note(project, state=NoteState.SUBMITTED)
        make_note(project)
    return user


def test_home_asks_for_a_log_in(client):
    assert client.get("/").headers["Location"] == "/login/?next=/"
    client.force_login(make_user())
    assert client.post("/").status_code == 405


@pytest.mark.parametrize("n_projects", [1, 3])
def test_home_asks_the_same_queries_for_one_and_three_projects(
    client, n_projects, django_assert_num_queries
):
    client.force_login(fill(n_projects))
    # session, person, projects with their model, notes counted, notes waiting, own
    # open sets, roles, jobs that renew suggestions
    with django_assert_num_queries(8):
        page = client.get("/")
    assert page.content.decode().count("1 of 2 notes done") == n_projects


def test_home_shows_own_projects_only(client):
    mine, other = make_project("mine"), make_project("other")
    make_member(other)
    client.force_login(make_member(mine))
    page = client.get("/").content.decode()
    assert "/p/mine/" in page
    assert "/p/other/" not in page


def test_home_shows_the_model_and_its_score_with_interval(client):
    user = make_user(is_staff=True)
    project = make_project()
    figures = {"f1": 0.7712, "interval": [0.71, 0.8249]}
    project.active_version = make_version(
        project,
        name="v2",
        metrics={"candidate": {"micro": figures}, "n_notes": 18, "enough": True},
    )
    project.save(update_fields=["active_version"])
    client.force_login(user)
    page = client.get("/").content.decode()
    assert "77.1" in page
    assert "(71.0 to 82.5) on 18 notes" in page


def test_home_gives_no_interval_on_too_few_notes(client):
    project = make_project()
    figures = {"f1": 1.0, "interval": [1.0, 1.0]}
    metrics = {"candidate": {"micro": figures}, "n_notes": 2, "enough": False}
    project.active_version = make_version(project, name="v1", metrics=metrics)
    project.save(update_fields=["active_version"])
    client.force_login(make_member(project))
    page = client.get("/").content.decode()
    assert "too few to say on 2 notes" in page
    assert "100.0 to 100.0" not in page


def test_home_counts_what_waits_for_the_person(client):
    project = make_project()
    ana, leo = make_member(project), make_member(project)
    make_set(make_note(project, state=NoteState.IN_PROGRESS), ana)
    make_set(
        make_note(project, state=NoteState.SUBMITTED), leo, state=SetState.SUBMITTED
    )
    make_note(project)
    client.force_login(ana)
    page = client.get("/").content.decode()
    assert "2 notes wait for you" in page
    assert "Continue" in page


def test_home_without_projects_teaches(client):
    client.force_login(make_user())
    assert b"An administrator adds you" in client.get("/").content
    client.force_login(make_user(is_staff=True))
    assert b"Make one, then drop your notes" in client.get("/").content


def beat(queue, seconds_ago):
    now = timezone.now()
    Heartbeat.objects.create(
        name=f"{queue}-1",
        queue=queue,
        pid=1,
        started_at=now,
        beat_at=now - timedelta(seconds=seconds_ago),
    )


def test_home_says_which_workers_live(client):
    beat("quick", 1)
    beat("train", 600)
    client.force_login(make_user(is_staff=True))
    page = client.get("/").content.decode()
    assert "ready" in page
    assert "silent for 10 minutes" in page
    assert "not started" in page


@pytest.mark.parametrize("page", ["/", "/p/alta/"])
def test_pages_say_that_suggestions_are_being_renewed(client, page):
    project = make_project("alta")
    make_note(project)
    project.active_version = make_version(project, name="v2")
    project.save(update_fields=["active_version"])
    client.force_login(make_member(project))
    make_job(project, JobKind.PREDICT, parameters={"note_ids": [1]})
    assert "renewed" not in client.get(page).content.decode()
    job = make_job(project, JobKind.PREDICT, state=JobState.QUEUED)
    assert "about to be renewed by v2" in client.get(page).content.decode()
    type(job).objects.filter(pk=job.pk).update(progress_done=3, progress_total=8)
    assert "renewed by v2 (3 of 8)" in client.get(page).content.decode()


def test_home_tells_of_workers_only_who_administers(client):
    beat("quick", 1)
    project = make_project()
    heading = b'id="workers"'
    client.force_login(make_member(project, "reviewer"))
    assert heading not in client.get("/").content
    client.force_login(make_member(project, "admin"))
    assert heading in client.get("/").content


def test_health_answers_without_a_log_in_in_one_query(
    client, django_assert_num_queries
):
    beat("quick", 1)
    with django_assert_num_queries(1):  # heartbeats
        answer = client.get("/healthz")
    body = answer.json()
    assert (answer.status_code, body["status"], body["database"]) == (200, "ok", True)
    assert {name: each["alive"] for name, each in body["workers"].items()} == {
        "quick": 1,
        "train": 0,
        "ticker": 0,
    }
    assert client.post("/healthz").status_code == 405


def test_health_without_a_database_answers_503(client):
    def fail(execute, sql, params, many, context):
        raise OperationalError("gone")

    with connection.execute_wrapper(fail):
        answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "failing", "database": False}
