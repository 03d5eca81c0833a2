"""Who may put a note aside: the page offers it to nobody who would be refused."""

from __future__ import annotations

import pytest
from django.urls import reverse

from annotator.enums import NoteState, Role, Split
from annotator.services.queue import take_lease
from tests.annotator.factories import SPANS, make_member, make_note, make_project
from tests.annotator.factories import make_set as make_layer

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

OFFERED = 'data-open="skip-dialog"'


@pytest.fixture
def note():
    return make_note(make_project("alta", overlap=2))


def page(client, note):
    return client.get(reverse("note_review", args=[note.pk])).content.decode()


def skip(client, note):
    response = client.post(reverse("note_skip", args=[note.pk]))
    note.refresh_from_db()
    return response


def hold_out(note):
    note.split = Split.TEST
    note.save(update_fields=["split"])


def give_away(note):
    take_lease(note=note, annotator=make_member(note.project))


def annotate(note):
    make_layer(note, make_member(note.project), SPANS[:1], revision=1)


def test_who_may_skip_is_offered_it(client, note):
    client.force_login(make_member(note.project))
    shown = page(client, note)

    assert OFFERED in shown
    assert "disabled title" not in shown
    assert skip(client, note).status_code == 302
    assert note.state == NoteState.SKIPPED


@pytest.mark.parametrize(
    ("happen", "status", "why"),
    [
        (hold_out, 403, "This note is kept for scoring"),
        (give_away, 409, "Others work on this note or did"),
        (annotate, 409, "Others work on this note or did"),
    ],
)
def test_who_would_be_refused_reads_why(client, note, happen, status, why):
    client.force_login(make_member(note.project))
    happen(note)
    shown = page(client, note)

    assert OFFERED not in shown
    assert f'disabled title="{why}' in shown
    response = skip(client, note)
    assert response.status_code == status
    assert why in response.content.decode()
    assert note.state != NoteState.SKIPPED


@pytest.mark.parametrize("happen", [hold_out, give_away, annotate])
def test_reviewers_skip_whatever_they_look_at(client, note, happen):
    client.force_login(make_member(note.project, Role.REVIEWER))
    happen(note)

    assert OFFERED in page(client, note)
    assert skip(client, note).status_code == 302
    assert note.state == NoteState.SKIPPED


def test_a_skipped_note_says_why_and_opens_again(client):
    project = make_project("urgencias")
    note = make_note(project)
    client.force_login(make_member(project))
    client.post(reverse("note_skip", args=[note.pk]), {"reason": "not clinical"})
    markup = page(client, note)
    assert "This note was skipped" in markup
    assert "not clinical" in markup
    client.post(reverse("note_reopen", args=[note.pk]))
    note.refresh_from_db()
    assert note.state == NoteState.IMPORTED
    assert 'data-editable="true"' in page(client, note)
