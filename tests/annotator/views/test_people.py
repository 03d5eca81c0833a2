"""The pages of people: who may, what they change, and that no password is kept."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from annotator.models import AuditEntry, User
from tests.annotator.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

PERSON = {
    "username": "lucie",
    "first_name": "Lucie",
    "last_name": "Moreau",
    "email": "lucie@example.org",
}


@pytest.fixture
def admin(client) -> User:
    user = make_user("vidal", is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def shown_password(answer) -> str:
    return re.search(r"<code>(\w{4}-\w{4}-\w{4})</code>", answer.content.decode())[1]


@pytest.mark.parametrize("staff", [False, True])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("people", []), ("person_edit", [1]), ("person_password", [1])],
)
def test_only_administrators_of_the_installation_see_the_people(
    client, staff, name, arguments
):
    client.force_login(make_user("marta", is_staff=staff))
    address = reverse(name, args=arguments)
    assert client.get(address).status_code == 403
    assert client.post(address).status_code == 403
    assert Client().get(address).status_code == 302


def test_an_added_person_logs_in_with_the_password_that_was_shown(client, admin):
    answer = client.post(reverse("people"), PERSON)
    password = shown_password(answer)
    assert "no-store" in answer["Cache-Control"]
    user = User.objects.get(username="lucie")
    assert (user.get_full_name(), user.is_staff, user.is_superuser) == (
        "Lucie Moreau",
        False,
        False,
    )
    entered = Client().post(
        reverse("login"), {"username": "lucie", "password": password}
    )
    assert entered.status_code == 302
    again = client.get(reverse("people")).content.decode()
    assert "lucie@example.org" in again
    assert password not in again
    entry = AuditEntry.objects.filter(action="account.create").get()
    assert (entry.actor, entry.subject) == (admin, f"user:{user.pk}")


def test_a_name_that_is_taken_is_refused_at_its_field(client, admin):
    make_user("lucie")
    answer = client.post(reverse("people"), PERSON)
    assert answer.status_code == 422
    assert answer.context["form"].errors["username"]
    assert User.objects.count() == 2


def test_who_is_locked_out_loses_the_open_session(client, admin):
    user = make_user("lucie")
    theirs = Client()
    theirs.force_login(user)
    assert theirs.get(reverse("home")).status_code == 200
    client.post(reverse("person_edit", args=[user.pk]), PERSON)
    user.refresh_from_db()
    assert (user.is_active, user.email) == (False, "lucie@example.org")
    assert theirs.get(reverse("home")).status_code == 302
    client.post(reverse("person_edit", args=[user.pk]), {**PERSON, "is_active": "on"})
    user.refresh_from_db()
    assert user.is_active


def test_a_new_password_ends_the_old_one_and_the_sessions(client, admin):
    user = make_user("lucie")
    theirs = Client()
    theirs.force_login(user)
    answer = client.post(reverse("person_password", args=[user.pk]))
    assert theirs.get(reverse("home")).status_code == 302
    user.refresh_from_db()
    assert user.check_password(shown_password(answer))


@pytest.mark.parametrize(
    "change", [{"is_active": "on"}, {"is_admin": "on"}], ids=["demoted", "locked out"]
)
def test_nobody_takes_their_own_administration_away(client, admin, change):
    values = {"username": "vidal", **change}
    answer = client.post(reverse("person_edit", args=[admin.pk]), values)
    assert answer.status_code == 422
    admin.refresh_from_db()
    assert (admin.is_active, admin.is_superuser) == (True, True)
