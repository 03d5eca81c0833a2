"""Which set of a note is gold, and what its interchange row says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.enums import NoteState, SetState
from annotator.selectors.gold import gold_document, gold_sets
from tests.annotator.factories import (
    SPANS,
    TEXT,
    make_note,
    make_project,
    make_set,
    make_user,
)

pytestmark = pytest.mark.django_db


def test_gold_sets_gold_layer_wins_over_submitted():
    project = make_project()
    note = make_note(project)
    make_set(note, make_user(), state=SetState.SUBMITTED)
    gold = make_set(note)

    assert list(gold_sets(project)) == [gold]


def test_gold_sets_open_gold_layer_hides_the_note():
    project = make_project()
    note = make_note(project)
    make_set(note, make_user(), state=SetState.SUBMITTED)
    make_set(note, state=SetState.OPEN)

    assert list(gold_sets(project)) == []


def test_gold_sets_latest_submitted_counts_while_overlap_is_one():
    project = make_project()
    note = make_note(project)
    now = timezone.now()
    make_set(
        note,
        make_user(),
        state=SetState.SUBMITTED,
        submitted_at=now - timedelta(days=1),
    )
    later = make_set(note, make_user(), state=SetState.SUBMITTED, submitted_at=now)
    make_set(note, make_user(), state=SetState.OPEN)

    assert list(gold_sets(project)) == [later]


def test_gold_sets_overlap_of_two_needs_a_gold_layer():
    project = make_project(overlap=2)
    make_set(make_note(project), make_user(), state=SetState.SUBMITTED)
    gold = make_set(make_note(project))

    assert list(gold_sets(project)) == [gold]


def test_gold_sets_leaves_out_other_projects_splits_and_skipped():
    project = make_project()
    wanted = make_set(make_note(project, split="test"))
    make_set(make_note(project, split="train"))
    make_set(make_note(project, split="test", state=NoteState.SKIPPED))
    make_set(make_note(make_project(), split="test"))

    assert list(gold_sets(project, splits=["test"])) == [wanted]
    assert gold_sets(project).count() == 2


@pytest.mark.parametrize("n_notes", [1, 3])
def test_gold_sets_and_documents_take_two_queries(n_notes, django_assert_num_queries):
    project = make_project()
    for _ in range(n_notes):
        make_set(make_note(project), None, SPANS)

    # sets with their notes and projects; spans with their labels
    with django_assert_num_queries(2):
        documents = [gold_document(row) for row in gold_sets(project)]

    assert len(documents) == n_notes


def test_gold_document_is_document_jsonl():
    project = make_project(language="es")
    note = make_note(
        project, external_id="es-1", group_key="p1", split="dev", title="Alta"
    )
    gold = make_set(note, None, SPANS, labels_shown=["FINDING", "DOSAGE"])

    assert gold_document(gold_sets(project).get(pk=gold.pk)) == {
        "id": "es-1",
        "text": TEXT,
        "language": "es",
        "genre": "note",
        "title": "Alta",
        "split": "dev",
        "group": "p1",
        "exhaustive_for": ["FINDING", "DOSAGE"],
        "entities": [
            {"start": start, "end": end, "label": label} for start, end, label in SPANS
        ],
    }


def test_gold_document_of_dialogue_has_turns():
    project = make_project(genre="dialogue")
    text = (
        "Doctora: ¿Qué le pasa?\nPaciente: Tengo tos.\nDoctora: ¿Fiebre?\nPaciente: No."
    )
    gold = make_set(make_note(project, text))

    turns = gold_document(gold)["turns"]

    assert [(t["speaker"], text[t["start"] : t["end"]]) for t in turns] == [
        ("Doctora", "¿Qué le pasa?"),
        ("Paciente", "Tengo tos."),
        ("Doctora", "¿Fiebre?"),
        ("Paciente", "No."),
    ]
