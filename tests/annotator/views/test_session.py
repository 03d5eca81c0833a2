"""Log-in, log-out and profile as a browser and as htmx see them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from annotator.services import sessions
from tests.annotator.factories import PASSWORD, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
LOGIN = reverse("login")


def log_in(client, **fields):
    return client.post(LOGIN, {"username": "ana", "password": PASSWORD} | fields)


def test_login_leads_to_the_page_that_was_asked_for(client):
    make_user("ana")
    asked = client.get("/profile/")
    assert asked.headers["Location"] == "/login/?next=/profile/"
    page = client.get("/login/?next=/profile/")
    assert b'name="next" value="/profile/"' in page.content
    assert log_in(client, next="/profile/").headers["Location"] == "/profile/"


@pytest.mark.parametrize("next_", ["https://evil.example/", "//evil.example/x", ""])
def test_login_never_leads_to_another_host(client, next_):
    make_user("ana")
    assert log_in(client, next=next_).headers["Location"] == "/"


def test_login_with_a_wrong_password_says_so_and_stays(client):
    make_user("ana")
    answer = log_in(client, password="wrong")
    assert answer.status_code == 422
    assert b"do not fit together" in answer.content
    assert "_auth_user_id" not in client.session


def test_login_locked_answers_429(client):
    make_user("ana")
    for _ in range(sessions.MAX_FAILURES):
        log_in(client, password="wrong")
    answer = log_in(client)
    assert answer.status_code == 429
    assert b"Too many failed log-ins" in answer.content


def test_expired_session_sends_the_whole_browser_to_the_login(client):
    page = "http://testserver/p/alta/"
    headers = {"HX-Request": "true", "HX-Current-URL": page}
    first = client.get("/profile/", headers=headers)
    answer = client.get(first.headers["Location"], headers=headers)
    assert answer.headers["HX-Redirect"] == "/login/?next=%2Fp%2Falta%2F"
    assert answer.content == b""


def test_expired_session_tells_a_script_401(client):
    answer = client.get(LOGIN, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()) == (401, {"code": "not_logged_in"})


def test_login_of_someone_logged_in_goes_on(client):
    client.force_login(make_user())
    assert client.get(LOGIN).headers["Location"] == "/"


def test_admin_login_is_ours(client):
    assert client.get("/admin/").headers["Location"].startswith("/admin/login/")
    answer = client.get("/admin/login/?next=/admin/")
    assert answer.headers["Location"] == "/login/?next=/admin/"
    client.force_login(make_user())
    assert client.get("/admin/login/?next=/admin/").status_code == 403


def test_logout_takes_a_post_and_ends_the_session(client):
    client.force_login(make_user())
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").headers["Location"] == LOGIN
    assert "_auth_user_id" not in client.session


def test_profile_stores_language_and_theme_and_the_page_follows(client):
    client.force_login(make_user())
    answer = client.post("/profile/", {"interface_language": "es", "theme": "dark"})
    assert answer.headers["Location"] == "/profile/"
    page = client.get("/profile/")
    assert b'<html lang="es"' in page.content
    assert b'data-theme="dark"' in page.content
    assert page.headers["Content-Language"] == "es"


def test_profile_refuses_an_unknown_language(client):
    client.force_login(make_user())
    answer = client.post("/profile/", {"interface_language": "xx", "theme": "dark"})
    assert answer.status_code == 422


def test_profile_changes_the_password_and_keeps_the_session(client):
    user = make_user()
    client.force_login(user)
    new = "quite-another-long-one"
    fields = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    answer = client.post("/profile/", fields | {"set_password": "1"})
    assert answer.headers["Location"] == "/profile/"
    assert client.get("/profile/").status_code == 200
    user.refresh_from_db()
    assert user.check_password(new)


def test_profile_refuses_a_wrong_old_password(client):
    user = make_user()
    client.force_login(user)
    fields = {"old_password": "x", "new_password1": "y" * 12, "new_password2": "y" * 12}
    answer = client.post("/profile/", fields | {"set_password": "1"})
    assert answer.status_code == 422
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_language_of_the_browser_counts_until_the_person_chooses(client):
    page = client.get(LOGIN, headers={"Accept-Language": "fr"})
    assert b'<html lang="fr"' in page.content
    client.force_login(make_user(interface_language="es"))
    page = client.get("/profile/", headers={"Accept-Language": "fr"})
    assert b'<html lang="es"' in page.content


def test_login_without_a_name_asks_for_it(client):
    answer = client.post(LOGIN, {"username": "", "password": ""})
    assert answer.status_code == 422
    assert b"This field is required" in answer.content


def test_logout_of_nobody_leads_to_the_login(client):
    assert client.post("/logout/").headers["Location"] == LOGIN


# The session endpoint --------------------------------------------------------------


def log_in_again(client, who, **fields):
    sent = {"username": who.username, "password": PASSWORD, "user": who.pk} | fields
    return client.post(reverse("session"), sent)


def test_session_says_whose_it_is_with_a_token(client):
    user = make_user("ana")
    found = client.get(reverse("session")).json()
    assert (found["user"], found["name"], len(found["csrf_token"])) == (None, "", 64)
    client.force_login(user)
    found = client.get(reverse("session")).json()
    assert (found["user"], found["name"]) == (user.pk, "ana")


def test_login_in_place_opens_the_persons_session(client):
    user = make_user("ana")
    answer = log_in_again(client, user)
    assert (answer.status_code, answer.json()["user"]) == (200, user.pk)
    assert client.get(reverse("session")).json()["user"] == user.pk


def test_login_in_place_opens_nothing_for_another_person(client):
    ana, bea = make_user("ana"), make_user("bea")
    answer = log_in_again(client, bea, user=ana.pk)
    assert answer.status_code == 403
    assert answer.json()["message"] == "This page is another person's."
    assert "_auth_user_id" not in client.session


def test_login_in_place_refuses_and_locks_like_the_page(client):
    user = make_user("ana")
    answer = log_in_again(client, user, password="wrong")
    assert (answer.status_code, answer.json()["user"]) == (422, None)
    assert "do not fit together" in answer.json()["message"]
    assert log_in_again(client, user, user="x").status_code == 422
    for _ in range(sessions.MAX_FAILURES):
        log_in_again(client, user, password="wrong")
    answer = log_in_again(client, user)
    assert answer.status_code == 429
    assert "Too many failed log-ins" in answer.json()["message"]


def test_login_in_place_needs_the_token():
    user = make_user("ana")
    client = Client(enforce_csrf_checks=True)
    assert log_in_again(client, user).status_code == 403
    token = client.get(reverse("session")).json()["csrf_token"]
    answer = client.post(
        reverse("session"),
        {"username": "ana", "password": PASSWORD, "user": user.pk},
        headers={"X-CSRFToken": token},
    )
    assert answer.status_code == 200
