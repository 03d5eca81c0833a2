"""A mark of a dialogue lies in the words of one turn."""

from __future__ import annotations

from uuid import uuid4

import pytest

from annotator.enums import Action, Genre
from annotator.exceptions import SpanRefused
from annotator.services.gestures import Gesture, apply_gesture
from tests.annotator.factories import make_note, make_project, make_set, make_user

pytestmark = pytest.mark.django_db

TALK = "Doctora: ¿Tos?\nPaciente: Tos seca.\nDoctora: Bien.\n"


@pytest.fixture
def annotation_set():
    project = make_project(genre=Genre.DIALOGUE)
    return make_set(make_note(project, TALK), make_user("marta"))


def create(annotation_set, surface: str):
    start = TALK.index(surface)
    gesture = Gesture(
        client_event_id=uuid4(),
        base_revision=annotation_set.revision,
        action=Action.CREATE,
        span_id=uuid4(),
        start_char=start,
        end_char=start + len(surface),
        label="FINDING",
        surface=surface,
    )
    return apply_gesture(
        annotation_set=annotation_set, actor=annotation_set.annotator, gesture=gesture
    )


@pytest.mark.parametrize(
    "surface", ["Tos?\nPaciente: Tos", "Paciente: Tos", "seca.\nDoctora"]
)
def test_create_over_the_edge_of_a_turn_is_refused(annotation_set, surface):
    with pytest.raises(SpanRefused, match="crosses a turn"):
        create(annotation_set, surface)

    assert annotation_set.spans.count() == 0


def test_create_inside_a_turn_is_done(annotation_set):
    create(annotation_set, "Tos seca.")

    assert annotation_set.spans.get().end_char == TALK.index("\nDoctora: Bien")
