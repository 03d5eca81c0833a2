"""Presence of a note and its state, as an open page asks for them."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotator.enums import Role
from annotator.models import AnnotationSet, AuditEntry, Note, Presence, User
from annotator.services.annotation_sets import open_set
from annotator.services.gestures import Gesture, apply_gesture
from annotator.services.presence import EXPIRES_AFTER
from tests.annotator.factories import make_member, make_note, make_project, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.integration]


@pytest.fixture
def annotator() -> User:
    return make_user("marta", first_name="Marta", last_name="Gil")


@pytest.fixture
def note(annotator: User) -> Note:
    return make_note(make_project("alta", members={annotator: Role.ANNOTATOR}))


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def beat(user: User, note: Note, **fields: str) -> dict[str, object]:
    response = client_of(user).post(reverse("note_presence", args=[note.pk]), fields)
    assert response.status_code == 200
    found: dict[str, object] = response.json()
    return found


def test_two_members_see_each_other_and_not_themselves(
    annotator: User, note: Note
) -> None:
    reviewer = make_member(note.project, Role.REVIEWER)
    assert beat(annotator, note)["others"] == []
    assert beat(reviewer, note)["others"] == [{"name": "Marta Gil"}]
    assert beat(annotator, note)["others"] == [{"name": reviewer.username}]
    assert Presence.objects.count() == 2


def test_silent_page_is_forgotten_and_a_closed_one_at_once(
    annotator: User, note: Note
) -> None:
    reviewer = make_member(note.project, Role.REVIEWER)
    beat(annotator, note)
    Presence.objects.update(seen_at=F("seen_at") - EXPIRES_AFTER)
    assert beat(reviewer, note)["others"] == []
    beat(annotator, note)
    assert beat(annotator, note, leaving="1")["others"] == []
    assert beat(reviewer, note)["others"] == []


def test_presence_is_for_members_alone(note: Note) -> None:
    address = reverse("note_presence", args=[note.pk])
    assert client_of(make_user()).post(address).status_code == 404
    assert Client().post(address).status_code == 302
    assert client_of(make_user()).get(address).status_code == 405
    assert not Presence.objects.exists()


def test_presence_says_the_persons_own_revision(annotator: User, note: Note) -> None:
    assert beat(annotator, note)["revision"] == 0
    layer = open_set(note=note, annotator=annotator)
    make_span(layer, annotator)
    assert beat(annotator, note)["revision"] == 1


def test_state_shows_the_persons_marks_without_changing_anything(
    annotator: User, note: Note
) -> None:
    address = reverse("note_state", args=[note.pk])
    client = client_of(annotator)
    assert client.get(address).json() == {"revision": 0}
    span_id = make_span(open_set(note=note, annotator=annotator), annotator)
    found = client.get(address).json()
    assert (found["revision"], found["counts"]["spans"]) == (1, 1)
    assert f"a{span_id}" in "".join(found["blocks"].values())
    assert client_of(make_user()).get(address).status_code == 404


def test_state_gives_the_text_away_so_the_trail_names_the_reader(
    annotator: User, note: Note
) -> None:
    address = reverse("note_state", args=[note.pk])
    client = client_of(annotator)
    openings = AuditEntry.objects.filter(
        action="note.open", actor=annotator, subject=f"note:{note.pk}"
    )
    client.get(address)
    assert not openings.exists()  # nothing was shown
    make_span(open_set(note=note, annotator=annotator), annotator)

    for _ in range(3):
        client.get(address)
    assert openings.count() == 1
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        client_of(annotator).get(address)
    assert openings.count() == 2


def make_span(layer: AnnotationSet, annotator: User) -> uuid.UUID:
    gesture = Gesture(
        client_event_id=uuid.uuid4(),
        base_revision=0,
        action="create",
        span_id=uuid.uuid4(),
        start_char=37,
        end_char=48,
        label="MEDICATION",
        surface="Paracetamol",
    )
    apply_gesture(annotation_set=layer, actor=annotator, gesture=gesture)
    assert gesture.span_id is not None
    return gesture.span_id
