"""Sets from opening to submission, and the queue that hands notes out."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from annotator.enums import NoteState, Role, SetState, Split
from annotator.exceptions import NotAllowed, StaleRevision, WrongState
from annotator.models import Assignment, AuditEntry
from annotator.selectors.gold import gold_document, gold_sets
from annotator.selectors.training import training_plan
from annotator.services.active_time import MAX_ACTIVE_SECONDS
from annotator.services.annotation_sets import (
    open_set,
    reopen_set,
    skip_note,
    submit_set,
    unskip_note,
)
from annotator.services.gestures import Gesture, apply_gesture
from annotator.services.queue import next_note
from tests.annotator.factories import (
    make_label,
    make_member,
    make_note,
    make_project,
    make_suggestion,
)

pytestmark = pytest.mark.django_db


def test_open_set_is_made_once_with_the_labels_shown() -> None:
    project = make_project()
    note, annotator = make_note(project), make_member(project)
    first = open_set(note=note, annotator=annotator)
    assert open_set(note=note, annotator=annotator) == first
    assert first.labels_shown == list(project.labels.values_list("name", flat=True))


def test_open_set_of_a_note_in_other_hands_is_refused() -> None:
    project = make_project()
    note = make_note(project)
    one, other = make_member(project), make_member(project)
    open_set(note=note, annotator=one)
    with pytest.raises(WrongState):
        open_set(note=note, annotator=other)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        open_set(note=note, annotator=other)


def test_begun_note_that_another_took_over_is_kept_from_its_first_owner() -> None:
    project = make_project()
    note, later = make_note(project), make_note(project)
    one, other = make_member(project), make_member(project)
    layer = open_set(note=note, annotator=one)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        open_set(note=note, annotator=other)
        with pytest.raises(WrongState, match="in other hands"):
            open_set(note=note, annotator=one)
        assert next_note(project=project, annotator=one) == later
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert next_note(project=project, annotator=one) == note
        assert open_set(note=note, annotator=one) == layer
        with pytest.raises(WrongState):
            open_set(note=note, annotator=other)


def test_open_set_takes_a_free_note_in_hand_again() -> None:
    project = make_project()
    note, one = make_note(project), make_member(project)
    open_set(note=note, annotator=one)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        open_set(note=note, annotator=one)
        assert Assignment.objects.get(note=note).leased_until > timezone.now()


def test_labels_of_an_open_set_are_those_of_its_last_showing() -> None:
    project = make_project()
    note, one = make_note(project), make_member(project)
    layer = open_set(note=note, annotator=one)
    make_label(project, "ALLERGY")
    assert "ALLERGY" in open_set(note=note, annotator=one).labels_shown
    make_label(project, "DEVICE")
    kept = open_set(note=note, annotator=one, shows_labels=False)
    assert "DEVICE" not in kept.labels_shown
    gesture = Gesture(
        uuid.uuid4(),
        0,
        "create",
        span_id=uuid.uuid4(),
        start_char=37,
        end_char=48,
        label="DEVICE",
        surface="Paracetamol",
    )
    apply_gesture(annotation_set=kept, actor=one, gesture=gesture)
    layer.refresh_from_db()
    assert layer.labels_shown[-2:] == ["ALLERGY", "DEVICE"]
    submit_set(annotation_set=layer, actor=one)
    make_label(project, "PROCEDURE")
    assert "PROCEDURE" not in open_set(note=note, annotator=one).labels_shown
    reopen_set(annotation_set=layer, actor=one)
    layer.refresh_from_db()
    assert layer.labels_shown[-1] == "PROCEDURE"


def test_active_seconds_of_a_submission_are_capped() -> None:
    project = make_project()
    note, one = make_note(project), make_member(project)
    layer = open_set(note=note, annotator=one)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        submit_set(annotation_set=layer, actor=one, active_seconds=86_400)
    layer.refresh_from_db()
    assert layer.active_seconds == MAX_ACTIVE_SECONDS


def test_skip_of_a_note_in_other_hands_is_for_reviewers() -> None:
    project = make_project()
    note, one = make_note(project), make_member(project)
    open_set(note=note, annotator=one)
    other, reviewer = make_member(project), make_member(project, Role.REVIEWER)
    with pytest.raises(WrongState, match="in other hands"):
        skip_note(note=note, actor=other, reason="")
    skip_note(note=note, actor=reviewer, reason="")
    assert note.state == NoteState.SKIPPED


def test_skip_of_a_held_out_note_is_for_reviewers() -> None:
    project = make_project()
    note = make_note(project, split=Split.TEST)
    with pytest.raises(NotAllowed, match="kept for scoring"):
        skip_note(note=note, actor=make_member(project), reason="")
    skip_note(note=note, actor=make_member(project, Role.ADMIN), reason="")


def test_unskip_is_for_whoever_skipped_and_reviewers() -> None:
    project = make_project()
    note, one = make_note(project), make_member(project)
    skip_note(note=note, actor=one, reason="")
    with pytest.raises(NotAllowed):
        unskip_note(note=note, actor=make_member(project))
    unskip_note(note=note, actor=one)
    skip_note(note=note, actor=one, reason="")
    unskip_note(note=note, actor=make_member(project, Role.REVIEWER))
    assert note.state == NoteState.IMPORTED


def test_submit_closes_set_and_note_and_is_audited() -> None:
    project = make_project()
    note, annotator = make_note(project), make_member(project)
    layer = open_set(note=note, annotator=annotator)
    make_suggestion(note, 37, 48, "MEDICATION")
    submit_set(annotation_set=layer, actor=annotator, base_revision=0)
    note.refresh_from_db()
    assert (note.state, layer.state) == (NoteState.SUBMITTED, SetState.SUBMITTED)
    assert layer.submitted_at is not None
    assert not layer.decisions.exists()
    assert not Assignment.objects.filter(note=note).exists()
    assert AuditEntry.objects.filter(action="note.submit").count() == 1
    with pytest.raises(WrongState):
        submit_set(annotation_set=layer, actor=annotator)


def test_submit_with_a_stale_revision_changes_nothing() -> None:
    project = make_project()
    note, annotator = make_note(project), make_member(project)
    layer = open_set(note=note, annotator=annotator)
    gesture = Gesture(uuid.uuid4(), 0, "accept_all", threshold=0.0)
    apply_gesture(annotation_set=layer, actor=annotator, gesture=gesture)
    with pytest.raises(StaleRevision):
        submit_set(annotation_set=layer, actor=annotator, base_revision=0)
    note.refresh_from_db()
    assert note.state == NoteState.IN_PROGRESS


def test_submit_of_another_persons_set_is_not_allowed() -> None:
    project = make_project()
    layer = open_set(note=make_note(project), annotator=make_member(project))
    with pytest.raises(NotAllowed):
        submit_set(annotation_set=layer, actor=make_member(project, Role.ADMIN))


def test_submit_when_another_was_first_is_refused() -> None:
    project = make_project()
    note = make_note(project)
    one, other = make_member(project), make_member(project)
    first = open_set(note=note, annotator=one)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        second = open_set(note=note, annotator=other)
    submit_set(annotation_set=first, actor=one)
    with pytest.raises(WrongState):
        submit_set(annotation_set=second, actor=other)


def test_submit_with_overlap_two_needs_both() -> None:
    project = make_project(overlap=2)
    note = make_note(project)
    one, other, third = (make_member(project) for _ in range(3))
    submit_set(annotation_set=open_set(note=note, annotator=one), actor=one)
    assert note.state == NoteState.IN_PROGRESS
    submit_set(annotation_set=open_set(note=note, annotator=other), actor=other)
    assert note.state == NoteState.SUBMITTED
    with pytest.raises(WrongState):
        open_set(note=note, annotator=third)


def test_reopen_by_owner_opens_and_by_reviewer_returns() -> None:
    project = make_project()
    note, annotator = make_note(project), make_member(project)
    reviewer = make_member(project, Role.REVIEWER)
    layer = open_set(note=note, annotator=annotator)
    submit_set(annotation_set=layer, actor=annotator)
    with pytest.raises(NotAllowed):
        reopen_set(annotation_set=layer, actor=make_member(project))
    reopen_set(annotation_set=layer, actor=annotator)
    assert (layer.state, note.state) == (SetState.OPEN, NoteState.IN_PROGRESS)
    submit_set(annotation_set=layer, actor=annotator)
    reopen_set(annotation_set=layer, actor=reviewer)
    assert layer.state == SetState.RETURNED
    with pytest.raises(WrongState):
        reopen_set(annotation_set=layer, actor=reviewer)


def test_reopen_of_an_adjudicated_note_is_refused() -> None:
    project = make_project()
    note, annotator = make_note(project), make_member(project)
    layer = open_set(note=note, annotator=annotator)
    submit_set(annotation_set=layer, actor=annotator)
    note.state = NoteState.ADJUDICATED
    note.save(update_fields=["state"])
    with pytest.raises(WrongState):
        reopen_set(annotation_set=layer, actor=annotator)


def test_skip_keeps_the_reason_and_can_be_taken_back() -> None:
    project = make_project()
    note, annotator = (
        make_note(project, state=NoteState.SUGGESTED),
        make_member(project),
    )
    layer = open_set(note=note, annotator=annotator)
    gesture = Gesture(uuid.uuid4(), 0, "accept_all", threshold=0.0)
    apply_gesture(annotation_set=layer, actor=annotator, gesture=gesture)
    skip_note(note=note, actor=annotator, reason="  not a clinical text ")
    note.refresh_from_db()
    assert note.state == NoteState.SKIPPED
    assert note.metadata["skip_reason"] == "not a clinical text"
    with pytest.raises(WrongState):
        skip_note(note=note, actor=annotator, reason="")
    unskip_note(note=note, actor=annotator)
    note.refresh_from_db()
    assert (note.state, note.metadata) == (NoteState.IN_PROGRESS, {})


def test_next_note_gives_held_out_notes_in_their_turn() -> None:
    """They wait for no suggestions, so they do not wait behind those who have some."""
    project = make_project()
    make_note(project)
    held_out = make_note(project, split=Split.TEST)
    make_note(project, state=NoteState.SUGGESTED)
    assert next_note(project=project, annotator=make_member(project)) == held_out


def test_next_note_gives_own_unfinished_then_suggested_then_imported() -> None:
    project = make_project()
    annotator = make_member(project)
    imported = make_note(project)
    suggested = make_note(project, state=NoteState.SUGGESTED)
    chosen = next_note(project=project, annotator=annotator)
    assert chosen == suggested
    layer = open_set(note=suggested, annotator=annotator)
    make_note(project, state=NoteState.SUGGESTED)
    assert next_note(project=project, annotator=annotator) == suggested
    assert Assignment.objects.get(note=suggested).reason == "unfinished"
    submit_set(annotation_set=layer, actor=annotator)
    later = next_note(project=project, annotator=annotator)
    assert later is not None
    skip_note(note=later, actor=annotator, reason="")
    assert next_note(project=project, annotator=annotator) == imported
    skip_note(note=imported, actor=annotator, reason="")
    assert next_note(project=project, annotator=annotator) is None


def test_next_note_keeps_people_apart_until_the_lease_ends() -> None:
    project = make_project()
    one, other = make_member(project), make_member(project)
    notes = [make_note(project, state=NoteState.SUGGESTED) for _ in range(2)]
    assert next_note(project=project, annotator=one) == notes[0]
    assert next_note(project=project, annotator=one) == notes[0]
    assert next_note(project=project, annotator=other) == notes[1]
    assert next_note(project=project, annotator=make_member(project)) is None
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        assert next_note(project=project, annotator=other) == notes[0]


def test_next_note_with_overlap_gives_one_note_to_as_many_as_asked() -> None:
    project = make_project(overlap=2)
    people = [make_member(project) for _ in range(3)]
    note = make_note(project)
    assert next_note(project=project, annotator=people[0]) == note
    submit_set(annotation_set=open_set(note=note, annotator=people[0]), actor=people[0])
    assert next_note(project=project, annotator=people[1]) == note
    assert next_note(project=project, annotator=people[0]) is None
    assert next_note(project=project, annotator=people[2]) is None


def test_next_note_stays_in_its_project() -> None:
    project = make_project()
    make_note(make_project())
    assert next_note(project=project, annotator=make_member(project)) is None


def test_gesture_renews_a_lease_that_runs_out() -> None:
    project = make_project()
    annotator = make_member(project)
    note = next_note(project=project, annotator=annotator) or make_note(project)
    layer = open_set(note=note, annotator=annotator)
    with time_machine.travel(timezone.now() + timedelta(minutes=25)) as clock:
        gesture = Gesture(uuid.uuid4(), 0, "accept_all")
        apply_gesture(annotation_set=layer, actor=annotator, gesture=gesture)
        assert clock is not None
        left = Assignment.objects.get(note=note).leased_until - timezone.now()
    assert left > timedelta(minutes=29)


def test_what_was_left_undecided_is_not_taken_for_no_entity():
    note = make_note()
    annotator = make_member(note.project)
    layer = open_set(note=note, annotator=annotator)
    make_suggestion(note, 0, 5, "FINDING")
    make_suggestion(note, 6, 8, "DOSAGE", confidence=0.0)  # too doubtful to be shown
    submit_set(annotation_set=layer, actor=annotator)
    document = gold_document(gold_sets(note.project).get())
    shown = list(note.project.labels.values_list("name", flat=True))
    assert document["exhaustive_for"] == [n for n in shown if n != "FINDING"]
    assert training_plan(project=note.project).n_incomplete == 1
    reopen_set(annotation_set=layer, actor=annotator)
    note.suggestions.all().delete()
    submit_set(annotation_set=layer, actor=annotator)
    assert gold_document(gold_sets(note.project).get())["exhaustive_for"] == shown
    assert training_plan(project=note.project).n_incomplete == 0
