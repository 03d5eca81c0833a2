"""Accounts: the installation's rules for names and passwords hold for commands too."""

from __future__ import annotations

import re

import pytest

from annotator.exceptions import InvalidValues, WrongState
from annotator.models import AuditEntry, User
from annotator.services import accounts
from annotator.services.queue import next_note, take_lease
from annotator.services.tokens import find_token_user, issue_token
from tests.annotator.factories import (
    SPANS,
    make_member,
    make_note,
    make_project,
    make_set,
    make_user,
)

pytestmark = pytest.mark.django_db


def test_create_user_admin_may_do_everything():
    user = accounts.create_user(
        actor=None, username="vidal", password="cuatro-gatos-azules", is_admin=True
    )

    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (True, True)
    assert user.check_password("cuatro-gatos-azules")
    assert AuditEntry.objects.get().details == {"admin": True}


@pytest.mark.parametrize(
    ("username", "password", "field"),
    [
        ("taken", "cuatro-gatos-azules", "username"),
        ("", "cuatro-gatos-azules", "username"),
        ("with blank", "cuatro-gatos-azules", "username"),
        ("vidal", "short", "password"),
        ("vidal", "1234567890123", "password"),
        ("vidal-vidal", "vidal-vidal", "password"),
    ],
)
def test_create_user_refused_names_the_field(username, password, field):
    make_user("taken")

    with pytest.raises(InvalidValues) as caught:
        accounts.create_user(actor=None, username=username, password=password)

    assert list(caught.value.fields) == [field]
    assert User.objects.count() == 1


def test_generate_password_is_readable_and_new_each_time():
    passwords = {accounts.generate_password() for _ in range(50)}

    assert len(passwords) == 50
    assert all(
        re.fullmatch(r"([a-hjkmnp-z2-9]{4}-){2}[a-hjkmnp-z2-9]{4}", password)
        for password in passwords
    )


def test_an_installation_keeps_one_active_administrator():
    first = make_user("vidal", is_staff=True, is_superuser=True)
    gone = make_user("moreau", is_staff=True, is_superuser=True, is_active=False)

    with pytest.raises(WrongState):
        accounts.update_user(user=first, actor=gone, is_admin=False)

    first.refresh_from_db()
    assert first.is_superuser


def test_a_password_is_set_by_its_owner_or_an_administrator_and_audited_alike():
    user, admin = make_user("ana"), make_user("vidal")

    accounts.set_password(user=user, actor=user, password="another-long-password")
    token = issue_token(user=user)
    accounts.set_password(user=user, actor=admin, password="yet-another-password")

    assert User.objects.get(pk=user.pk).check_password("yet-another-password")
    assert find_token_user(token=token) is None
    entries = AuditEntry.objects.filter(action="account.password").order_by("pk")
    assert [(entry.actor, entry.subject) for entry in entries] == [
        (user, f"user:{user.pk}"),
        (admin, f"user:{user.pk}"),
    ]


def test_locking_somebody_out_frees_the_notes_in_their_hands():
    admin = make_user("vidal", is_staff=True, is_superuser=True)
    project = make_project()
    gone, stays = make_member(project), make_member(project)
    note = make_note(project)
    make_set(note, gone, SPANS, revision=1)
    assert next_note(project=project, annotator=gone) == note
    assert next_note(project=project, annotator=stays) is None

    accounts.update_user(user=gone, actor=admin, is_admin=False, is_active=False)

    assert next_note(project=project, annotator=stays) == note
    assert note.annotation_sets.get(annotator=gone).spans.count() == len(SPANS)


def test_changing_somebody_active_leaves_their_notes_in_their_hands():
    admin = make_user("vidal", is_staff=True, is_superuser=True)
    project = make_project()
    user = make_member(project)
    note = make_note(project)
    take_lease(note=note, annotator=user)

    accounts.update_user(user=user, actor=admin, is_admin=False, first_name="Ana")

    assert note.assignments.get().annotator == user
