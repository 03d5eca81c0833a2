"""The mapping of errors: one shape, the right status, nothing that should not leak."""

from __future__ import annotations

import inspect

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.signals import got_request_exception
from django.http import Http404
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions as framework

from annotator import exceptions
from annotator.api.exceptions import handle
from annotator.exceptions import AnnotatorError, LoginLocked, StaleRevision
from tests.annotator.factories import TEXT, make_note

JSON = {"content_type": "application/json"}


def own_errors():
    return [
        each
        for _, each in inspect.getmembers(exceptions, inspect.isclass)
        if issubclass(each, AnnotatorError)
    ]


def test_codes_of_our_errors_are_told_apart():
    # A kind that names no code of its own answers as what it is a kind of.
    codes = [error.code for error in own_errors() if "code" in vars(error)]
    assert len(codes) == len(set(codes))


def test_our_errors_keep_status_code_and_details():
    answer = handle(StaleRevision(set_id=3, sent=1, stored=2), {})
    assert answer.status_code == 409
    assert answer.data == {
        "code": "stale_revision",
        "message": "annotation set 3: gesture made at revision 1, the set is at 2",
        "details": {"sent": 1, "stored": 2},
    }
    assert handle(LoginLocked(minutes=4), {}).data["details"] == {"minutes": 4}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404("No Note matches"), 404, "not_found"),
        (framework.NotFound("No Note matches"), 404, "not_found"),
        (PermissionDenied("why"), 403, "not_allowed"),
        (framework.PermissionDenied(), 403, "not_allowed"),
        (RequestDataTooBig("x"), 413, "too_large"),
        (MultiPartParserError("x"), 400, "parse_error"),
        (framework.ParseError(), 400, "parse_error"),
        (framework.NotAcceptable(), 406, "not_acceptable"),
        (framework.UnsupportedMediaType("text/html"), 415, "unsupported_media_type"),
        (framework.ValidationError(["a"]), 422, "invalid_values"),
    ],
)
def test_errors_of_the_framework_have_the_same_shape(error, status, code):
    answer = handle(error, {})
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert set(answer.data) == {"code", "message", "details"}
    assert "No Note matches" not in answer.data["message"]


def test_unforeseen_error_tells_neither_client_nor_log_what_it_choked_on(caplog):
    seen = []

    def remember(**kwargs):
        seen.append(kwargs)

    got_request_exception.connect(remember)
    try:
        int(TEXT)  # quotes what it was given
    except ValueError as error:
        answer = handle(error, {})
    finally:
        got_request_exception.disconnect(remember)
    assert (answer.status_code, answer.data["code"]) == (500, "server_error")
    assert "Paracetamol" not in str(answer.data) + caplog.text
    assert "ValueError" in caplog.text
    assert "test_exceptions.py" in caplog.text
    assert len(seen) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["{", "\xff", '"text', "[1"])
def test_broken_json_is_refused(project, annotator, body):
    url = f"/api/notes/{make_note(project).pk}/annotations/gestures/"
    answer = annotator.post(url, body.encode("latin-1"), **JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


@pytest.mark.django_db
def test_long_json_is_refused_before_it_is_read(project, annotator, settings, client):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    long = {"username": "ana", "password": "x" * 1000}
    answer = client.post("/api/token/", long, **JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
