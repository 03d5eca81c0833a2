"""The training desk: who may use it, starting, the curve, verdict and promotion."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.enums import JobKind, JobState, NoteState, Split, VersionState
from annotator.models import Job
from tests.annotator.factories import (
    SPANS,
    make_job,
    make_member,
    make_note,
    make_project,
    make_set,
    make_version,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
HTMX = {"HX-Request": "true"}
DESK = "/p/alta/training/"
CHOICE = {"recipe": "adapt", "start_from": "starter"}


@pytest.fixture
def project():
    project = make_project("alta")
    make_version(None, name="starter", state=VersionState.ACTIVE)
    return project


@pytest.fixture
def admin(client, project):
    user = make_member(project, "admin")
    client.force_login(user)
    return user


def submit_note(project, person, split=Split.TRAIN):
    note = make_note(project, split=split, state=NoteState.SUBMITTED)
    return make_set(note, person, SPANS, state="submitted")


def set_active(project, version):
    project.active_version = version
    project.save(update_fields=["active_version"])


def running(project, **details):
    now = timezone.now()
    return make_job(
        project,
        JobKind.TRAIN,
        state=JobState.RUNNING,
        started_at=now,
        lease_until=now + timedelta(minutes=1),
        details=details,
    )


def metrics(change=0.021, low=0.008, high=0.034, *, enough=True, **labels):
    def figures(f1):
        return {"f1": f1, "precision": f1, "recall": f1, "n_gold": 30, "interval": None}

    report = {"micro": figures(0.8), "labels": {name: figures(0.8) for name in labels}}
    return {
        "split": "test",
        "n_notes": 18 if enough else 6,
        "n_spans": 240 if enough else 44,
        "enough": enough,
        "candidate": report,
        "active": report,
        "difference": {
            "f1": change,
            "low": low,
            "high": high,
            "labels": {
                name: {"f1": value, "low": value - 0.01, "high": value + 0.01}
                for name, value in labels.items()
            },
        },
    }


GETS = [DESK, f"{DESK}now/", f"{DESK}foot/", f"{DESK}verdict/", f"{DESK}versions/"]


@pytest.mark.parametrize("path", GETS)
def test_desk_is_for_administrators_of_the_project(client, project, path):
    assert client.get(path).headers["Location"].startswith("/login/")
    client.force_login(make_member(project, "reviewer"))
    assert client.get(path).status_code == 403
    client.force_login(make_member(make_project("other"), "admin"))
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", GETS)
def test_desk_pages_take_no_post(client, admin, path):
    assert client.post(path).status_code == 405


def test_desk_says_what_goes_in(client, project, admin):
    submit_note(project, admin)
    submit_note(project, admin, Split.TEST)
    page = client.get(DESK)
    assert page.context["plan"].n_notes == {"train": 1, "dev": 0, "test": 1}
    content = page.content.decode()
    assert page.context["plan"].digest[:12] in content
    assert "It takes about" in content
    assert 'name="recipe" value="adapt"' in content


def test_desk_without_submitted_notes_teaches(client, project, admin):
    page = client.get(DESK).content.decode()
    assert "ten already help" in page
    assert "Start retraining" not in page


@pytest.mark.parametrize("n_versions", [1, 3])
def test_desk_asks_the_same_queries_for_one_and_three_versions(
    client, project, admin, n_versions, django_assert_num_queries
):
    for _ in range(n_versions):
        make_version(project)
    # session, person, project, role for access (2), role for the tabs; plan: labels,
    # gold sets, last training; training jobs: live, last; versions: own, shipped
    with django_assert_num_queries(12):
        client.get(DESK)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_start_queues_a_training(client, project, admin, headers):
    submit_note(project, admin)
    answer = client.post(f"{DESK}start/", CHOICE, headers=headers)
    job = Job.objects.get(kind=JobKind.TRAIN)
    assert job.created_by == admin
    assert job.parameters["recipe"] == "adapt"
    if headers:
        assert b"A retraining is waiting" in answer.content
        assert b"<html" not in answer.content
    else:
        assert answer.headers["Location"] == DESK


def test_start_takes_no_get_and_no_lower_role(client, project, admin):
    assert client.get(f"{DESK}start/").status_code == 405
    client.force_login(make_member(project, "reviewer"))
    assert client.post(f"{DESK}start/", CHOICE).status_code == 403
    client.logout()
    assert client.post(f"{DESK}start/", CHOICE).status_code == 302
    assert not Job.objects.exists()


def test_start_of_an_unknown_recipe_is_refused(client, project, admin):
    submit_note(project, admin)
    answer = client.post(f"{DESK}start/", CHOICE | {"recipe": "x"}, follow=True)
    assert b"Choose a recipe" in answer.content
    assert not Job.objects.exists()


def test_start_refuses_the_same_training_twice(client, project, admin):
    submit_note(project, admin)
    assert client.post(f"{DESK}start/", CHOICE, headers=HTMX).status_code == 200
    answer = client.post(f"{DESK}start/", CHOICE, headers=HTMX)
    assert answer.status_code == 409
    assert b"This very retraining runs or waits already" in answer.content
    assert Job.objects.count() == 1


def test_start_refuses_a_third_training(client, project, admin):
    submit_note(project, admin)
    running(project)
    assert client.post(f"{DESK}start/", CHOICE, headers=HTMX).status_code == 200
    answer = client.post(f"{DESK}start/", CHOICE, headers=HTMX)
    assert answer.status_code == 409
    assert answer.headers["HX-Retarget"] == "#alert"
    assert Job.objects.count() == 2


def test_button_says_what_would_become_of_a_training(client, project, admin):
    submit_note(project, admin)
    foot = client.get(f"{DESK}foot/").content.decode()
    assert "It takes about" in foot
    assert "no retraining of this project has finished" in foot
    running(project)
    foot = client.get(f"{DESK}foot/").content.decode()
    assert "It takes about" not in foot
    assert "will wait as the next" in foot
    assert "disabled" not in foot
    answer = client.post(f"{DESK}start/", CHOICE, headers=HTMX)
    assert answer.headers["HX-Trigger"] == '{"training-changed": {}}'
    foot = client.get(f"{DESK}foot/").content.decode()
    assert "disabled" in foot
    assert "One retraining runs and one waits already" in foot


def test_estimate_from_a_finished_training_is_no_guess(client, project, admin):
    submit_note(project, admin)
    version = make_version(project, n_training_notes=1, training_seconds=60)
    make_job(
        project,
        JobKind.TRAIN,
        state=JobState.SUCCEEDED,
        result={"version": version.pk},
    )
    foot = client.get(f"{DESK}foot/").content.decode()
    assert "It takes about 1 minute" in foot
    assert "guess" not in foot


def test_now_prepares_before_the_first_step_and_tells_of_a_change(
    client, project, admin
):
    running(project)
    answer = client.get(f"{DESK}now/?live=1")
    assert "<dd>preparing</dd>" in answer.content.decode()
    assert "HX-Trigger" not in answer.headers
    answer = client.get(f"{DESK}now/?live=2")
    assert answer.headers["HX-Trigger"] == '{"training-changed": {}}'


def test_now_draws_the_curve_and_polls(client, project, admin):
    curve = [
        {"epoch": 1, "loss": 2.0, "f1": 0.5},
        {"epoch": 2, "loss": 1.0, "f1": 0.75},
        {"epoch": 3, "loss": 0.5, "f1": None},
    ]
    running(
        project,
        stage="training",
        epochs=4,
        curve=curve,
        eta_seconds=131,
        rss_mb=1180.4,
        log=[{"event": "checkpoint", "step": 4}],
    )
    answer = client.get(f"{DESK}now/")
    page = answer.content.decode()
    assert 'hx-trigger="every 2s, job-changed from:body"' in page
    assert "2 minutes" in page
    assert "1180 MB" in page
    assert "Checkpoint at step 4" in page
    assert page.count("curve__mark--f1") == 2
    assert page.count("curve__mark--loss") == 3
    assert 'style="' not in page
    assert "HX-Trigger" not in answer.headers


def test_now_stops_polling_and_tells_the_versions(client, project, admin):
    make_job(project, JobKind.TRAIN, state=JobState.FAILED, error_message="no dev")
    answer = client.get(f"{DESK}now/")
    page = answer.content.decode()
    assert "every 2s" not in page
    assert "no dev" in page
    assert "Run again" in page
    assert answer.headers["HX-Trigger"] == '{"training-ended": {}}'


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (metrics(DOSAGE=0.02), "Promote: +2.1 F1 (+0.8 to +3.4), no label worse."),
        (metrics(DOSAGE=-0.05), "but worse on DOSAGE."),
        (metrics(-0.02, -0.03, -0.01), "Keep the active model: −2.0 F1"),
        (metrics(0.01, -0.01, 0.03), "No clear difference: +1.0 F1 (−1.0 to +3.0)."),
        (metrics(enough=False), "Not enough held-out notes to say: +2.1 F1"),
        ({}, "Not compared"),
    ],
)
def test_verdict_says_in_one_sentence_what_to_do(
    client, project, admin, values, sentence
):
    make_version(project, name="v3", metrics=values)
    assert sentence in client.get(f"{DESK}verdict/").content.decode()


def test_verdict_is_hidden_once_the_latest_version_is_active(client, project, admin):
    make_version(project, name="v3", state=VersionState.ACTIVE, metrics=metrics())
    page = client.get(f"{DESK}verdict/").content.decode()
    assert "hidden" in page
    assert "Promote" not in page


def test_promoted_version_keeps_a_way_to_its_verdict(client, project, admin):
    version = make_version(
        project, name="v1", state=VersionState.ACTIVE, metrics=metrics(DOSAGE=0.02)
    )
    set_active(project, version)
    link = f"{DESK}?version={version.pk}"
    assert f'href="{link}#training-verdict"' in client.get(DESK).content.decode()
    page = client.get(link).content.decode()
    assert "Verdict on v1" in page
    assert "+2.1 F1 (+0.8 to +3.4)" in page
    assert f'action="/versions/{version.pk}/promote/"' not in page
    other = make_version(make_project("other"), name="v9", metrics=metrics())
    for unknown in (other.pk, "x"):
        page = client.get(f"{DESK}verdict/", {"version": unknown}).content.decode()
        assert "Verdict on" not in page


def test_starter_shows_what_the_verdict_gave_it(client, project, admin):
    starter = make_version(None, name="shipped", state=VersionState.ACTIVE)
    values = metrics()
    micro = {"f1": 0.713, "n_gold": 240, "interval": [0.66, 0.75]}
    values["active"] = {"micro": micro, "labels": {}, "version": starter.pk}
    make_version(project, name="v1", metrics=values)
    page = client.get(f"{DESK}versions/").content.decode()
    assert "71.3" in page
    assert "(66.0 to 75.0)" in page
    assert page.count("on 18 notes") == 2


def test_verdict_on_few_notes_gives_no_interval_without_width(client, project, admin):
    sure = {"f1": 1.0, "n_gold": 12, "interval": [1.0, 1.0]}
    small = {"f1": 0.4, "n_gold": 9, "interval": [0.2, 0.6]}
    kept = {"f1": 0.5, "n_gold": 11, "interval": [0.31, 0.62]}
    labels = {"SURE": sure, "SMALL": small, "KEPT": kept}
    values = metrics(0.0, 0.0, 0.0, enough=False, SURE=0.0, SMALL=0.0, KEPT=0.0)
    values["candidate"] = values["active"] = {"micro": sure, "labels": labels}
    make_version(project, name="v1", metrics=values)
    page = client.get(f"{DESK}verdict/").content.decode()
    assert "100.0 to 100.0" not in page
    assert "±0.0 to ±0.0" not in page
    assert "20.0 to 60.0" not in page
    assert "31.0 to 62.0" in page
    assert "too few to say" in page


def test_versions_offer_to_go_back(client, project, admin):
    first = make_version(project, name="v1", state=VersionState.RETIRED)
    second = make_version(project, name="v2", state=VersionState.ACTIVE, parent=first)
    project.active_version = second
    project.save(update_fields=["active_version"])
    page = client.get(f"{DESK}versions/").content.decode()
    assert f'action="/versions/{first.pk}/promote/"' in page
    assert f'action="/versions/{second.pk}/promote/"' not in page
    assert "Roll back" in page


def test_way_to_an_older_version_is_back_and_to_a_newer_one_is_use(
    client, project, admin
):
    starter = make_version(None, name="shipped", state=VersionState.ACTIVE)
    first = make_version(project, name="v1", state=VersionState.ACTIVE)
    set_active(project, first)
    page = client.get(f"{DESK}versions/").content.decode()
    # Both shipped versions are older than the active one.
    assert page.count("Roll back…") == 2
    assert "Use it…" not in page
    first.state = VersionState.RETIRED
    first.save(update_fields=["state"])
    set_active(project, starter)
    page = client.get(f"{DESK}versions/").content.decode()
    assert page.count("Use it…") == 1
    assert page.count("Roll back…") == 1


def test_promote_without_a_bundle_changes_nothing(client, project, admin):
    version = make_version(project)
    answer = client.post(f"/versions/{version.pk}/promote/", headers=HTMX)
    assert answer.status_code == 409
    project.refresh_from_db()
    assert project.active_version is None


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_promote_makes_the_version_active(client, project, admin, tiny_bundle, headers):
    former = make_version(project, name="v1", state=VersionState.ACTIVE)
    project.active_version = former
    project.save(update_fields=["active_version"])
    version = make_version(project, name="v2", bundle_path=str(tiny_bundle))
    answer = client.post(f"/versions/{version.pk}/promote/", headers=headers)
    project.refresh_from_db()
    former.refresh_from_db()
    assert project.active_version == version
    assert former.state == VersionState.RETIRED
    if headers:
        assert b"v2 is active" in answer.content
        # It lands at the top of the page, where the next look falls.
        assert b'id="training-notice" hx-swap-oob="innerHTML"' in answer.content
        desk = client.get(DESK).content
        assert desk.index(b'id="training-notice"') < desk.index(b'id="training-now"')
        assert answer.headers["HX-Trigger"] == '{"version-promoted": {}}'
    else:
        assert answer.headers["Location"] == DESK
        assert b"v2 is active" in client.get(DESK).content


def test_shipped_version_can_be_used_again(client, project, admin, tiny_bundle):
    shipped = make_version(
        None, name="shipped", state=VersionState.ACTIVE, bundle_path=str(tiny_bundle)
    )
    client.post(f"/versions/{shipped.pk}/promote/", {"project": "alta"})
    project.refresh_from_db()
    assert project.active_version == shipped


def test_promote_is_for_administrators_of_the_project(client, project, admin):
    version = make_version(project)
    path = f"/versions/{version.pk}/promote/"
    assert client.get(path).status_code == 405
    client.force_login(make_member(project, "reviewer"))
    assert client.post(path).status_code == 403
    client.force_login(make_member(make_project("other"), "admin"))
    assert client.post(path).status_code == 404
    assert client.post(path, {"project": "other"}).status_code == 404


def test_shipped_version_needs_a_project_that_one_administers(client, project, admin):
    shipped = make_version(None)
    make_project("other")
    path = f"/versions/{shipped.pk}/promote/"
    assert client.post(path).status_code == 404
    assert client.post(path, {"project": "other"}).status_code == 404
