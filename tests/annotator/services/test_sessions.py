"""Log-in, its lock after failures, and people's own settings."""

from __future__ import annotations

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory
from time_machine import travel

from annotator.exceptions import LoginLocked
from annotator.models import AuditEntry, LoginFailure, User
from annotator.services import sessions
from tests.annotator.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def request_from(address="10.0.0.7"):
    request = RequestFactory().post("/login/", REMOTE_ADDR=address)
    request.session = SessionStore()
    return request


def fail(username, times, address="10.0.0.7"):
    for _ in range(times):
        found = sessions.check_password(
            request=request_from(address), username=username, password="wrong"
        )
        assert found is None


def test_log_in_opens_a_session_and_is_recorded():
    user = make_user("ana")
    request = request_from()
    assert sessions.log_in(request=request, username="ana", password=PASSWORD) == user
    assert request.session["_auth_user_id"] == str(user.pk)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action) == (user, "session.open")


def test_failures_lock_the_name_at_that_address_even_with_the_right_password():
    make_user("ana")
    fail("ana", sessions.MAX_FAILURES)
    with pytest.raises(LoginLocked) as caught:
        sessions.log_in(request=request_from(), username="ana", password=PASSWORD)
    assert 1 <= caught.value.minutes <= 15


def test_one_failure_less_does_not_lock():
    user = make_user("ana")
    fail("ana", sessions.MAX_FAILURES - 1)
    found = sessions.log_in(request=request_from(), username="ana", password=PASSWORD)
    assert found == user
    assert not LoginFailure.objects.exists()


def test_lock_ignores_case_and_spaces_of_the_name():
    fail(" Ana ", sessions.MAX_FAILURES)
    with pytest.raises(LoginLocked):
        sessions.check_password(
            request=request_from(), username="ana", password=PASSWORD
        )


def test_lock_holds_for_one_name_and_one_address_only():
    user, other = make_user("ana"), make_user("leo")
    fail("ana", sessions.MAX_FAILURES)
    elsewhere = request_from("10.0.0.8")
    assert (
        sessions.check_password(request=elsewhere, username="ana", password=PASSWORD)
        == user
    )
    assert (
        sessions.check_password(
            request=request_from(), username="leo", password=PASSWORD
        )
        == other
    )


def test_lock_ends_after_the_window():
    user = make_user("ana")
    with travel("2026-01-05 08:00 +0000", tick=False):
        fail("ana", sessions.MAX_FAILURES)
    with travel("2026-01-05 08:15:01 +0000", tick=False):
        assert (
            sessions.check_password(
                request=request_from(), username="ana", password=PASSWORD
            )
            == user
        )


def test_failures_of_an_earlier_window_do_not_count():
    user = make_user("ana")
    with travel("2026-01-05 08:00 +0000", tick=False):
        fail("ana", sessions.MAX_FAILURES - 1)
    with travel("2026-01-05 08:15:01 +0000", tick=False):
        fail("ana", 1)
        assert LoginFailure.objects.get().count == 1
        found = sessions.check_password(
            request=request_from(), username="ana", password=PASSWORD
        )
    assert found == user


def test_failures_spread_over_two_windows_lock_only_within_the_second():
    make_user("ana")
    with travel("2026-01-05 08:00 +0000", tick=False):
        fail("ana", sessions.MAX_FAILURES)
    with travel("2026-01-05 08:15:01 +0000", tick=False):
        fail("ana", sessions.MAX_FAILURES)
        with pytest.raises(LoginLocked) as caught:
            fail("ana", 1)
    assert caught.value.minutes == 15


def test_failures_of_others_are_forgotten_after_their_window():
    with travel("2026-01-05 08:00 +0000", tick=False):
        fail("leo", 1)
    with travel("2026-01-05 08:15:01 +0000", tick=False):
        fail("ana", 1)
    assert LoginFailure.objects.count() == 1


def test_failure_keeps_neither_name_nor_password():
    make_user("ana")
    fail("ana", 1)
    fail("my-password-by-mistake", 1)
    kept = [*LoginFailure.objects.values_list("key", flat=True)]
    kept += [str(e.details) + e.subject for e in AuditEntry.objects.all()]
    assert not any("password" in each or "ana" in each for each in kept)
    assert [e.action for e in AuditEntry.objects.all()] == ["session.refuse"] * 2


def test_inactive_person_cannot_log_in():
    make_user("ana", is_active=False)
    assert (
        sessions.log_in(request=request_from(), username="ana", password=PASSWORD)
        is None
    )


def test_profile_is_stored():
    user = make_user("ana")
    sessions.update_profile(user=user, interface_language="fr", theme="dark")
    stored = User.objects.get()
    assert (stored.interface_language, stored.theme) == ("fr", "dark")
