"""Error pages, fragments and JSON: plain words, no traceback, nothing of a note."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client, RequestFactory
from django.urls import reverse
from django_htmx.middleware import HtmxMiddleware

from annotator.exceptions import (
    AnnotatorError,
    NotAllowed,
    SpanRefused,
    StaleRevision,
    WrongState,
)
from annotator.views import errors
from annotator.views._htmx import OTHERWISE, TEXTS, answer_error
from tests.annotator.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
HTMX = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}


def request_with(headers):
    """Return a request as the middleware leaves it."""
    kept = []
    request = RequestFactory().get("/p/alta/", headers=headers)
    request.user = make_user()
    HtmxMiddleware(kept.append)(request)
    return request


@pytest.mark.parametrize(
    "error",
    [
        NotAllowed("user 7 is no reviewer"),
        SpanRefused("not a token edge", note_id=41, start_char=12, end_char=90),
        StaleRevision(set_id=3, sent=4, stored=7),
        WrongState("job 3 is finished already"),
    ],
)
def test_refusal_is_page_fragment_or_json_with_one_status(error):
    title, text = TEXTS[error.code]
    page = answer_error(request_with({}), error)
    assert page.status_code == error.status
    assert b"<html" in page.content
    fragment = answer_error(request_with(HTMX), error)
    assert fragment.status_code == error.status
    assert fragment.headers["HX-Retarget"] == "#alert"
    assert b"<html" not in fragment.content
    for each in (page, fragment):
        assert str(title) in each.content.decode()
        assert str(text) in each.content.decode()
        # internal English, and ids that mean nothing to the reader
        assert str(error) not in each.content.decode()
    body = answer_error(request_with(JSON), error)
    assert body.status_code == error.status
    assert body["Content-Type"] == "application/json"


def test_refusal_of_an_unknown_kind_is_answered_all_the_same():
    class Odd(AnnotatorError):
        code = "odd"

    answer = answer_error(request_with({}), Odd("3 of 4"))
    assert answer.status_code == 400
    assert str(OTHERWISE[0]) in answer.content.decode()


@pytest.mark.parametrize(
    ("view", "exception", "status"),
    [
        (errors.bad_request, ValueError("x"), 400),
        (errors.permission_denied, PermissionDenied("x"), 403),
        (errors.page_not_found, Http404("x"), 404),
    ],
)
def test_error_pages_keep_their_status(view, exception, status):
    assert view(request_with({}), exception).status_code == status
    assert view(request_with(JSON), exception).status_code == status
    fragment = view(request_with(HTMX), exception)
    assert fragment.headers["HX-Retarget"] == "#alert"
    assert fragment.status_code == status


def test_unknown_page_is_a_page_of_ours(client):
    answer = client.get("/no/such/page/")
    assert answer.status_code == 404
    assert b"There is no such page" in answer.content
    assert client.get("/no/", headers=JSON).json() == {"code": "not_found"}


def test_old_form_is_told_to_load_again():
    client = Client(enforce_csrf_checks=True)
    answer = client.post(reverse("login"), {"username": "a", "password": "b"})
    assert answer.status_code == 403
    assert b"This page has grown old" in answer.content


def test_server_error_needs_neither_session_nor_person():
    answer = errors.server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert b"Something went wrong on our side" in answer.content


def test_an_unknown_address_of_the_api_answers_json(client):
    answer = client.get("/api/no-such-thing/")
    assert (answer.status_code, answer.json()) == (404, {"code": "not_found"})
