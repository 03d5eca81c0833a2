"""One gesture, many marks: accepting several and propagating a decision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import uuid5

from annotator.enums import DecisionKind, Origin
from annotator.exceptions import SpanRefused
from annotator.models import AnnotationSet, Label, Note, Span, Suggestion
from annotator.selectors.mentions import is_same, on_token_edges
from annotator.selectors.review import visible_suggestions
from annotator.services import attributes
from annotator.services.ledger_changes import (
    NO_SPAN,
    Change,
    Gesture,
    Range,
    Target,
    checked_range,
    decision,
    label_of,
    snapshot,
    span_from,
)


def accept_all(annotation_set: AnnotationSet, gesture: Gesture) -> list[Change]:
    """Accept what is at least as sure as the threshold; of one range the surest."""
    waiting = (
        visible_suggestions(note=annotation_set.note, annotation_set=annotation_set)
        .select_related("label")
        .filter(confidence__gte=gesture.threshold or 0.0)
    )
    if gesture.label:
        waiting = waiting.filter(label=label_of(annotation_set, gesture.label))
    wanted = gesture.suggestion_ids
    surest: dict[Range, Suggestion] = {}
    for suggestion in waiting:
        place = (suggestion.start_char, suggestion.end_char)
        if wanted is not None and suggestion.pk not in wanted:
            continue
        if place not in surest or suggestion.confidence > surest[place].confidence:
            surest[place] = suggestion
    changes: list[Change] = []
    for suggestion in surest.values():
        span_id = uuid5(gesture.client_event_id, str(suggestion.pk))
        span = span_from(suggestion, span_id)
        span.attributes = attributes.guess(
            annotation_set.note, span.start_char, span.end_char, span.label
        )
        changes.append(decision(suggestion, snapshot(span), DecisionKind.ACCEPTED))
    return changes


def propagate(annotation_set: AnnotationSet, gesture: Gesture) -> list[Change]:
    """Decide alike about the places of this note that read as the mention in hand."""
    start, end = checked_range(annotation_set, gesture)
    mention = annotation_set.note.text[start:end]
    label = label_of(annotation_set, gesture.label) if gesture.label else None
    return decide_places(
        annotation_set,
        places=gesture.places,
        mention=mention,
        label=label,
        gesture=gesture,
    )


def decide_places(
    annotation_set: AnnotationSet,
    *,
    places: Iterable[Range],
    mention: str,
    label: Label | None,
    gesture: Gesture,
) -> list[Change]:
    """Return the changes that give each place the label, or make it no entity.

    With a label, a span of exactly that range is relabelled, else a suggestion is
    accepted or corrected, else a span is made. Without one, spans and suggestions of
    exactly that range go. A place that has what is wanted is left alone.
    """
    note = annotation_set.note
    spans = _spans_by_range(annotation_set)
    waiting = _waiting_by_range(annotation_set)
    changes: list[Change] = []
    for place in sorted(set(places)):
        _check_place(note, place, mention)
        here = [spans.get(place, []), waiting.get(place, [])]
        if label is None:
            marks = [*here[0], *here[1]]
            changes += [mark.goes(DecisionKind.REJECTED) for mark in marks]
        elif not any(mark.span.label_id == label.pk for mark in here[0]):
            changes.append(_labelled(note, place, label, gesture, *here))
    return changes


def _labelled(
    note: Note,
    place: Range,
    label: Label,
    gesture: Gesture,
    spans: Sequence[Target],
    waiting: Sequence[Target],
) -> Change:
    """Give one place the label, from what is there."""
    if spans:
        target = spans[0]
        target.span.label = label
        if target.suggestion is None:
            target.span.origin = Origin.PROPAGATED
        return target.becomes()
    # Of several suggestions the one that says the same, else the surest.
    by_fit = sorted(waiting, key=lambda mark: _fit(mark, label))
    new_id = uuid5(gesture.client_event_id, f"{note.pk}:{place[0]}:{place[1]}")
    guessed = attributes.guess(note, *place, label)
    if by_fit:
        target = by_fit[0]
        target.span.id, target.span.label = new_id, label
        target.span.attributes = guessed
        return target.becomes()
    span = Span(
        id=new_id,
        start_char=place[0],
        end_char=place[1],
        label=label,
        origin=Origin.PROPAGATED,
        attributes=guessed,
    )
    return Change(after=snapshot(span))


def _fit(mark: Target, label: Label) -> tuple[bool, float]:
    confidence = mark.suggestion.confidence if mark.suggestion else 0.0
    return (mark.span.label_id != label.pk, -confidence)


def _check_place(note: Note, place: Range, mention: str) -> None:
    """Refuse a place that does not read as the mention: nobody saw it as the same."""
    start, end = place
    surface = note.text[start:end]
    if not is_same(surface, mention, note.language) or not on_token_edges(
        note.tokens, start, end
    ):
        raise SpanRefused(
            "not the same mention", note_id=note.pk, start_char=start, end_char=end
        )


def _spans_by_range(annotation_set: AnnotationSet) -> dict[Range, list[Target]]:
    said = dict(annotation_set.decisions.values_list("suggestion", "kind"))
    found: dict[Range, list[Target]] = defaultdict(list)
    for span in annotation_set.spans.select_related("label", "suggestion"):
        target = Target(
            span,
            snapshot(span),
            span.suggestion,
            said.get(span.suggestion_id, "") if span.suggestion_id else "",
        )
        found[span.start_char, span.end_char].append(target)
    return found


def _waiting_by_range(annotation_set: AnnotationSet) -> dict[Range, list[Target]]:
    waiting = visible_suggestions(
        note=annotation_set.note, annotation_set=annotation_set
    ).select_related("label")
    found: dict[Range, list[Target]] = defaultdict(list)
    for suggestion in waiting:
        target = Target(span_from(suggestion, NO_SPAN), None, suggestion)
        found[suggestion.start_char, suggestion.end_char].append(target)
    return found
