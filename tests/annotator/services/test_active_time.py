"""The time that people's steps claim, held against the clock."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotator.models import AnnotationSet, Note
from annotator.services import audit
from annotator.services.active_time import MAX_ACTIVE_SECONDS
from annotator.services.annotation_sets import open_set, submit_set
from annotator.services.gestures import Gesture, apply_gesture
from tests.annotator.factories import make_member, make_note, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def note() -> Note:
    return make_note(make_project())


def begin(note: Note) -> tuple[AnnotationSet, datetime]:
    """Open a set; return it and the time of its opening."""
    layer = open_set(note=note, annotator=make_member(note.project))
    return layer, layer.created_at


def claim(layer: AnnotationSet, seconds: int) -> int:
    """Make a gesture that claims the seconds; return what the set then has."""
    assert layer.annotator is not None
    gesture = Gesture(
        uuid.uuid4(), layer.revision, "accept_all", active_seconds=seconds
    )
    apply_gesture(annotation_set=layer, actor=layer.annotator, gesture=gesture)
    layer.refresh_from_db()
    return layer.active_seconds


def test_steps_are_added_and_each_is_capped(note: Note) -> None:
    layer, opened = begin(note)
    with time_machine.travel(opened + timedelta(hours=1)):
        assert claim(layer, 12) == 12
        assert claim(layer, 86_400) == 12 + MAX_ACTIVE_SECONDS
        assert claim(layer, -5) == 12 + MAX_ACTIVE_SECONDS


def test_submission_is_a_step_as_well(note: Note) -> None:
    layer, opened = begin(note)
    assert layer.annotator is not None
    with time_machine.travel(opened + timedelta(seconds=80)):
        submit_set(annotation_set=layer, actor=layer.annotator, active_seconds=300)
    layer.refresh_from_db()
    assert layer.active_seconds == 80


def test_steps_together_never_exceed_the_clock(note: Note) -> None:
    layer, opened = begin(note)
    with time_machine.travel(opened + timedelta(seconds=100), tick=False) as clock:
        assert [claim(layer, 300) for _ in range(10)] == [100] * 10
        clock.shift(40)
        assert claim(layer, 25) == 125
        assert claim(layer, 300) == 140


def test_steps_made_off_line_all_count_when_they_arrive_at_once(note: Note) -> None:
    layer, opened = begin(note)
    with time_machine.travel(opened + timedelta(minutes=20)):
        assert [claim(layer, 60) for _ in range(10)][-1] == 600


def test_what_was_claimed_before_is_never_taken_away(note: Note) -> None:
    layer, _ = begin(note)
    AnnotationSet.objects.filter(pk=layer.pk).update(active_seconds=3000)
    assert claim(layer, 10) == 3000


def test_the_clock_runs_from_the_last_opening_before_the_first_step(note: Note) -> None:
    annotator, other = make_member(note.project), make_member(note.project)
    now = timezone.now()
    for person, seconds in ((annotator, 7200), (annotator, 90), (other, 30)):
        with time_machine.travel(now - timedelta(seconds=seconds), tick=False):
            audit.record(actor=person, action="note.open", subject=f"note:{note.pk}")
    with time_machine.travel(now, tick=False):
        layer = open_set(note=note, annotator=annotator)
        assert claim(layer, 300) == 90


@pytest.mark.integration
def test_page_hands_its_seconds_over_with_the_submission(
    client: Client, note: Note
) -> None:
    client.force_login(make_member(note.project))
    client.get(reverse("note_review", args=[note.pk]))
    with time_machine.travel(timezone.now() + timedelta(seconds=80)):
        client.post(
            reverse("note_submit", args=[note.pk]),
            {"base_revision": "0", "confirmed": "1", "active_seconds": "75"},
        )
    assert note.annotation_sets.get().active_seconds == 75
