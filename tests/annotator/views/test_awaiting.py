"""A page opened before the model has read its note learns that the marks have come."""

from __future__ import annotations

import pytest
from django.urls import reverse

from annotator.enums import JobKind, JobState, NoteState, Split
from annotator.models import Job
from annotator.services.annotation_sets import open_set
from annotator.services.queue import take_lease
from tests.annotator.factories import (
    make_job,
    make_member,
    make_note,
    make_project,
    make_suggestion,
)

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
WAITING = 'hx-trigger="every 4s"'


@pytest.fixture
def note():
    note = make_note(make_project("alta"))
    type(note).objects.filter(pk=note.pk).update(state=NoteState.IMPORTED)
    make_job(note.project, JobKind.PREDICT)
    return note


@pytest.fixture
def annotator(client, note):
    user = make_member(note.project)
    client.force_login(user)
    return user


def ask(client, note):
    return client.get(reverse("note_awaits", args=[note.pk]))


def test_the_page_says_that_suggestions_will_come_and_loads_them(
    client, note, annotator
):
    page = client.get(reverse("note_review", args=[note.pk]))
    assert WAITING in page.content.decode()
    assert "HX-Refresh" not in ask(client, note)
    assert WAITING in ask(client, note).content.decode()
    make_suggestion(note, 0, 5, "FINDING")
    answer = ask(client, note)
    assert answer["HX-Refresh"] == "true"
    assert WAITING not in answer.content.decode()


def test_a_page_that_was_worked_on_is_not_loaded_under_the_hands(
    client, note, annotator
):
    layer = open_set(note=note, annotator=annotator)
    type(layer).objects.filter(pk=layer.pk).update(revision=1)
    make_suggestion(note, 0, 5, "FINDING")
    answer = ask(client, note)
    assert "HX-Refresh" not in answer
    assert reverse("note_review", args=[note.pk]) in answer.content.decode()


@pytest.mark.parametrize("why", ["held out", "no job", "read already"])
def test_a_note_that_waits_for_no_model_says_nothing(client, note, annotator, why):
    if why == "held out":
        type(note).objects.filter(pk=note.pk).update(split=Split.TEST)
    elif why == "no job":
        Job.objects.update(state=JobState.SUCCEEDED)
    else:
        make_suggestion(note, 0, 5, "FINDING")
    page = client.get(reverse("note_review", args=[note.pk]))
    assert 'id="note-awaits"' not in page.content.decode()


def test_others_may_not_ask(client, note):
    client.force_login(make_member(make_project()))
    assert ask(client, note).status_code == 404


def test_header_does_not_deny_suggestions_that_came_since(client, note, annotator):
    take_lease(note=note, annotator=annotator, reason="imported")
    make_suggestion(note, 0, 5, "FINDING")
    page = client.get(reverse("note_review", args=[note.pk])).content.decode()
    assert "no suggestions yet" not in page
