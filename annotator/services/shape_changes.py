"""One mark becomes two, or two become one."""

from __future__ import annotations

from annotator.enums import DecisionKind, Origin
from annotator.exceptions import GestureRefused, SpanRefused
from annotator.models import AnnotationSet, Span
from annotator.selectors.mentions import on_token_edges
from annotator.selectors.positions import crosses_turn
from annotator.services import attributes
from annotator.services.ledger_changes import (
    Change,
    Gesture,
    Target,
    checked_range,
    find_target,
    fold_cr,
    new_span_id,
    refuse_twin,
    snapshot,
    span_target,
    suggestion_target,
)

# What may stand between two marks that are one mention: a blank, a hyphen, a comma.
_MAX_GAP = 3


def split(annotation_set: AnnotationSet, gesture: Gesture) -> list[Change]:
    """Cut a mark in two at ``at_char``; blanks beside the cut belong to neither.

    The left part keeps the mark's id and source, the right one is a new span.
    """
    target = find_target(annotation_set, gesture)
    note, left = annotation_set.note, target.span
    start, end = left.start_char, left.end_char
    at = gesture.at_char or 0
    if fold_cr(note.text[start:end]) != fold_cr(gesture.surface or ""):
        raise _refused(annotation_set, "surface differs", start, end)
    first, second = note.text[start:at], note.text[at:end]
    if not (start < at < end and first.strip() and second.strip()):
        raise _refused(annotation_set, "nothing to cut off", start, end)
    left.end_char = start + len(first.rstrip())
    right = Span(
        start_char=end - len(second.lstrip()),
        end_char=end,
        label=left.label,
        origin=Origin.MANUAL,
    )
    for part in (left, right):
        _check_edges(annotation_set, part, is_exact=gesture.exact)
        refuse_twin(annotation_set, part)
    right.id = new_span_id(annotation_set, gesture.other_span_id, right)
    if right.id == left.id:
        raise _refused(annotation_set, "span id missing or taken", start, end)
    right.attributes = dict(left.attributes)
    if target.before is None:
        left.attributes = attributes.guess(
            note, left.start_char, left.end_char, left.label
        )
        right.attributes = attributes.guess(
            note, right.start_char, right.end_char, right.label
        )
    return [target.becomes(), Change(after=snapshot(right))]


def merge(annotation_set: AnnotationSet, gesture: Gesture) -> list[Change]:
    """Make one mark of two of one label that overlap or stand side by side.

    The first keeps its id; its range becomes that of both.
    """
    target = find_target(annotation_set, gesture)
    other = _other(annotation_set, gesture)
    first, second = sorted(
        (target.span, other.span), key=lambda span: (span.start_char, span.end_char)
    )
    start, end = first.start_char, max(first.end_char, second.end_char)
    gap = annotation_set.note.text[first.end_char : second.start_char]
    is_one = target.before == other.before and target.suggestion == other.suggestion
    if is_one or first.label_id != second.label_id:
        raise GestureRefused("only two marks of one label can be merged")
    if len(gap) > _MAX_GAP or any(map(str.isalnum, gap)):
        raise _refused(annotation_set, "not side by side", start, end)
    if checked_range(annotation_set, gesture) != (start, end):
        raise _refused(annotation_set, "not the range of both", start, end)
    merged = target.span
    if target.before is None:
        merged.attributes = attributes.guess(
            annotation_set.note, start, end, merged.label
        )
    merged.attributes = {**merged.attributes, **other.span.attributes}
    merged.start_char, merged.end_char = start, end
    is_other = (start, end) == (other.span.start_char, other.span.end_char)
    if not (is_other and other.before is not None):
        # The other one goes: a mark of its very range is no twin.
        _refuse_new_twin(annotation_set, target)
    if target.suggestion is None:
        merged.origin = Origin.MANUAL
    return [other.goes(DecisionKind.CORRECTED), target.becomes()]


def _other(annotation_set: AnnotationSet, gesture: Gesture) -> Target:
    if gesture.other_suggestion_id is None:
        return span_target(annotation_set, gesture.other_span_id)
    return suggestion_target(annotation_set, gesture.other_suggestion_id)


def _refuse_new_twin(annotation_set: AnnotationSet, target: Target) -> None:
    """Refuse a twin, but let the mark grow to the range that it has already."""
    span, before = target.span, target.before
    place = (span.start_char, span.end_char)
    if before is None or place != (before["start_char"], before["end_char"]):
        refuse_twin(annotation_set, span)


def _check_edges(annotation_set: AnnotationSet, span: Span, *, is_exact: bool) -> None:
    start, end = span.start_char, span.end_char
    if not is_exact and not on_token_edges(annotation_set.note.tokens, start, end):
        raise _refused(annotation_set, "not on token edges", start, end)
    if crosses_turn(annotation_set.note.turns, start, end):
        raise _refused(annotation_set, "crosses a turn", start, end)


def _refused(
    annotation_set: AnnotationSet, reason: str, start: int, end: int
) -> SpanRefused:
    return SpanRefused(
        reason, note_id=annotation_set.note_id, start_char=start, end_char=end
    )
