"""Several annotators a note: what changing their number does, and whom they disturb."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from annotator.enums import NoteState, Role
from annotator.exceptions import ConfirmationNeeded, OthersWork, WrongState
from annotator.models import Assignment, AuditEntry, Note, Project, User
from annotator.selectors.gold import gold_sets
from annotator.selectors.overlap import OverlapEffect, overlap_effect
from annotator.services.annotation_sets import (
    open_set,
    reopen_set,
    skip_note,
    submit_set,
    unskip_note,
)
from annotator.services.projects import update_project
from annotator.services.queue import next_note
from tests.annotator.factories import make_member, make_note, make_project, make_set

pytestmark = pytest.mark.django_db


def submit(note: Note, annotator: User) -> None:
    submit_set(annotation_set=open_set(note=note, annotator=annotator), actor=annotator)


def ask_for(project: Project, overlap: int) -> OverlapEffect:
    """Change the number as an administrator does; return what was foreseen."""
    foreseen = overlap_effect(project, overlap)
    admin = make_member(project, Role.ADMIN)
    if foreseen:
        with pytest.raises(ConfirmationNeeded) as caught:
            update_project(project=project, actor=admin, overlap=overlap)
        assert OverlapEffect(**caught.value.counts) == foreseen
        project.refresh_from_db()
    update_project(
        project=project, actor=admin, overlap=overlap, confirmed=bool(foreseen)
    )
    return foreseen


def states(project: Project) -> list[str]:
    return list(project.notes.order_by("pk").values_list("state", flat=True))


def test_more_annotators_a_note_send_submitted_notes_back_to_the_queue() -> None:
    project = make_project()
    one, other = make_member(project), make_member(project)
    note = make_note(project)
    imported = make_note(project, state=NoteState.ADJUDICATED)
    make_set(imported)
    submit(note, one)

    foreseen = ask_for(project, 2)

    assert foreseen == OverlapEffect(2, n_reopened=1, n_no_gold=1)
    assert states(project) == [NoteState.IN_PROGRESS, NoteState.ADJUDICATED]
    assert [layer.note for layer in gold_sets(project)] == [imported]
    assert next_note(project=project, annotator=one) is None
    assert next_note(project=project, annotator=other) == note
    entry = AuditEntry.objects.get(action="project.update")
    assert entry.details == {"fields": ["overlap"], "n_reopened": 1, "n_settled": 0}


def test_fewer_annotators_a_note_settle_the_notes_that_have_enough() -> None:
    project = make_project(overlap=2)
    one, other = make_member(project), make_member(project)
    half, both, begun = (make_note(project) for _ in range(3))
    submit(half, one)
    begun_by_other = open_set(note=half, annotator=other)
    begun_by_other.revision = 1
    begun_by_other.save(update_fields=["revision"])
    submit(both, one)
    submit(both, other)
    open_set(note=begun, annotator=one)

    foreseen = ask_for(project, 1)

    assert foreseen == OverlapEffect(1, n_settled=1, n_stranded=1, n_several=1)
    assert states(project) == [
        NoteState.SUBMITTED,
        NoteState.SUBMITTED,
        NoteState.IMPORTED,
    ]
    assert [layer.annotator for layer in gold_sets(project)] == [one, other]
    assert list(Assignment.objects.values_list("note", flat=True)) == [begun.pk]


def test_change_that_touches_no_note_has_no_effect() -> None:
    project = make_project(overlap=2)
    submit(make_note(project), make_member(project))

    assert not overlap_effect(project, 3)
    assert not overlap_effect(project, 2)
    assert overlap_effect(project, 1)


def test_queue_passes_over_any_number_of_full_notes() -> None:
    """Also of those that a change of the number left full in an older version."""
    project = make_project(overlap=2)
    one, other = make_member(project), make_member(project)
    for _ in range(21):
        submit(make_note(project), one)
    fresh = make_note(project)
    Project.objects.filter(pk=project.pk).update(overlap=1)
    project.refresh_from_db()

    assert next_note(project=project, annotator=other) == fresh


def test_submission_counts_what_the_project_asks_for_now() -> None:
    project = make_project()
    note, one = make_note(project), make_member(project)
    layer = open_set(note=note, annotator=one)
    ask_for(Project.objects.get(pk=project.pk), 2)

    submit_set(annotation_set=layer, actor=one)

    assert note.state == NoteState.IN_PROGRESS


def test_skipped_note_comes_back_settled_when_enough_people_submitted_it() -> None:
    project = make_project(overlap=2)
    note, reviewer = make_note(project), make_member(project, Role.REVIEWER)
    submit(note, make_member(project))
    skip_note(note=note, actor=reviewer, reason="")
    ask_for(project, 1)

    unskip_note(note=note, actor=reviewer)

    assert states(project) == [NoteState.SUBMITTED]


def test_reopening_what_others_settled_is_refused() -> None:
    project = make_project(overlap=2)
    one, other = make_member(project), make_member(project)
    note = make_note(project)
    submit(note, one)
    submit(note, other)
    ask_for(project, 1)
    note.refresh_from_db()

    with pytest.raises(WrongState, match="submitted by somebody else"):
        reopen_set(annotation_set=note.annotation_sets.first(), actor=one)

    assert states(project) == [NoteState.SUBMITTED]


def test_skipping_what_a_colleague_submitted_is_for_reviewers() -> None:
    project = make_project(overlap=2)
    note, other = make_note(project), make_member(project)
    submit(note, make_member(project))

    with pytest.raises(OthersWork):
        skip_note(note=note, actor=other, reason="")

    assert states(project) == [NoteState.IN_PROGRESS]
    skip_note(note=note, actor=make_member(project, Role.REVIEWER), reason="")
    assert states(project) == [NoteState.SKIPPED]


def test_skipping_what_a_colleague_holds_or_began_is_for_reviewers() -> None:
    project = make_project(overlap=2)
    note, one, other = make_note(project), make_member(project), make_member(project)
    layer = open_set(note=note, annotator=one)

    with pytest.raises(OthersWork):
        skip_note(note=note, actor=other, reason="")

    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        layer.revision = 1
        layer.save(update_fields=["revision"])
        with pytest.raises(OthersWork):
            skip_note(note=note, actor=other, reason="")
        layer.revision = 0
        layer.save(update_fields=["revision"])
        # looked at and left: nothing of theirs is lost
        skip_note(note=note, actor=other, reason="")
    assert states(project) == [NoteState.SKIPPED]
