"""Projects and labels: the same rules as the pages' forms."""

from __future__ import annotations

import pytest

from annotator.enums import NoteState, SetState
from annotator.models import Label, Membership, Project
from tests.annotator.factories import (
    SPANS,
    make_member,
    make_note,
    make_project,
    make_set,
    make_suggestion,
    make_user,
    make_version,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
URL = "/api/projects/"
JSON = {"content_type": "application/json"}


@pytest.mark.parametrize("n_projects", [1, 3])
def test_list_asks_the_same_queries_for_one_and_three_projects(
    api, n_projects, django_assert_num_queries
):
    user = make_user()
    for _ in range(n_projects):
        project = make_project(active_version=make_version())
        Membership.objects.create(project=project, user=user, role="reviewer")
    make_project("foreign")
    client = api(user)
    # token with person, projects counted, projects with version and role
    with django_assert_num_queries(3):
        answer = client.get(URL)
    assert answer.json()["count"] == n_projects
    assert {row["role"] for row in answer.json()["results"]} == {"reviewer"}


def test_administrators_of_the_installation_see_every_project(api, project):
    answer = api(make_user(is_staff=True)).get(URL)
    (row,) = answer.json()["results"]
    created_at = row.pop("created_at")
    assert created_at
    assert row == {
        "name": "Project alta",
        "slug": "alta",
        "language": "es",
        "genre": "note",
        "dev_percent": 15,
        "test_percent": 20,
        "overlap": 1,
        "suggestion_threshold": 0.3,
        "role": "admin",
        "active_version": None,
    }


def test_pages_of_a_list_are_bounded(annotator):
    assert len(annotator.get(f"{URL}?limit=1").json()["results"]) == 1
    answer = annotator.get(f"{URL}?limit=1&offset=1").json()
    assert (answer["count"], answer["results"]) == (1, [])
    assert "limit=200" not in str(annotator.get(f"{URL}?limit=100000").json())


def test_unknown_parameters_are_refused(annotator):
    answer = annotator.get(f"{URL}?lang=es")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_values")
    assert answer.json()["details"] == {"fields": {"lang": ["unknown parameter"]}}


def test_detail_shows_guideline_progress_and_role(annotator, project):
    make_note(project)
    make_note(project, state=NoteState.SUBMITTED)
    answer = annotator.get(f"{URL}alta/").json()
    assert answer["role"] == "annotator"
    assert answer["progress"] == {"n_notes": 2, "n_done": 1, "n_in_progress": 0}
    assert answer["guideline"] == ""


def test_staff_create_a_project_with_the_default_labels(api):
    staff = make_user(is_staff=True)
    answer = api(staff).post(
        URL, {"name": "Informes de alta", "language": "es"}, **JSON
    )
    assert answer.status_code == 201
    assert answer.json()["slug"] == "informes-de-alta"
    project = Project.objects.get()
    assert project.labels.count() == 5
    assert project.memberships.get().user == staff


def test_others_do_not_create_projects(admin):
    answer = admin.post(URL, {"name": "New", "language": "es"}, **JSON)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"language": "Spanish!"}, "language"),
        ({"slug": "taken"}, "slug"),
        ({"dev_percent": 44, "test_percent": 44}, "test_percent"),
        ({"overlap": 0}, "overlap"),
        ({"suggestion_threshold": 2}, "suggestion_threshold"),
        ({"genre": "poem"}, "genre"),
        ({"name": ""}, "name"),
    ],
)
def test_rules_of_the_form_hold(admin, project, sent, field):
    make_project("taken")
    answer = admin.patch(f"{URL}alta/", sent, **JSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_values")
    assert list(answer.json()["details"]["fields"]) == [field]
    stored = Project.objects.get(pk=project.pk)
    assert (stored.language, stored.slug, stored.overlap) == ("es", "alta", 1)


def test_patch_changes_what_was_sent_only(admin, project):
    Project.objects.filter(pk=project.pk).update(test_percent=10)
    answer = admin.patch(f"{URL}alta/", {"overlap": 2, "genre": "dialogue"}, **JSON)
    assert (answer.status_code, answer.json()["overlap"]) == (200, 2)
    stored = Project.objects.get(pk=project.pk)
    assert (stored.overlap, stored.genre, stored.test_percent) == (2, "dialogue", 10)


def test_more_annotators_for_submitted_notes_are_confirmed_first(admin, project):
    note = make_note(project, state=NoteState.SUBMITTED)
    make_set(note, make_member(project), SPANS, state=SetState.SUBMITTED)
    sent = {"overlap": 2, "name": "Other"}

    for unsure in ({}, {"confirm": False}):
        answer = admin.patch(f"{URL}alta/", sent | unsure, **JSON)
        assert (answer.status_code, answer.json()["code"]) == (
            409,
            "confirmation_needed",
        )
        counts = answer.json()["details"]
        assert (counts["n_reopened"], counts["n_no_gold"]) == (1, 1)
        stored = Project.objects.get(pk=project.pk)
        assert (stored.overlap, stored.name) == (1, "Project alta")

    answer = admin.patch(f"{URL}alta/", sent | {"confirm": True}, **JSON)
    note.refresh_from_db()
    assert (answer.status_code, note.state) == (200, NoteState.IN_PROGRESS)


def test_guideline_of_another_person_is_not_overwritten(admin, project):
    url = f"{URL}alta/"
    digest = admin.get(url).json()["guideline_digest"]
    first = {"guideline": "# Mark\n", "guideline_base_digest": digest}
    answer = admin.patch(url, first, **JSON)
    assert answer.json()["guideline"] == "# Mark\n"
    late = {"guideline": "Lost?", "guideline_base_digest": digest, "overlap": 3}
    answer = admin.patch(url, late, **JSON)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    stored = Project.objects.get(pk=project.pk)
    assert (stored.guideline, stored.overlap) == ("# Mark\n", 1)


# Labels -----------------------------------------------------------------------------


@pytest.mark.parametrize("n_labels", [1, 3])
def test_labels_ask_the_same_queries_for_one_and_three(
    api, n_labels, django_assert_num_queries
):
    project = make_project("few")
    Label.objects.filter(project=project, position__gt=n_labels).delete()
    client = api(make_member(project))
    # token with person, project, role, labels counted, labels
    with django_assert_num_queries(5):
        answer = client.get(f"{URL}few/labels/")
    assert len(answer.json()["results"]) == n_labels


def test_label_is_made_changed_and_deleted(admin, project):
    url = f"{URL}alta/labels/"
    sent = {"name": "ROUTE", "short_name": "ROU", "local_names": {"es": "Vía"}}
    made = admin.post(url, sent | {"colour_slot": 7, "hotkey": "6"}, **JSON)
    assert made.status_code == 201
    assert made.json() | {"id": 0} == {
        "id": 0,
        "name": "ROUTE",
        "short_name": "ROU",
        "local_names": {"es": "Vía"},
        "description": "",
        "colour_slot": 7,
        "hotkey": "6",
        "position": 6,
    }
    one = f"{url}{made.json()['id']}/"
    assert admin.patch(one, {"position": 1}, **JSON).json()["position"] == 1
    assert admin.get(one).json()["name"] == "ROUTE"
    assert admin.delete(one).status_code == 204
    assert not Label.objects.filter(name="ROUTE").exists()


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"name": "low case"}, "name"),
        ({"colour_slot": 13}, "colour_slot"),
        ({"hotkey": "x"}, "hotkey"),
        ({"local_names": {"es": 3 * [1]}}, "local_names"),
    ],
)
def test_label_rules_hold(admin, project, sent, field):
    label = {"name": "ROUTE", "short_name": "ROU"} | sent
    answer = admin.post(f"{URL}alta/labels/", label, **JSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_values")
    assert list(answer.json()["details"]["fields"]) == [field]


def test_a_label_with_suggestions_is_deleted_when_that_is_confirmed(admin, project):
    make_suggestion(make_note(project), *SPANS[0])
    label = project.labels.get(name=SPANS[0][2])
    url = f"{URL}alta/labels/{label.pk}/"

    answer = admin.delete(url)
    assert (answer.status_code, answer.json()["code"]) == (409, "confirmation_needed")
    assert answer.json()["details"] == {"n_suggestions": 1}
    assert project.labels.filter(pk=label.pk).exists()

    assert admin.delete(f"{url}?confirm=true").status_code == 204
    assert not project.labels.filter(pk=label.pk).exists()


def test_used_label_stays(admin, project):
    make_set(make_note(project), None, SPANS)
    label = project.labels.get(name="FINDING")
    answer = admin.delete(f"{URL}alta/labels/{label.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


def test_label_of_another_project_is_not_there(admin):
    foreign = make_project("foreign").labels.first()
    assert admin.get(f"{URL}alta/labels/{foreign.pk}/").status_code == 404
