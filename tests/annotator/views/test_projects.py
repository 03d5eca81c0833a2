"""The set-up pages: project, labels, members."""

from __future__ import annotations

import pytest
from django.urls import reverse

from annotator.enums import Role
from annotator.models import Label, Membership, Project
from tests.annotator.factories import (
    make_member,
    make_note,
    make_project,
    make_set,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

PROJECT = {
    "name": "Urgencias",
    "slug": "urgencias",
    "language": "es",
    "genre": "note",
    "dev_percent": "10",
    "test_percent": "20",
    "overlap": "1",
    "suggestion_threshold": "0.3",
}
LABEL = {
    "name": "ALLERGY",
    "short_name": "ALL",
    "description": "What the patient reacts to.",
    "colour_slot": "6",
    "hotkey": "6",
    "name_es": "Alergia",
}


@pytest.fixture
def project():
    return make_project("alta")


@pytest.fixture
def admin(client, project):
    user = make_member(project, Role.ADMIN, "admin")
    client.force_login(user)
    return user


# Who may -----------------------------------------------------------------------------


def _mutating(project):
    label = project.labels.first()
    member = project.memberships.first() or Membership.objects.create(
        project=project, user=make_user(), role=Role.ADMIN
    )
    return {
        "project_edit": ({}, PROJECT),
        "label_create": ({}, LABEL),
        "label_edit": ({"label_id": label.pk}, LABEL),
        "label_delete": ({"label_id": label.pk}, {}),
        "member_add": ({}, {"username": "x", "role": "admin"}),
        "member_edit": ({"member_id": member.pk}, {"role": "admin"}),
        "member_remove": ({"member_id": member.pk}, {}),
    }


def _snapshot(project):
    return (
        list(Project.objects.values()),
        list(Label.objects.values()),
        list(Membership.objects.filter(project=project).values()),
    )


@pytest.mark.parametrize(
    "name",
    [
        "project_edit",
        "label_create",
        "label_edit",
        "label_delete",
        "member_add",
        "member_edit",
        "member_remove",
    ],
)
def test_mutating_views_are_for_admins_of_the_project(client, project, name):
    extra, data = _mutating(project)[name]
    url = reverse(name, kwargs={"slug": project.slug} | extra)
    elsewhere = make_member(make_project(), Role.ADMIN)
    reviewer = make_member(project, Role.REVIEWER)
    before = _snapshot(project)

    assert client.post(url, data).status_code == 302  # anonymous: to the log-in
    assert client.post(url, data).headers["Location"].startswith(reverse("login"))
    client.force_login(elsewhere)
    assert client.post(url, data).status_code == 404
    client.force_login(reviewer)
    assert client.post(url, data).status_code == 403
    assert client.put(url).status_code == 405
    assert _snapshot(project) == before


@pytest.mark.parametrize("name", ["label_delete", "member_add", "member_edit"])
def test_actions_answer_post_only(client, admin, project, name):
    extra, _ = _mutating(project)[name]

    response = client.get(reverse(name, kwargs={"slug": project.slug} | extra))

    assert response.status_code == 405


def test_rows_of_another_project_are_not_found(client, admin, project):
    other = make_project()
    member = Membership.objects.create(project=other, user=make_user())
    label = other.labels.first()

    for name, extra in (
        ("label_edit", {"label_id": label.pk}),
        ("label_delete", {"label_id": label.pk}),
        ("member_edit", {"member_id": member.pk}),
        ("member_remove", {"member_id": member.pk}),
    ):
        url = reverse(name, kwargs={"slug": project.slug} | extra)
        assert client.post(url, {"role": "admin"}).status_code == 404


# Projects ----------------------------------------------------------------------------


def test_project_create_makes_a_project_and_goes_to_the_import(client):
    client.force_login(make_user(is_staff=True))

    response = client.post(reverse("project_create"), PROJECT | {"slug": ""})

    project = Project.objects.get()
    assert (project.slug, project.test_percent) == ("urgencias", 20)
    assert response.headers["Location"] == "/p/urgencias/import/"


def test_project_create_is_for_administrators_of_the_installation(client, project):
    client.force_login(make_member(project, Role.ADMIN))

    assert client.get(reverse("project_create")).status_code == 403
    assert client.post(reverse("project_create"), PROJECT).status_code == 403
    assert Project.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("slug", "alta", "already exists"),
        ("slug", "no blanks", "valid “slug”"),
        ("name", "", "required"),
        ("name", "¡!", "Give an address"),
        ("language", "spanish", "two or three letters"),
        ("test_percent", "46", "less than or equal to 45"),
        ("suggestion_threshold", "2", "less than or equal to 1"),
    ],
)
def test_project_create_bad_value_shows_the_form_again(
    client, project, field, value, message
):
    client.force_login(make_user(is_staff=True))
    data = PROJECT | ({"slug": ""} if field == "name" else {}) | {field: value}

    response = client.post(reverse("project_create"), data)

    assert response.status_code == 422
    assert message in response.content.decode()
    assert Project.objects.count() == 1


def test_project_edit_saves_settings(client, admin, project):
    response = client.post(reverse("project_edit", args=["alta"]), PROJECT)

    project.refresh_from_db()
    assert (project.slug, project.name, project.dev_percent) == (
        "urgencias",
        "Urgencias",
        10,
    )
    assert response.headers["Location"] == "/p/urgencias/settings/"


def test_project_edit_says_what_another_overlap_does_before_it_does(
    client, admin, project
):
    note = make_note(project, state="submitted")
    make_set(note, make_user(), state="submitted")
    url, data = reverse("project_edit", args=["alta"]), PROJECT | {"slug": "alta"}

    response = client.post(url, data | {"overlap": "2"})

    page = response.content.decode()
    assert response.status_code == 422
    assert "1 submitted note goes back to the queue" in page
    assert "1 note has no reference any more" in page
    project.refresh_from_db()
    assert (project.overlap, project.name) == (1, "Project alta")
    # confirmed for another number than the one sent now
    other = data | {"overlap": "3", "overlap_confirmed": "2"}
    assert client.post(url, other).status_code == 422

    response = client.post(url, data | {"overlap": "2", "overlap_confirmed": "2"})

    assert response.status_code == 302
    project.refresh_from_db()
    note.refresh_from_db()
    assert (project.overlap, note.state) == (2, "in_progress")


def test_project_edit_refused_keeps_the_address_in_the_links(client, admin, project):
    make_project("taken")

    response = client.post(
        reverse("project_edit", args=["alta"]), PROJECT | {"slug": "taken"}
    )

    page = response.content.decode()
    assert response.status_code == 422
    assert "/p/alta/labels/new/" in page
    assert "/p/taken/" not in page


def test_project_edit_leaves_a_fifth_to_train_on(client, admin):
    data = PROJECT | {"dev_percent": "45", "test_percent": "45"}

    response = client.post(reverse("project_edit", args=["alta"]), data)

    assert response.status_code == 422
    assert "at least a fifth" in response.content.decode()


@pytest.mark.parametrize("n_more", [1, 3])
def test_project_edit_queries_do_not_grow(
    client, admin, project, n_more, django_assert_num_queries
):
    for _ in range(n_more):
        make_member(project)

    # session, person; project; role three times; labels; members
    with django_assert_num_queries(7):
        response = client.get(reverse("project_edit", args=["alta"]))

    assert response.content.decode().count("/remove/") == n_more + 1


# Labels ------------------------------------------------------------------------------


def test_label_create_adds_it_with_its_names(client, admin, project):
    response = client.post(reverse("label_create", args=["alta"]), LABEL)

    label = project.labels.get(name="ALLERGY")
    assert response.headers["Location"] == "/p/alta/settings/"
    assert (label.colour_slot, label.hotkey, label.position) == (6, "6", 6)
    assert label.local_names == {"es": "Alergia"}


def test_label_without_a_key_gets_the_first_that_is_free(client, admin, project):
    project.labels.filter(name="DOSAGE").update(hotkey="")
    client.post(reverse("label_create", args=["alta"]), LABEL | {"hotkey": ""})

    assert project.labels.get(name="ALLERGY").hotkey == "2"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "alergia", "Use capital letters"),
        ("name", "FINDING", "has a label of this name"),
        ("hotkey", "1", "belongs to MEDICATION"),
        ("colour_slot", "13", "valid choice"),
    ],
)
def test_label_create_bad_value_shows_the_form_again(
    client, admin, project, field, value, message
):
    response = client.post(
        reverse("label_create", args=["alta"]), LABEL | {field: value}
    )

    assert response.status_code == 422
    assert message in response.content.decode()
    assert project.labels.count() == 5


def test_label_edit_changes_it(client, admin, project):
    label = project.labels.get(name="FINDING")
    url = reverse("label_edit", args=["alta", label.pk])
    assert 'value="FINDING"' in client.get(url).content.decode()

    client.post(url, LABEL)

    label.refresh_from_db()
    assert (label.name, label.short_name, label.position) == ("ALLERGY", "ALL", 5)
    assert label.local_names == {"es": "Alergia"}


def test_label_edit_name_in_use_is_explained(client, admin, project):
    make_set(make_note(project), admin)
    label = project.labels.get(name="FINDING")

    response = client.post(reverse("label_edit", args=["alta", label.pk]), LABEL)

    assert response.status_code == 422
    assert "Annotation has begun" in response.content.decode()
    label.refresh_from_db()
    assert label.name == "FINDING"


def test_label_delete_unused_and_used(client, admin, project):
    make_set(make_note(project), None, [(21, 35, "FINDING")])
    used = project.labels.get(name="FINDING")
    unused = project.labels.get(name="DOSAGE")

    answers = [
        client.post(reverse("label_delete", args=["alta", label.pk])).status_code
        for label in (used, unused)
    ]

    assert answers == [409, 302]
    assert set(project.labels.values_list("name", flat=True)) == {
        "MEDICATION",
        "FREQUENCY",
        "DURATION",
        "FINDING",
    }


# Members -----------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["garcia", "GARCIA@example.org"])
def test_member_add_by_name_or_address(client, admin, project, wanted):
    make_user("garcia")

    response = client.post(
        reverse("member_add", args=["alta"]), {"username": wanted, "role": "reviewer"}
    )

    assert response.headers["Location"] == "/p/alta/settings/"
    assert project.memberships.get(user__username="garcia").role == Role.REVIEWER


def test_member_add_unknown_or_closed_account_is_said_the_same(client, admin, project):
    make_user("closed", is_active=False)

    pages = [
        client.post(
            reverse("member_add", args=["alta"]), {"username": name, "role": "admin"}
        )
        for name in ("nobody", "closed")
    ]

    assert [page.status_code for page in pages] == [422, 422]
    assert all("There is no such person" in page.content.decode() for page in pages)
    assert project.memberships.count() == 1


def test_member_edit_and_remove(client, admin, project):
    user = make_member(project, Role.ANNOTATOR)
    member = project.memberships.get(user=user)

    client.post(reverse("member_edit", args=["alta", member.pk]), {"role": "reviewer"})
    member.refresh_from_db()
    assert member.role == Role.REVIEWER
    bad = client.post(reverse("member_edit", args=["alta", member.pk]), {"role": "x"})
    assert bad.status_code == 422
    client.post(reverse("member_remove", args=["alta", member.pk]))

    assert list(project.memberships.values_list("user", flat=True)) == [admin.pk]


def test_last_admin_cannot_leave(client, admin, project):
    member = project.memberships.get(user=admin)

    response = client.post(reverse("member_remove", args=["alta", member.pk]))

    assert response.status_code == 409
    assert project.memberships.count() == 1
