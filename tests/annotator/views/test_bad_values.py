"""Values that Python, JSON or a database trips over are refused, never a 500."""

from __future__ import annotations

import json
import uuid

import pytest

from annotator.enums import NoteState, Role
from annotator.models import Span
from annotator.services.jobs import attempt_number
from tests.annotator.factories import make_member, make_note, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

NUMBERS = ["²", "٣", "9" * 30, "9" * 5_000]
HUGE = 10**30


@pytest.fixture
def note():
    return make_note(make_project("alta"))


@pytest.fixture
def reviewer(client, note):
    client.force_login(make_member(note.project, Role.REVIEWER))
    return client


def _gesture(**values):
    fields = {
        "client_event_id": str(uuid.uuid4()),
        "base_revision": 0,
        "action": "create",
        "span_id": str(uuid.uuid4()),
        "start_char": 37,
        "end_char": 48,
        "surface": "Paracetamol",
        "label": "MEDICATION",
    }
    return json.dumps(fields | values)


@pytest.mark.parametrize("value", NUMBERS)
@pytest.mark.parametrize("page", ["", "history/"])
def test_a_set_that_is_no_number_shows_ones_own(reviewer, note, value, page):
    response = reviewer.get(f"/notes/{note.pk}/", {"set": value})

    assert response.status_code == 200


@pytest.mark.parametrize("value", NUMBERS)
def test_a_submission_of_no_known_revision_changes_nothing(reviewer, note, value):
    sent = {"base_revision": value, "confirmed": "1"}
    response = reviewer.post(f"/notes/{note.pk}/submit/", sent)

    assert response.headers["Location"] == f"/notes/{note.pk}/"
    note.refresh_from_db()
    assert note.state == NoteState.IMPORTED


@pytest.mark.parametrize("value", NUMBERS)
def test_seconds_that_are_no_number_count_as_none(reviewer, note, value):
    sent = {"base_revision": "0", "confirmed": "1", "active_seconds": value}
    reviewer.post(f"/notes/{note.pk}/submit/", sent)

    assert note.annotation_sets.get().active_seconds == 0


@pytest.mark.parametrize(
    "body",
    [
        _gesture(label="\ud800"),
        _gesture(surface="\ud800"),
        _gesture(suggestion_id=HUGE, action="accept"),
        _gesture(base_revision=HUGE),
        _gesture(start_char=HUGE),
        _gesture(at_char=HUGE, action="split"),
        "[" * 200_000,
        '{"a": ' + "[" * 200_000 + "]" * 200_000 + "}",
        '{"a": ' + "9" * 5_000 + "}",
    ],
    ids=lambda body: body[:12],
)
@pytest.mark.parametrize(
    "address", ["/notes/{}/gestures/", "/api/notes/{}/annotations/gestures/"]
)
def test_a_gesture_that_cannot_be_is_refused(reviewer, note, address, body):
    response = reviewer.post(
        address.format(note.pk), body, content_type="application/json"
    )

    assert response.status_code in (400, 422)
    assert not Span.objects.exists()


def test_ids_past_every_column_are_refused(client, note):
    client.force_login(make_member(note.project, Role.ADMIN))
    response = client.post(
        "/api/projects/alta/predictions/",
        json.dumps({"note_ids": [HUGE]}),
        content_type="application/json",
    )

    assert response.status_code == 422
    assert "note_ids" in response.json()["details"]["fields"]


def test_a_folder_of_another_name_is_no_attempt(tmp_path):
    assert attempt_number(tmp_path / "attempt-3") == 3
    assert attempt_number(tmp_path / "attempt-²") == -1


@pytest.mark.parametrize(
    ("method", "address", "field"),
    [
        ("post", "/api/notes/{}/annotations/gestures/", "action"),
        ("post", "/api/notes/{}/annotations/same/", "scope"),
        ("patch", "/api/projects/alta/", "genre"),
        ("post", "/api/projects/alta/exports/", "format"),
        ("post", "/api/projects/alta/training/", "recipe"),
    ],
)
def test_half_a_character_is_refused_where_a_choice_is_wanted(
    client, note, method, address, field
):
    client.force_login(make_member(note.project, Role.ADMIN))
    body = json.dumps({field: "\ud800"})
    send = getattr(client, method)

    answer = send(address.format(note.pk), body, content_type="application/json")

    assert answer.status_code == 400


def test_a_nul_goes_into_no_reason_and_no_query(reviewer, note):
    assert reviewer.get(f"/notes/{note.pk}/guide/?label=%00").status_code == 404
    reviewer.post(f"/notes/{note.pk}/skip/", {"reason": "Not\0 clinical"})

    note.refresh_from_db()
    assert note.metadata["skip_reason"] == "Not clinical"
