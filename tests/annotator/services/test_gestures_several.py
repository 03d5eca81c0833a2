"""Gestures over more than one mark: split, merge, several, propagate, flag."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from annotator.enums import DecisionKind, NoteState, Origin, SetState, Split
from annotator.exceptions import GestureRefused, SpanRefused, TargetGone
from annotator.models import AnnotationSet, Note, Suggestion, User
from annotator.services.annotation_sets import open_set, submit_set
from annotator.services.propagation import same_in_project, same_mentions
from tests.annotator.factories import (
    make_member,
    make_note,
    make_project,
    make_suggestion,
)
from tests.annotator.services.test_gestures import send

pytestmark = pytest.mark.django_db

TEXT = (
    "Dolor torácico con fiebre.\nNo refiere fiebre ni tos. Fiebres altas.\n"
    "Su madre tuvo cáncer; un cancer de mama. Dolor torácico."
)


@pytest.fixture
def layer() -> AnnotationSet:
    project = make_project()
    note = make_note(project, TEXT, state=NoteState.SUGGESTED)
    return open_set(note=note, annotator=make_member(project))


def at(note: Note, mention: str, nth: int = 0) -> tuple[int, int]:
    start = -1
    for _ in range(nth + 1):
        start = note.text.index(mention, start + 1)
    return start, start + len(mention)


def suggest(note: Note, mention: str, label: str, nth: int = 0) -> Suggestion:
    return make_suggestion(note, *at(note, mention, nth), label)


def create(layer: AnnotationSet, mention: str, label: str, **fields: Any) -> uuid.UUID:
    span_id = uuid.uuid4()
    start, end = at(layer.note, mention, fields.pop("nth", 0))
    place = {"start_char": start, "end_char": end, "surface": mention}
    send(layer, "create", span_id=span_id, label=label, **place, **fields)
    return span_id


def spans(layer: AnnotationSet) -> list[tuple[str, str]]:
    text = layer.note.text
    rows = layer.spans.order_by("start_char", "end_char", "label__name")
    return [(text[s.start_char : s.end_char], s.label.name) for s in rows]


def undo_and_redo(layer: AnnotationSet) -> None:
    """Take the last gesture back and do it again: the state must be the same."""

    def state() -> tuple[Any, ...]:
        layer.refresh_from_db(fields=["is_flagged"])
        rows = layer.spans.order_by("pk").values()
        said = layer.decisions.order_by("suggestion")
        return (
            list(rows),
            list(said.values_list("suggestion", "kind")),
            layer.is_flagged,
        )

    after = state()
    send(layer, "undo")
    assert state() != after
    send(layer, "redo")
    assert state() == after


# Attributes ---------------------------------------------------------------


def test_created_spans_begin_with_what_the_rules_read(layer: AnnotationSet) -> None:
    create(layer, "fiebre", "FINDING")
    create(layer, "fiebre", "FINDING", nth=1)
    create(layer, "cáncer", "FINDING")
    held = [span.attributes for span in layer.spans.order_by("start_char")]
    assert held[0] == {}
    assert held[1] == {"negated": True}
    assert held[2].get("family") is True


def test_attribute_is_set_and_taken_away_on_a_span(layer: AnnotationSet) -> None:
    span_id = create(layer, "fiebre", "FINDING", attributes=())
    send(layer, "attribute", span_id=span_id, attributes=("historical", "negated"))
    assert layer.spans.get().attributes == {"negated": True, "historical": True}
    undo_and_redo(layer)
    send(layer, "attribute", span_id=span_id, attributes=())
    assert layer.spans.get().attributes == {}
    # Moving or relabelling keeps what the person said.
    send(layer, "attribute", span_id=span_id, attributes=("family",))
    send(layer, "relabel", span_id=span_id, label="DURATION")
    span = layer.spans.get()
    assert (span.attributes, span.origin) == ({"family": True}, Origin.MANUAL)


def test_attribute_of_a_suggestion_accepts_it(layer: AnnotationSet) -> None:
    suggestion = suggest(layer.note, "tos", "FINDING")
    send(
        layer,
        "attribute",
        suggestion_id=suggestion.pk,
        span_id=uuid.uuid4(),
        attributes=("hypothetical",),
    )
    span = layer.spans.get()
    assert span.attributes == {"hypothetical": True}
    assert (span.origin, span.suggestion_id) == (Origin.ACCEPTED, suggestion.pk)
    # Setting it again leaves the decision as it is.
    send(layer, "attribute", span_id=span.pk, attributes=("negated",))
    assert layer.spans.get().origin == Origin.ACCEPTED
    assert layer.decisions.get().kind == DecisionKind.ACCEPTED


def test_unknown_or_missing_attributes_are_refused(layer: AnnotationSet) -> None:
    span_id = create(layer, "fiebre", "FINDING")
    for wrong in (None, ("cured",)):
        with pytest.raises(GestureRefused):
            send(layer, "attribute", span_id=span_id, attributes=wrong)


# Split and merge ---------------------------------------------------------------


def test_split_of_a_span_leaves_two_without_the_blank(layer: AnnotationSet) -> None:
    span_id, right_id = create(layer, "Dolor torácico", "FINDING"), uuid.uuid4()
    send(
        layer,
        "split",
        span_id=span_id,
        other_span_id=right_id,
        at_char=6,
        surface="Dolor torácico",
    )
    assert spans(layer) == [("Dolor", "FINDING"), ("torácico", "FINDING")]
    assert {span.pk for span in layer.spans.all()} == {span_id, right_id}
    undo_and_redo(layer)
    send(layer, "undo")
    assert spans(layer) == [("Dolor torácico", "FINDING")]


def test_split_of_a_suggestion_corrects_it(layer: AnnotationSet) -> None:
    suggestion = suggest(layer.note, "Dolor torácico con fiebre", "FINDING")
    send(
        layer,
        "split",
        suggestion_id=suggestion.pk,
        span_id=uuid.uuid4(),
        other_span_id=uuid.uuid4(),
        at_char=15,
        surface="Dolor torácico con fiebre",
    )
    assert spans(layer) == [
        ("Dolor torácico", "FINDING"),
        ("con fiebre", "FINDING"),
    ]
    assert layer.decisions.get().kind == DecisionKind.CORRECTED
    undo_and_redo(layer)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"at_char": 0}, "nothing"),
        ({"at_char": 14}, "nothing"),
        ({"at_char": None}, "nothing"),
        ({"at_char": 3}, "token"),
        ({"surface": "Dolor"}, "surface"),
        ({"other_span_id": None}, "span id"),
    ],
)
def test_split_that_makes_no_two_marks_is_refused(
    layer: AnnotationSet, fields: dict[str, Any], reason: str
) -> None:
    span_id = create(layer, "Dolor torácico", "FINDING")
    sent = {
        "span_id": span_id,
        "other_span_id": uuid.uuid4(),
        "at_char": 6,
        "surface": "Dolor torácico",
    }
    with pytest.raises(SpanRefused, match=reason):
        send(layer, "split", **(sent | fields))
    assert spans(layer) == [("Dolor torácico", "FINDING")]


def test_split_inside_a_word_needs_to_be_exact(layer: AnnotationSet) -> None:
    span_id = create(layer, "torácico", "FINDING")
    send(
        layer,
        "split",
        span_id=span_id,
        other_span_id=uuid.uuid4(),
        at_char=10,
        surface="torácico",
        exact=True,
    )
    assert spans(layer) == [("torá", "FINDING"), ("cico", "FINDING")]


@pytest.mark.parametrize("kinds", ["spans", "suggestions", "span and suggestion"])
def test_merge_makes_one_mark_of_neighbours(layer: AnnotationSet, kinds: str) -> None:
    sent: dict[str, Any] = {"span_id": uuid.uuid4()}
    if kinds == "suggestions":
        sent["suggestion_id"] = suggest(layer.note, "Dolor", "FINDING").pk
    else:
        sent["span_id"] = create(layer, "Dolor", "FINDING")
    if kinds == "spans":
        sent["other_span_id"] = create(layer, "torácico", "FINDING")
    else:
        other = suggest(layer.note, "torácico", "FINDING")
        sent["other_suggestion_id"] = other.pk
    send(layer, "merge", start_char=0, end_char=14, surface="Dolor torácico", **sent)
    assert spans(layer) == [("Dolor torácico", "FINDING")]
    assert layer.spans.get().pk == sent["span_id"]
    assert set(layer.decisions.values_list("kind", flat=True)) <= {"corrected"}
    undo_and_redo(layer)


def test_merge_of_nested_spans_keeps_the_outer_range(layer: AnnotationSet) -> None:
    outer = create(layer, "Dolor torácico", "FINDING")
    inner = create(layer, "torácico", "FINDING")
    place = {"start_char": 0, "end_char": 14, "surface": "Dolor torácico"}
    for first, second in ((outer, inner), (inner, outer)):
        send(layer, "merge", span_id=first, other_span_id=second, **place)
        assert spans(layer) == [("Dolor torácico", "FINDING")]
        undo_and_redo(layer)
        send(layer, "undo")
        assert len(spans(layer)) == 2


def test_merge_is_for_neighbours_of_one_label(layer: AnnotationSet) -> None:
    first = create(layer, "Dolor", "FINDING")
    second = create(layer, "torácico", "DURATION")
    far = create(layer, "fiebre", "FINDING")
    place = {"start_char": 0, "end_char": 14, "surface": "Dolor torácico"}
    with pytest.raises(GestureRefused):
        send(layer, "merge", span_id=first, other_span_id=second, **place)
    with pytest.raises(GestureRefused):
        send(layer, "merge", span_id=first, other_span_id=first, **place)
    with pytest.raises(SpanRefused, match="side by side"):
        send(
            layer,
            "merge",
            span_id=first,
            other_span_id=far,
            start_char=0,
            end_char=25,
            surface="Dolor torácico con fiebre",
        )
    with pytest.raises(TargetGone):
        send(layer, "merge", span_id=first, other_span_id=uuid.uuid4(), **place)


# Several ---------------------------------------------------------------


def test_accept_all_takes_those_that_were_counted(layer: AnnotationSet) -> None:
    wanted = [suggest(layer.note, "fiebre", "FINDING", n) for n in range(2)]
    suggest(layer.note, "tos", "FINDING")
    send(layer, "accept_all", suggestion_ids=tuple(s.pk for s in wanted))
    assert spans(layer) == [("fiebre", "FINDING")] * 2
    undo_and_redo(layer)


def test_flag_is_put_and_taken_away(layer: AnnotationSet) -> None:
    send(layer, "flag")
    undo_and_redo(layer)
    layer.refresh_from_db()
    assert layer.is_flagged
    send(layer, "flag")
    layer.refresh_from_db()
    assert not layer.is_flagged


# Propagate ---------------------------------------------------------------


def source(note: Note, mention: str) -> dict[str, Any]:
    start, end = at(note, mention)
    return {"start_char": start, "end_char": end, "surface": mention}


def test_preview_finds_other_case_accents_and_number(layer: AnnotationSet) -> None:
    note = layer.note
    start, end = at(note, "fiebre")
    found = same_mentions(
        note=note,
        annotation_set=layer,
        start_char=start,
        end_char=end,
        label="FINDING",
    )
    assert [place.mention for place in found.places] == ["fiebre", "Fiebres"]
    assert all(place.is_ticked for place in found.places)
    start, end = at(note, "cancer")
    (place,) = same_mentions(
        note=note, annotation_set=layer, start_char=start, end_char=end, label="X"
    ).places
    assert (place.before[-5:], place.mention, place.after[:4]) == (
        "tuvo ",
        "cáncer",
        "; un",
    )


def test_propagate_labels_accepts_corrects_and_relabels(layer: AnnotationSet) -> None:
    note = layer.note
    places = [at(note, "fiebre"), at(note, "fiebre", 1), at(note, "Fiebres")]
    create(layer, "fiebre", "FINDING")
    wrong = suggest(note, "fiebre", "DURATION", 1)
    send(
        layer,
        "propagate",
        label="FINDING",
        places=tuple(places),
        **source(note, "fiebre"),
    )
    assert spans(layer) == [
        ("fiebre", "FINDING"),
        ("fiebre", "FINDING"),
        ("Fiebres", "FINDING"),
    ]
    made = layer.spans.order_by("start_char")
    assert [s.origin for s in made] == ["manual", "corrected", "propagated"]
    # Each place has its own context.
    assert [bool(s.attributes.get("negated")) for s in made] == [False, True, False]
    assert layer.decisions.get(suggestion=wrong).kind == DecisionKind.CORRECTED
    undo_and_redo(layer)
    send(
        layer,
        "propagate",
        label="DURATION",
        places=tuple(places),
        **source(note, "fiebre"),
    )
    assert {label for _, label in spans(layer)} == {"DURATION"}
    undo_and_redo(layer)


def test_propagate_of_no_entity_rejects_and_deletes(layer: AnnotationSet) -> None:
    note = layer.note
    create(layer, "fiebre", "FINDING")
    waiting = suggest(note, "fiebre", "FINDING", 1)
    send(
        layer,
        "propagate",
        places=(at(note, "fiebre"), at(note, "fiebre", 1)),
        **source(note, "fiebre"),
    )
    assert spans(layer) == []
    assert layer.decisions.get().suggestion_id == waiting.pk
    undo_and_redo(layer)


def test_propagate_to_another_word_or_half_a_word_is_refused(
    layer: AnnotationSet,
) -> None:
    note = layer.note
    for place in (at(note, "tos"), (55, 61), (0, 10_000)):
        with pytest.raises(SpanRefused):
            send(
                layer,
                "propagate",
                label="FINDING",
                places=(place,),
                **source(note, "fiebre"),
            )
    assert spans(layer) == []


# Propagate to other notes ------------------------------------------------------


@pytest.fixture
def annotator(layer: AnnotationSet) -> User:
    assert layer.annotator is not None
    return layer.annotator


def elsewhere(layer: AnnotationSet, annotator: User) -> dict[str, Any]:
    found = same_in_project(
        note=layer.note,
        annotator=annotator,
        start_char=at(layer.note, "fiebre")[0],
        end_char=at(layer.note, "fiebre")[1],
        label="FINDING",
    )
    return {
        "label": "FINDING",
        "elsewhere": tuple(
            (row.note.pk, tuple((p.start_char, p.end_char) for p in row.places))
            for row in found
        ),
        **source(layer.note, "fiebre"),
    }


def test_project_preview_is_the_persons_open_queue(
    layer: AnnotationSet, annotator: User
) -> None:
    project = layer.note.project
    wanted = make_note(project, "Tuvo FIEBRE.")
    make_note(project, "Sin nada.")
    make_note(project, "Fiebre guardada.", split=Split.TEST)
    make_note(project, "Fiebre saltada.", state=NoteState.SKIPPED)
    taken = make_note(project, "Fiebre de otra persona.")
    open_set(note=taken, annotator=make_member(project))
    done = open_set(note=make_note(project, "Fiebre ya enviada."), annotator=annotator)
    submit_set(annotation_set=done, actor=annotator)
    found = elsewhere(layer, annotator)["elsewhere"]
    assert found == ((wanted.pk, ((5, 11),)),)


def test_propagating_over_the_project_is_one_step_back_and_forth(
    layer: AnnotationSet, annotator: User
) -> None:
    project = layer.note.project
    others = [make_note(project, f"Fiebre y tos, {n}.") for n in range(3)]
    outcome = send(
        layer,
        "propagate",
        places=(at(layer.note, "Fiebres"),),
        **elsewhere(layer, annotator),
    )
    assert outcome.n_elsewhere == 3

    def marked() -> list[list[tuple[str, str]]]:
        sets = [AnnotationSet.objects.get(note=n, annotator=annotator) for n in others]
        return [spans(one) for one in sets]

    assert spans(layer) == [("Fiebres", "FINDING")]
    assert marked() == [[("Fiebre", "FINDING")]] * 3
    assert send(layer, "undo").n_elsewhere == 3
    assert (spans(layer), marked()) == ([], [[], [], []])
    assert send(layer, "redo").n_elsewhere == 3
    assert marked() == [[("Fiebre", "FINDING")]] * 3

    # What was done since, and what was submitted, stays.
    own = [AnnotationSet.objects.get(note=n, annotator=annotator) for n in others]
    create(own[0], "tos", "FINDING")
    send(own[1], "relabel", span_id=own[1].spans.get().pk, label="DURATION")
    own[2].note = others[2]
    submit_set(annotation_set=own[2], actor=annotator)
    assert own[2].state == SetState.SUBMITTED
    assert send(layer, "undo").n_elsewhere == 1
    assert marked() == [
        [("tos", "FINDING")],
        [("Fiebre", "DURATION")],
        [("Fiebre", "FINDING")],
    ]
    send(layer, "redo")
    assert marked()[0] == [("Fiebre", "FINDING"), ("tos", "FINDING")]
    # In the other note every step can be taken back as well.
    for _ in range(4):
        send(own[0], "undo")
    assert spans(own[0]) == []


def test_undo_in_the_other_note_leaves_the_first_alone(
    layer: AnnotationSet, annotator: User
) -> None:
    other = make_note(layer.note.project, "Fiebre.")
    send(
        layer,
        "propagate",
        places=(at(layer.note, "fiebre"),),
        **elsewhere(layer, annotator),
    )
    own = AnnotationSet.objects.get(note=other, annotator=annotator)
    send(own, "undo")
    assert (spans(own), len(spans(layer))) == ([], 1)
    assert send(layer, "undo").n_elsewhere == 0


def test_replay_of_a_propagation_changes_nothing_twice(
    layer: AnnotationSet, annotator: User
) -> None:
    other = make_note(layer.note.project, "Fiebre.")
    sent = elsewhere(layer, annotator) | {
        "client_event_id": uuid.uuid4(),
        "base_revision": 0,
    }
    send(layer, "propagate", **sent)
    assert send(layer, "propagate", **sent).is_replay
    assert AnnotationSet.objects.get(note=other, annotator=annotator).revision == 1
