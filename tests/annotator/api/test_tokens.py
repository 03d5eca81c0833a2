"""Token log-in: throttled, locked like the page's, revoked by whoever it should be."""

from __future__ import annotations

import pytest
from rest_framework.authtoken.models import Token

from annotator.models import AuditEntry, LoginFailure
from annotator.services import sessions, tokens
from tests.annotator.factories import PASSWORD, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
URL = "/api/token/"


def log_in(client, password=PASSWORD, username="ana", **kwargs):
    sent = {"username": username, "password": password}
    return client.post(URL, sent, content_type="application/json", **kwargs)


def status_with(client, token):
    header = {"Authorization": f"Token {token}"}
    return client.get("/api/projects/", headers=header).status_code


def test_token_opens_the_api_until_it_is_revoked(client):
    user = make_user("ana")
    answer = log_in(client)
    token = answer.json()["token"]
    assert (answer.status_code, status_with(client, token)) == (200, 200)
    assert "sessionid" not in client.cookies
    assert log_in(client).json()["token"] == token

    header = {"Authorization": f"Token {token}"}
    assert client.delete(URL, headers=header).status_code == 204
    assert status_with(client, token) == 401
    assert log_in(client).json()["token"] != token
    actions = AuditEntry.objects.filter(actor=user).values_list("action", flat=True)
    assert list(actions) == [
        "token.issue",
        "token.issue",
        "token.revoke",
        "token.issue",
    ]


def test_token_does_not_stand_in_the_database(client):
    make_user("ana")
    token = log_in(client).json()["token"]
    row = Token.objects.get()
    assert row.key not in token
    assert status_with(client, row.key) == 401
    assert status_with(client, f"{row.user_id}.{row.key}") == 401


def test_new_password_ends_the_token(client):
    user = make_user("ana")
    token = log_in(client).json()["token"]
    user.set_password("another-long-password")
    user.save()
    assert status_with(client, token) == 401


def test_token_of_an_inactive_person_is_worth_nothing(client):
    user = make_user("ana")
    token = tokens.issue_token(user=user)
    user.is_active = False
    user.save()
    assert status_with(client, token) == 401


@pytest.mark.parametrize("token", ["x", "1", "1.", "².x", "9" * 40, "1.\xe9", "-1.a"])
def test_nonsense_is_no_token(client, token):
    make_user("ana")
    assert status_with(client, token.encode().decode("latin-1")) == 401


def test_old_token_in_the_header_does_not_keep_from_logging_in(client):
    make_user("ana")
    assert log_in(client, headers={"Authorization": "Token old"}).status_code == 200


def test_wrong_password_gets_401_and_counts(client):
    make_user("ana")
    answer = log_in(client, "wrong")
    assert answer.status_code == 401
    assert answer.json() == {
        "code": "not_authenticated",
        "message": "User name and password do not fit together.",
        "details": {},
    }
    assert LoginFailure.objects.get().count == 1


def test_lock_of_the_page_holds_here_as_well(client):
    make_user("ana")
    for _ in range(sessions.MAX_FAILURES):
        client.post("/login/", {"username": "ana", "password": "wrong"})
    answer = log_in(client)
    assert (answer.status_code, answer.json()["code"]) == (429, "login_locked")
    assert answer.json()["details"]["minutes"] >= 1


def test_eleventh_try_of_a_minute_is_throttled_whatever_the_name(client):
    for number in range(10):
        assert log_in(client, username=f"user{number}").status_code == 401
    answer = log_in(client, headers={"X-Forwarded-For": "10.9.8.7"})
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    wait = int(answer.headers["Retry-After"])
    assert 0 < answer.json()["details"]["seconds"] == wait <= 60


def test_missing_password_is_told_by_field(client):
    answer = client.post(URL, {"username": "ana"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_values")
    assert list(answer.json()["details"]["fields"]) == ["password"]


def test_revoking_without_a_token_is_no_error_and_no_event(client):
    client.force_login(make_user("ana"))
    assert client.delete(URL).status_code == 204
    assert not AuditEntry.objects.exists()
