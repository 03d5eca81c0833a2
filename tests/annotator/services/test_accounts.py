"""Accounts: the installation's rules for names and passwords hold for commands too."""

from __future__ import annotations

import re

import pytest

from annotator.exceptions import InvalidValues, WrongState
from annotator.models import AuditEntry, User
from annotator.services import accounts
from tests.annotator.factories import make_user

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
