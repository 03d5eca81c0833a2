"""What a gesture that came too late is told: what happened to the marks meanwhile."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotator.enums import NoteState, Role
from annotator.models import Note
from tests.annotator.factories import (
    SPANS,
    make_note,
    make_project,
    make_suggestion,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]


@pytest.fixture
def note() -> Note:
    """The default note with its five mentions suggested."""
    project = make_project("alta", members={make_user("marta"): Role.ANNOTATOR})
    made = make_note(project, state=NoteState.SUGGESTED)
    for start, end, label in SPANS:
        make_suggestion(made, start, end, label)
    return made


@pytest.fixture
def marta(note: Note) -> Client:
    client = Client()
    client.force_login(note.project.members.get())
    return client


def post_gesture(client: Client, note: Note, **fields: Any) -> Any:
    body = {"client_event_id": str(uuid.uuid4()), "base_revision": 0} | fields
    address = reverse("note_gesture", args=[note.pk])
    return client.post(address, json.dumps(body), content_type="application/json")


def first_suggestion(note: Note) -> int:
    return note.suggestions.get(label__name="MEDICATION").pk


def test_stale_gesture_is_told_each_change_since_by_place_and_label(
    marta: Client, note: Note
) -> None:
    post_gesture(marta, note, action="accept_all", threshold=0)
    response = post_gesture(
        marta, note, action="reject", suggestion_id=first_suggestion(note)
    )
    answer = response.json()
    assert (response.status_code, answer["code"]) == (409, "stale_revision")
    # What the browser shows beside its own version: places and labels, no text.
    change = answer["changes"][0]
    assert (change["revision"], change["action"]) == (1, "accept_all")
    assert change["before"] is None
    assert set(change["after"]) == {"id", "start_char", "end_char", "label"}
    place = {name: change["after"][name] for name in change["suggested"]}
    assert change["suggested"] == place


def test_gesture_on_a_mark_that_is_gone_tells_what_became_of_it(
    marta: Client, note: Note
) -> None:
    gone = first_suggestion(note)
    post_gesture(marta, note, action="reject", suggestion_id=gone)
    post_gesture(marta, note, base_revision=1, action="accept_all", threshold=0)
    response = post_gesture(
        marta, note, base_revision=2, action="accept", suggestion_id=gone
    )
    assert (response.status_code, response.json()["code"]) == (409, "target_gone")
    (change,) = response.json()["changes"]
    assert (change["revision"], change["action"], change["after"]) == (
        1,
        "reject",
        None,
    )
