"""Django's administration: people yes, everything else to look at, no note text."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import RequestFactory
from django.urls import reverse

from annotator.admin import ReadOnly
from annotator.enums import Split
from annotator.models import AuditEntry, User
from annotator.services import audit
from annotator.services.queue import take_lease
from tests.annotator.factories import (
    PASSWORD,
    SPANS,
    TEXT,
    make_job,
    make_member,
    make_note,
    make_project,
    make_set,
    make_suggestion,
    make_user,
    make_version,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

OURS = [model for model in admin.site._registry if model._meta.app_label == "annotator"]


@pytest.fixture
def root(client):
    user = make_user("root", is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def test_everything_but_people_is_read_only(root):
    request = RequestFactory().get("/")
    request.user = root

    for model in OURS:
        site = admin.site._registry[model]
        if model is not User:
            assert isinstance(site, ReadOnly)
            assert not site.has_add_permission(request)
            assert not site.has_change_permission(request)
        assert not site.has_delete_permission(request)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_lists_and_pages_show_no_note_text(client, root, model):
    project = make_project(active_version=make_version(None))
    note = make_note(project, title="Secreto")
    make_set(note, None, SPANS)
    make_suggestion(note, 21, 35, "FINDING")
    make_job(project, "predict")
    audit.record(actor=root, action="x")
    name = f"admin:annotator_{model._meta.model_name}"

    pages = [client.get(reverse(f"{name}_changelist"))]
    pages += [
        client.get(reverse(f"{name}_change", args=[row.pk]))
        for row in model.objects.all()[:1]
    ]

    for page in pages:
        assert page.status_code == 200
        assert TEXT.splitlines()[0] not in page.content.decode()
        assert "Secreto" not in page.content.decode()


def test_suggestions_of_held_out_notes_are_not_there(client, root):
    project = make_project()
    shown = make_suggestion(make_note(project), 37, 48, "MEDICATION")
    blind = make_note(project, split=Split.TEST)
    hidden = make_suggestion(blind, 21, 35, "FINDING", confidence=0.4321)

    rows = client.get(reverse("admin:annotator_suggestion_changelist"))
    change = "admin:annotator_suggestion_change"

    assert [row.pk for row in rows.context["cl"].result_list] == [shown.pk]
    assert client.get(reverse(change, args=[shown.pk])).status_code == 200
    page = client.get(reverse(change, args=[hidden.pk]), follow=True)
    assert "0.4321" not in page.content.decode()


def test_adding_a_person_is_audited(client, root):
    data = {
        "username": "garcia",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }

    response = client.post(reverse("admin:annotator_user_add"), data)

    assert response.status_code == 302
    person = User.objects.get(username="garcia")
    entry = AuditEntry.objects.get(action="account.create")
    assert (entry.actor, entry.subject) == (root, f"user:{person.pk}")


def test_locking_a_person_out_there_frees_their_notes(client, root):
    note = make_note(make_project())
    person = make_member(note.project)
    take_lease(note=note, annotator=person)
    joined = person.date_joined
    data = {
        "username": person.username,
        "date_joined_0": f"{joined:%Y-%m-%d}",
        "date_joined_1": f"{joined:%H:%M:%S}",
        "theme": "system",
    }

    address = reverse("admin:annotator_user_change", args=[person.pk])
    response = client.post(address, data)

    person.refresh_from_db()
    assert (response.status_code, person.is_active) == (302, False)
    assert not note.assignments.exists()


def form_of(person, **fields):
    joined = person.date_joined
    fixed = {
        "username": person.username,
        "date_joined_0": f"{joined:%Y-%m-%d}",
        "date_joined_1": f"{joined:%H:%M:%S}",
        "theme": "system",
    }
    return fixed | fields


ACCESS = {"is_active": "on", "is_staff": "on", "is_superuser": "on"}


@pytest.mark.parametrize("taken", sorted(ACCESS))
def test_nobody_takes_their_own_administration_away_there(client, root, taken):
    make_user("second", is_staff=True, is_superuser=True)
    left = {name: value for name, value in ACCESS.items() if name != taken}
    address = reverse("admin:annotator_user_change", args=[root.pk])

    response = client.post(address, form_of(root, **left))

    root.refresh_from_db()
    assert (root.is_active, root.is_staff, root.is_superuser) == (True, True, True)
    assert "last administrator" in response.content.decode()
    # with all three there is nothing to refuse
    changed = client.post(address, form_of(root, first_name="Eva", **ACCESS))
    root.refresh_from_db()
    assert (changed.status_code, root.first_name) == (302, "Eva")


def test_an_administrator_takes_another_ones_access_away_there(client, root):
    second = make_user("second", is_staff=True, is_superuser=True)
    address = reverse("admin:annotator_user_change", args=[second.pk])

    assert client.post(address, form_of(second, is_active="on")).status_code == 302

    second.refresh_from_db()
    assert not second.is_superuser


def test_the_last_administrator_stays_whoever_asks(client, root):
    clerk = make_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="change_user"))
    clerk.user_permissions.add(Permission.objects.get(codename="view_user"))
    client.force_login(clerk)
    address = reverse("admin:annotator_user_change", args=[root.pk])

    client.post(address, form_of(root, is_active="on", is_staff="on"))

    root.refresh_from_db()
    assert root.is_superuser


def test_neither_groups_nor_tokens_are_changed_there():
    names = {model._meta.label for model in admin.site._registry}
    assert not names & {"auth.Group", "authtoken.TokenProxy", "authtoken.Token"}


def test_admin_is_for_administrators(client):
    client.force_login(make_user())

    assert client.get(reverse("admin:index")).status_code in (302, 403)
