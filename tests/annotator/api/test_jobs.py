"""Jobs, predictions, training and versions through the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.enums import JobKind, JobState, VersionState
from annotator.models import AuditEntry, Heartbeat, Job, Project
from tests.annotator.factories import (
    SPANS,
    make_job,
    make_member,
    make_note,
    make_project,
    make_set,
    make_user,
    make_version,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
URL = "/api/jobs/"
JSON = {"content_type": "application/json"}


def running(project, kind=JobKind.TRAIN, **fields):
    now = timezone.now()
    lease = {"started_at": now, "lease_until": now + timedelta(minutes=1)}
    return make_job(project, kind, state=JobState.RUNNING, **lease, **fields)


def ids(answer):
    return [row["id"] for row in answer.json()["results"]]


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_list_asks_the_same_queries_for_one_and_three_jobs(
    project, admin, n_jobs, django_assert_num_queries
):
    person = make_user()
    for number in range(n_jobs):
        make_job(project, JobKind.EXPORT, subject=str(number), created_by=person)
    # token with person, jobs counted, jobs with project and person
    with django_assert_num_queries(3):
        answer = admin.get(URL)
    assert len(ids(answer)) == n_jobs
    assert "result" not in answer.json()["results"][0]


def test_list_shows_the_kinds_that_a_role_covers(
    project, annotator, reviewer, admin, outsider, api
):
    jobs = {kind: make_job(project, kind).pk for kind in JobKind}
    of_nobody = make_job(None, JobKind.IMPORT).pk
    assert set(ids(annotator.get(URL))) == {jobs["predict"]}
    assert set(ids(reviewer.get(URL))) == {jobs["predict"], jobs["export"]}
    assert set(ids(admin.get(URL))) == set(jobs.values())
    assert ids(outsider.get(URL)) == []
    staff = api(make_user(is_staff=True))
    assert set(ids(staff.get(URL))) == {*jobs.values(), of_nobody}
    assert staff.get(f"{URL}{of_nobody}/").json()["project"] is None
    assert admin.get(f"{URL}{of_nobody}/").status_code == 404


def test_list_is_filtered(project, api):
    staff = api(make_user(is_staff=True))
    train = make_job(project, JobKind.TRAIN)
    export = make_job(project, JobKind.EXPORT, state=JobState.FAILED)
    foreign = make_job(make_project("beta"), JobKind.EXPORT)
    assert ids(staff.get(f"{URL}?project=alta")) == [export.pk, train.pk]
    assert ids(staff.get(f"{URL}?kind=train")) == [train.pk]
    assert ids(staff.get(f"{URL}?state=queued")) == [foreign.pk, train.pk]
    assert staff.get(f"{URL}?created_by=1").status_code == 422


def test_detail_tells_progress_and_result(project, admin):
    job = running(project, progress_done=2, progress_total=8)
    Job.objects.filter(pk=job.pk).update(details={"curve": [{"epoch": 1}]})
    body = admin.get(f"{URL}{job.pk}/").json()
    told = ("state", "progress_done", "progress_total", "details", "result")
    assert [body[name] for name in told] == [
        "running",
        2,
        8,
        {"curve": [{"epoch": 1}]},
        {},
    ]
    assert "parameters" not in body


def test_cancel_and_run_again(project, admin):
    job = make_job(project, JobKind.TRAIN)
    cancelled = admin.post(f"{URL}{job.pk}/cancel/")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    twice = admin.post(f"{URL}{job.pk}/cancel/")
    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_state")
    again = admin.post(f"{URL}{job.pk}/run-again/")
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    assert again.headers["Location"].endswith(f"{URL}{job.pk}/")


def test_annotators_see_suggestions_come_but_do_not_stop_them(project, annotator):
    job = make_job(project, JobKind.PREDICT)
    assert annotator.get(f"{URL}{job.pk}/").status_code == 200
    assert annotator.post(f"{URL}{job.pk}/cancel/").status_code == 403
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


# Predictions ------------------------------------------------------------------------


def test_predictions_are_queued(project, admin):
    notes = [make_note(project).pk for _ in range(2)]
    url = "/api/projects/alta/predictions/"
    everything = admin.post(url, **JSON)
    assert (everything.status_code, everything.json()["kind"]) == (202, "predict")
    some = admin.post(url, {"note_ids": notes}, **JSON)
    assert Job.objects.get(pk=some.json()["id"]).parameters == {"note_ids": notes}


def test_predictions_of_foreign_notes_are_refused(project, admin):
    foreign = make_note().pk
    answer = admin.post(
        "/api/projects/alta/predictions/", {"note_ids": [foreign]}, **JSON
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_values")
    assert list(answer.json()["details"]["fields"]) == ["note_ids"]
    assert not Job.objects.exists()


# Training and versions --------------------------------------------------------------


def test_training_plan_and_start(project, admin):
    url = "/api/projects/alta/training/"
    shipped = make_version(state=VersionState.ACTIVE)
    empty = admin.get(url).json()
    assert empty["refusal"] == "no submitted notes in the training split yet"
    refused = admin.post(url, {}, **JSON)
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")

    make_set(make_note(project), None, SPANS)
    plan = admin.get(url).json()
    assert (plan["refusal"], plan["n_training_notes"]) == ("", 1)
    assert plan["n_spans"]["train"]["FINDING"] == 1
    assert plan["estimated_seconds"] > 0
    started = admin.post(url, {"recipe": "transfer"}, **JSON)
    assert started.status_code == 202
    job = Job.objects.get(pk=started.json()["id"])
    assert job.parameters == {
        "recipe": "transfer",
        "start_from": "starter",
        "start_version": shipped.pk,
    }
    again = admin.post(url, {"recipe": "transfer"}, **JSON)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert f"job {job.pk}" in again.json()["message"]
    unknown = admin.post(url, {"recipe": "magic"}, **JSON)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "invalid_values")


@pytest.mark.parametrize("n_versions", [1, 3])
def test_versions_ask_the_same_queries_for_one_and_three(
    project, admin, n_versions, django_assert_num_queries
):
    for _ in range(n_versions):
        make_version(project)
    shipped = make_version()
    make_version(make_project())
    # token with person, project, role, own versions, shipped versions
    with django_assert_num_queries(5):
        answer = admin.get("/api/projects/alta/versions/")
    assert answer.json()["count"] == n_versions + 1
    assert ids(answer)[-1] == shipped.pk
    assert [row["is_shipped"] for row in answer.json()["results"]][-2:] == [False, True]


def test_version_tells_its_verdict(project, admin):
    figures = {"f1": 0.5, "interval": [0.4, 0.6], "n_gold": 9}
    version = make_version(
        project,
        metrics={
            "candidate": {"micro": figures, "labels": {"FINDING": figures}},
            "active": {"micro": figures, "labels": {}},
            "difference": {"f1": 0.0, "low": -0.1, "high": 0.1},
            "enough": False,
            "n_notes": 3,
            "n_spans": 9,
        },
    )
    body = admin.get(f"/api/projects/alta/versions/{version.pk}/").json()
    verdict = body["verdict"]
    assert (verdict["advice"], verdict["n_documents"]) == ("not_enough", 3)
    assert verdict["candidate"] == {
        "f1": 50.0,
        "low": 40.0,
        "high": 60.0,
        "precision": None,
        "recall": None,
        "n_gold": 9,
    }
    assert verdict["change"] == {"f1": 0.0, "low": -10.0, "high": 10.0}
    assert [row["name"] for row in verdict["labels"]] == ["FINDING"]
    assert "bundle_path" not in body


def test_version_is_promoted_and_rolled_back(project, admin, tiny_bundle):
    old, new = (make_version(project, bundle_path=str(tiny_bundle)) for _ in range(2))
    url = "/api/projects/alta/versions/"
    for version in (old, new, old):
        answer = admin.post(f"{url}{version.pk}/promote/")
        assert (answer.status_code, answer.json()["is_active"]) == (200, True)
        assert Project.objects.get(pk=project.pk).active_version == version
    twice = admin.post(f"{url}{old.pk}/promote/")
    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_state")
    assert AuditEntry.objects.filter(action="version.promote").count() == 3


def test_version_of_another_project_is_not_there(project, admin):
    foreign = make_version(make_project())
    url = f"/api/projects/alta/versions/{foreign.pk}/"
    assert admin.get(url).status_code == 404
    assert admin.post(f"{url}promote/").status_code == 404


# Workers ----------------------------------------------------------------------------


def test_workers_are_told_by_queue(annotator):
    now = timezone.now()
    Heartbeat.objects.create(
        name="quick-1", queue="quick", pid=1, started_at=now, beat_at=now
    )
    rows = {row["queue"]: row for row in annotator.get("/api/workers/").json()}
    assert list(rows) == ["quick", "train", "ticker"]
    assert (rows["quick"]["n_alive"], rows["quick"]["is_alive"]) == (1, True)
    assert (rows["train"]["is_alive"], rows["train"]["last_beat_at"]) == (False, None)


def test_member_of_two_projects_sees_each_job_once(project, api):
    user = make_member(project, "admin")
    other = make_project("beta", members={user: "annotator"})
    seen = make_job(project, JobKind.TRAIN)
    make_job(other, JobKind.TRAIN)
    assert ids(api(user).get(URL)) == [seen.pk]
