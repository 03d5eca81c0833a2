"""Layouts: shared by notes that read alike, never by others, and only so many kept."""

from __future__ import annotations

import pytest

from annotator.enums import Genre
from annotator.selectors import layouts
from annotator.selectors.blocks import encode_tokens, plan_blocks
from annotator.selectors.layouts import layout_of
from tests.annotator.factories import make_note, make_project

pytestmark = pytest.mark.django_db

DIALOGUE = "Médico: ¿Fuma usted?\nPaciente: No, doctor."


def test_layout_is_the_plan_of_the_note_and_its_packed_tokens() -> None:
    note = make_note(text="PLAN\n\n- Reposo.\n- Paracetamol 1 g.")
    layout = layout_of(note)
    assert layout.plans == plan_blocks(note.text)
    assert layout.packed_tokens(note) == [
        encode_tokens(note.tokens, plan.start_char, plan.end_char)
        for plan in layout.plans
    ]
    assert layout_of(note) is layout


def test_one_text_with_and_without_turns_has_two_layouts() -> None:
    talk = make_note(make_project(genre=Genre.DIALOGUE), DIALOGUE)
    note = make_note(make_project(), DIALOGUE)
    assert talk.sha256 == note.sha256
    assert [plan.kind for plan in layout_of(talk).plans] == ["turn", "turn"]
    assert "turn" not in {plan.kind for plan in layout_of(note).plans}


def test_layouts_read_long_ago_go_when_their_notes_grow_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = make_project()
    notes = [make_note(project, f"Nota {n}. " + "Sin cambios. " * 20) for n in range(3)]
    monkeypatch.setattr(layouts, "_MAX_CHARS", 2 * notes[0].n_chars)
    first, second = layout_of(notes[0]), layout_of(notes[1])
    assert layout_of(notes[0]) is first
    layout_of(notes[2])
    assert layout_of(notes[0]) is first
    assert layout_of(notes[1]) is not second
