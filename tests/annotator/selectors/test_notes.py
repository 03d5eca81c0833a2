"""The queue's filter by label: what it may tell whom."""

from __future__ import annotations

import pytest

from annotator.enums import NoteState, Role, SetState, Split
from annotator.models import Project, User
from annotator.selectors.notes import NoteFilter, note_rows
from tests.annotator.factories import (
    SPANS,
    make_member,
    make_note,
    make_project,
    make_set,
)

pytestmark = pytest.mark.django_db

LABEL = SPANS[0][2]


def found(project: Project, person: User) -> set[int]:
    rows = note_rows(project, person, NoteFilter(label=LABEL))
    return set(rows.values_list("pk", flat=True))


@pytest.mark.parametrize("split", [Split.TRAIN, Split.TEST])
def test_label_filter_finds_an_annotators_own_spans_only(split: str) -> None:
    project = make_project(overlap=2)
    one, other = make_member(project), make_member(project)
    reviewer = make_member(project, Role.REVIEWER)
    both, theirs, done, gold = (make_note(project, split=split) for _ in range(4))
    make_set(both, one, SPANS[:1])
    make_set(both, other, SPANS[1:])
    make_set(theirs, other, SPANS[:1])
    for annotator in (one, other):
        spans = SPANS[:1] if annotator == other else ()
        make_set(done, annotator, spans, state=SetState.SUBMITTED)
    make_set(gold, None, SPANS[:1])
    for note in (done, gold):
        note.state = NoteState.SUBMITTED if note == done else NoteState.ADJUDICATED
        note.save(update_fields=["state"])

    assert found(project, one) == {both.pk}
    assert found(project, other) == {theirs.pk, done.pk}
    assert found(project, reviewer) == {both.pk, theirs.pk, done.pk, gold.pk}


def test_label_filter_finds_finished_notes_where_one_annotation_is_enough() -> None:
    project = make_project()
    one, other = make_member(project), make_member(project)
    open_note, done, gold = (make_note(project, split=Split.TEST) for _ in range(3))
    make_set(open_note, other, SPANS[:1])
    make_set(done, other, SPANS[:1], state=SetState.SUBMITTED)
    make_set(gold, None, SPANS[:1])
    for note in (done, gold):
        note.state = NoteState.SUBMITTED if note == done else NoteState.ADJUDICATED
        note.save(update_fields=["state"])

    assert found(project, one) == {done.pk, gold.pk}
