"""Gestures: each action, replay, staleness, undo and redo of everything."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator.enums import DecisionKind, NoteState, Origin, SetState, Split
from annotator.exceptions import (
    GestureRefused,
    NotAllowed,
    NothingToUndo,
    SpanRefused,
    StaleRevision,
    TargetGone,
    UnknownLabel,
    WrongState,
)
from annotator.models import AnnotationSet, Span, SpanEvent, Suggestion, User
from annotator.selectors.ledger import ledger_position
from annotator.selectors.review import load_marks, visible_suggestions
from annotator.services.annotation_sets import open_set, submit_set
from annotator.services.gestures import Gesture, Outcome, apply_gesture
from tests.annotator.factories import (
    SPANS,
    TEXT,
    make_label,
    make_member,
    make_note,
    make_project,
    make_suggestion,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def layer() -> AnnotationSet:
    """A set over the default note with its five mentions suggested."""
    project = make_project()
    annotator = make_member(project)
    note = make_note(project, state=NoteState.SUGGESTED)
    for n, (start, end, label) in enumerate(SPANS):
        make_suggestion(note, start, end, label, confidence=0.5 + n / 10)
    return open_set(note=note, annotator=annotator)


def send(layer: AnnotationSet, action: str, **fields: Any) -> Outcome:
    """Apply a gesture made at the set's present revision."""
    layer.refresh_from_db(fields=["revision"])
    assert layer.annotator is not None
    gesture = Gesture(
        client_event_id=fields.pop("client_event_id", uuid.uuid4()),
        base_revision=fields.pop("base_revision", layer.revision),
        action=action,
        **fields,
    )
    return apply_gesture(annotation_set=layer, actor=layer.annotator, gesture=gesture)


def state_of(layer: AnnotationSet) -> tuple[set[Any], set[Any]]:
    """Return spans and decisions, whole."""
    spans = layer.spans.values_list(
        "id", "start_char", "end_char", "label__name", "origin", "suggestion"
    )
    return set(spans), set(layer.decisions.values_list("suggestion", "kind"))


def suggestion_of(layer: AnnotationSet, label: str) -> Suggestion:
    return layer.note.suggestions.get(label__name=label)


def test_accept_makes_an_accepted_span_and_a_decision(layer: AnnotationSet) -> None:
    suggestion, span_id = suggestion_of(layer, "MEDICATION"), uuid.uuid4()
    outcome = send(layer, "accept", suggestion_id=suggestion.pk, span_id=span_id)
    assert state_of(layer) == (
        {(span_id, 37, 48, "MEDICATION", Origin.ACCEPTED, suggestion.pk)},
        {(suggestion.pk, DecisionKind.ACCEPTED)},
    )
    assert outcome.revision == 1
    assert outcome.changed_ranges == [(37, 48)]
    layer.note.refresh_from_db()
    assert layer.note.state == NoteState.IN_PROGRESS
    event = layer.events.get()
    assert (event.action, event.before, event.confidence) == ("accept", None, 0.6)
    assert suggestion.pk not in set(
        visible_suggestions(note=layer.note, annotation_set=layer).values_list(
            "pk", flat=True
        )
    )


def test_reject_hides_the_suggestion_and_undo_brings_it_back(
    layer: AnnotationSet,
) -> None:
    suggestion = suggestion_of(layer, "FINDING")
    send(layer, "reject", suggestion_id=suggestion.pk)
    assert state_of(layer) == (set(), {(suggestion.pk, DecisionKind.REJECTED)})
    with pytest.raises(TargetGone):
        send(layer, "accept", suggestion_id=suggestion.pk, span_id=uuid.uuid4())
    send(layer, "undo")
    assert state_of(layer) == (set(), set())
    assert f"s{suggestion.pk}" in {
        mark.key for mark in load_marks(note=layer.note, annotation_set=layer)
    }


def test_relabel_of_a_suggestion_makes_a_corrected_span(layer: AnnotationSet) -> None:
    suggestion, span_id = suggestion_of(layer, "DOSAGE"), uuid.uuid4()
    send(
        layer,
        "relabel",
        suggestion_id=suggestion.pk,
        span_id=span_id,
        label="FREQUENCY",
    )
    assert state_of(layer) == (
        {(span_id, 49, 52, "FREQUENCY", Origin.CORRECTED, suggestion.pk)},
        {(suggestion.pk, DecisionKind.CORRECTED)},
    )
    # Back to what the model said: then it was right after all.
    send(layer, "relabel", span_id=span_id, label="DOSAGE")
    assert state_of(layer) == (
        {(span_id, 49, 52, "DOSAGE", Origin.ACCEPTED, suggestion.pk)},
        {(suggestion.pk, DecisionKind.ACCEPTED)},
    )


def test_rebound_of_a_suggestion_makes_a_corrected_span(layer: AnnotationSet) -> None:
    suggestion, span_id = suggestion_of(layer, "FINDING"), uuid.uuid4()
    outcome = send(
        layer,
        "rebound",
        suggestion_id=suggestion.pk,
        span_id=span_id,
        start_char=21,
        end_char=26,
        surface="dolor",
    )
    assert state_of(layer)[0] == {
        (span_id, 21, 26, "FINDING", Origin.CORRECTED, suggestion.pk)
    }
    assert outcome.changed_ranges == [(21, 26), (21, 35)]


def test_delete_of_an_accepted_span_rejects_its_suggestion(
    layer: AnnotationSet,
) -> None:
    suggestion, span_id = suggestion_of(layer, "DOSAGE"), uuid.uuid4()
    send(layer, "accept", suggestion_id=suggestion.pk, span_id=span_id)
    accepted = state_of(layer)
    send(layer, "delete", span_id=span_id)
    assert state_of(layer) == (set(), {(suggestion.pk, DecisionKind.REJECTED)})
    send(layer, "undo")
    assert state_of(layer) == accepted


def test_create_and_move_by_hand_stay_manual(layer: AnnotationSet) -> None:
    span_id = uuid.uuid4()
    make = {"start_char": 0, "end_char": 5, "surface": "Varón", "label": "FINDING"}
    send(layer, "create", span_id=span_id, **make)
    send(
        layer,
        "rebound",
        span_id=span_id,
        start_char=0,
        end_char=8,
        surface="Varón de",
    )
    assert state_of(layer)[0] == {(span_id, 0, 8, "FINDING", Origin.MANUAL, None)}
    with pytest.raises(SpanRefused, match="already marked"):
        send(
            layer,
            "create",
            span_id=uuid.uuid4(),
            **make
            | {
                "end_char": 8,
                "surface": "Varón de",
            },
        )


def test_accept_all_takes_the_surest_of_each_range_above_the_threshold(
    layer: AnnotationSet,
) -> None:
    twin = make_suggestion(layer.note, 53, 65, "DURATION", confidence=0.99)
    outcome = send(layer, "accept_all", threshold=0.75)
    labels = set(layer.spans.values_list("start_char", "label__name"))
    assert labels == {(53, "DURATION"), (74, "DURATION")}
    assert {event.suggestion_id for event in outcome.events} == {
        twin.pk,
        layer.note.suggestions.get(start_char=74).pk,
    }
    send(layer, "undo")
    assert state_of(layer) == (set(), set())


def test_accept_all_of_nothing_still_takes_a_revision(layer: AnnotationSet) -> None:
    assert send(layer, "accept_all", threshold=0.999).revision == 1
    assert send(layer, "undo").revision == 2
    assert state_of(layer) == (set(), set())


def test_replay_returns_the_stored_outcome(layer: AnnotationSet) -> None:
    event_id, suggestion = uuid.uuid4(), suggestion_of(layer, "DOSAGE")
    fields = {
        "client_event_id": event_id,
        "base_revision": 0,
        "suggestion_id": suggestion.pk,
        "span_id": uuid.uuid4(),
    }
    first = send(layer, "accept", **fields)
    send(
        layer,
        "create",
        span_id=uuid.uuid4(),
        start_char=0,
        end_char=5,
        surface="Varón",
        label="FINDING",
    )
    again = send(layer, "accept", **fields)
    assert again.is_replay
    assert (again.revision, again.changed_ranges) == (1, first.changed_ranges)
    assert layer.spans.count() == 2
    assert layer.events.count() == 2


def test_replay_of_another_sets_gesture_is_refused(layer: AnnotationSet) -> None:
    outcome = send(layer, "accept_all", threshold=0.0)
    other = open_set(
        note=make_note(layer.note.project),
        annotator=make_member(layer.note.project),
    )
    with pytest.raises(NotAllowed):
        send(other, "undo", client_event_id=outcome.events[0].client_event_id)


def test_stale_gesture_is_refused_whole(layer: AnnotationSet) -> None:
    send(layer, "accept_all", threshold=0.75)
    before = state_of(layer)
    with pytest.raises(StaleRevision) as caught:
        send(
            layer,
            "reject",
            base_revision=0,
            suggestion_id=suggestion_of(layer, "DOSAGE").pk,
        )
    assert caught.value.details() == {"sent": 0, "stored": 1}
    assert state_of(layer) == before
    assert layer.events.values("revision").distinct().count() == 1


def test_refused_gesture_leaves_revision_and_ledger_alone(layer: AnnotationSet) -> None:
    with pytest.raises(UnknownLabel):
        send(
            layer,
            "relabel",
            suggestion_id=suggestion_of(layer, "DOSAGE").pk,
            span_id=uuid.uuid4(),
            label="NOPE",
        )
    layer.refresh_from_db()
    assert layer.revision == 0
    assert not layer.events.exists()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"start_char": 0, "end_char": 4, "surface": "Varó"}, "not on token edges"),
        ({"start_char": 1, "end_char": 5, "surface": "arón"}, "not on token edges"),
        ({"start_char": 0, "end_char": 5, "surface": "Varon"}, "surface differs"),
        ({"start_char": 0, "end_char": 5}, "surface differs"),
        ({"start_char": 5, "end_char": 5, "surface": ""}, "outside the text"),
        ({"start_char": 0, "end_char": 999, "surface": TEXT}, "outside the text"),
        ({"surface": "x"}, "outside the text"),
        ({"start_char": 5, "end_char": 6, "surface": " ", "exact": True}, "blank"),
    ],
)
def test_create_with_a_wrong_range_is_refused(
    layer: AnnotationSet, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SpanRefused) as caught:
        send(layer, "create", span_id=uuid.uuid4(), label="FINDING", **fields)
    assert caught.value.reason == reason


def test_create_inside_a_token_is_allowed_when_exact(layer: AnnotationSet) -> None:
    send(
        layer,
        "create",
        span_id=uuid.uuid4(),
        label="FINDING",
        exact=True,
        start_char=1,
        end_char=5,
        surface="arón",
    )
    assert layer.spans.get().start_char == 1


def test_create_folds_carriage_returns_and_counts_code_points() -> None:
    project = make_project()
    note = make_note(project, "😀 tos\r\nseca y fiebre")
    layer = open_set(note=note, annotator=make_member(project))
    send(
        layer,
        "create",
        span_id=uuid.uuid4(),
        label="FINDING",
        start_char=2,
        end_char=11,
        surface="tos\nseca",
    )
    assert note.text[2:11] == "tos\r\nseca"
    assert layer.spans.get().end_char == 11


def test_create_with_a_taken_span_id_is_refused(layer: AnnotationSet) -> None:
    span_id = uuid.uuid4()
    send(
        layer,
        "accept",
        span_id=span_id,
        suggestion_id=suggestion_of(layer, "DOSAGE").pk,
    )
    with pytest.raises(SpanRefused, match="span id"):
        send(
            layer,
            "accept",
            span_id=span_id,
            suggestion_id=suggestion_of(layer, "FINDING").pk,
        )


@pytest.mark.parametrize("action", ["accept", "create", "submit"])
def test_edit_that_does_not_fit_its_target_is_refused(
    layer: AnnotationSet, action: str
) -> None:
    span_id = uuid.uuid4()
    send(
        layer,
        "accept",
        span_id=span_id,
        suggestion_id=suggestion_of(layer, "DOSAGE").pk,
    )
    with pytest.raises((GestureRefused, SpanRefused)):
        send(layer, action, span_id=span_id)
    with pytest.raises((GestureRefused, SpanRefused)):
        send(
            layer,
            "delete" if action == "accept" else action,
            suggestion_id=suggestion_of(layer, "FINDING").pk,
            span_id=uuid.uuid4(),
        )


def test_edit_of_another_sets_span_is_refused(layer: AnnotationSet) -> None:
    layer.note.project.overlap = 2
    layer.note.project.save(update_fields=["overlap"])
    other = open_set(note=layer.note, annotator=make_member(layer.note.project))
    span_id = uuid.uuid4()
    send(
        other,
        "accept",
        span_id=span_id,
        suggestion_id=suggestion_of(layer, "DOSAGE").pk,
    )
    with pytest.raises(TargetGone):
        send(layer, "delete", span_id=span_id)
    # Decisions are each person's own.
    send(layer, "reject", suggestion_id=suggestion_of(layer, "DOSAGE").pk)
    assert other.spans.count() == 1


def test_gesture_on_another_persons_set_is_not_allowed(layer: AnnotationSet) -> None:
    gesture = Gesture(uuid.uuid4(), 0, "accept_all")
    with pytest.raises(NotAllowed):
        apply_gesture(
            annotation_set=layer,
            actor=make_member(layer.note.project, "admin"),
            gesture=gesture,
        )


@pytest.mark.parametrize("kind", ["blind", "unsure", "same range"])
def test_hidden_suggestions_are_neither_shown_nor_accepted(
    layer: AnnotationSet, kind: str
) -> None:
    suggestion = suggestion_of(layer, "FINDING")
    if kind == "blind":
        layer.note.split = Split.TEST
        layer.note.save(update_fields=["split"])
    elif kind == "unsure":
        layer.note.project.suggestion_threshold = 0.51
        layer.note.project.save(update_fields=["suggestion_threshold"])
    else:
        send(
            layer,
            "create",
            span_id=uuid.uuid4(),
            label="DURATION",
            start_char=21,
            end_char=35,
            surface="dolor torácico",
        )
    keys = {m.key for m in load_marks(note=layer.note, annotation_set=layer)}
    assert f"s{suggestion.pk}" not in keys
    with pytest.raises(TargetGone):
        send(layer, "accept", suggestion_id=suggestion.pk, span_id=uuid.uuid4())
    assert len(send(layer, "accept_all", threshold=0.0).changed_ranges) == (
        0 if kind == "blind" else 4
    )


def test_undo_and_redo_without_anything_left_are_refused(layer: AnnotationSet) -> None:
    with pytest.raises(NothingToUndo):
        send(layer, "undo")
    send(layer, "accept_all", threshold=0.0)
    with pytest.raises(NothingToUndo):
        send(layer, "redo")


def test_undo_after_the_suggestion_was_replaced_keeps_working(
    layer: AnnotationSet,
) -> None:
    suggestion = suggestion_of(layer, "DOSAGE")
    send(layer, "accept", suggestion_id=suggestion.pk, span_id=uuid.uuid4())
    send(layer, "undo")
    suggestion.delete()
    send(layer, "redo")
    assert [
        (span.start_char, span.origin, span.suggestion_id) for span in layer.spans.all()
    ] == [(49, Origin.ACCEPTED, None)]
    send(layer, "undo")
    assert state_of(layer) == (set(), set())


def test_undo_to_a_label_that_was_deleted_is_refused(layer: AnnotationSet) -> None:
    label = make_label(layer.note.project, "ALLERGY")
    span_id = uuid.uuid4()
    send(
        layer,
        "create",
        span_id=span_id,
        label="ALLERGY",
        start_char=0,
        end_char=5,
        surface="Varón",
    )
    send(layer, "delete", span_id=span_id)
    label.delete()
    with pytest.raises(UnknownLabel):
        send(layer, "undo")


def test_gesture_on_a_submitted_set_is_refused(layer: AnnotationSet) -> None:
    assert layer.annotator is not None
    send(layer, "accept_all", threshold=0.8)
    submit_set(annotation_set=layer, actor=layer.annotator)
    with pytest.raises(WrongState):
        send(layer, "undo")
    assert layer.state == SetState.SUBMITTED


# Random walks --------------------------------------------------------------------


def _random_gesture(layer: AnnotationSet, data: st.DataObject) -> Gesture:
    """Draw any gesture over the first words of the note, legal or not."""
    spans = list(layer.spans.values_list("id", flat=True))
    suggestions = list(layer.note.suggestions.values_list("pk", flat=True))
    tokens = layer.note.tokens[:6]
    pair = data.draw(st.tuples(*[st.integers(0, 5)] * 2).map(sorted))
    start, end = tokens[pair[0]][0], tokens[pair[1]][1]
    action = data.draw(
        st.sampled_from(
            ["create", "accept", "reject", "relabel", "rebound", "delete", "accept_all"]
        )
    )
    is_edit = bool(spans) and data.draw(st.booleans())
    return Gesture(
        client_event_id=uuid.uuid4(),
        base_revision=layer.revision,
        action=action,
        span_id=data.draw(st.sampled_from(spans)) if is_edit else uuid.uuid4(),
        suggestion_id=None if is_edit else data.draw(st.sampled_from(suggestions)),
        start_char=start,
        end_char=end,
        surface=layer.note.text[start:end],
        label=data.draw(st.sampled_from(["FINDING", "DOSAGE"])),
        threshold=0.85,
    )


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_undo_of_all_returns_to_the_start_and_redo_of_all_to_the_end(
    layer: AnnotationSet, data: st.DataObject
) -> None:
    layer.refresh_from_db()
    Span.objects.filter(annotation_set=layer).delete()
    SpanEvent.objects.filter(annotation_set=layer).delete()
    layer.decisions.all().delete()
    AnnotationSet.objects.filter(pk=layer.pk).update(revision=0)
    layer.refresh_from_db()
    actor: User | None = layer.annotator
    assert actor is not None
    states = [state_of(layer)]
    for _ in range(data.draw(st.integers(1, 12))):
        gesture = _random_gesture(layer, data)
        if data.draw(st.integers(0, 4)) == 0:
            gesture = replace(
                gesture, action=data.draw(st.sampled_from(["undo", "redo"]))
            )
        position = ledger_position(layer)
        try:
            done = apply_gesture(annotation_set=layer, actor=actor, gesture=gesture)
        except (SpanRefused, TargetGone, GestureRefused, NothingToUndo):
            layer.refresh_from_db()
            assert ledger_position(layer) == position
            continue
        assert done.position in (None, ledger_position(layer))
        if gesture.action == "undo":
            states = states[: len(states) - 1] if len(states) > 1 else states
        elif gesture.action == "redo":
            states.append(state_of(layer))
        else:
            states.append(state_of(layer))
        assert states[-1] == state_of(layer)
    for expected in reversed(states[:-1]):
        send(layer, "undo")
        assert state_of(layer) == expected
    with pytest.raises(NothingToUndo):
        send(layer, "undo")
    for expected in states[1:]:
        send(layer, "redo")
        assert state_of(layer) == expected
