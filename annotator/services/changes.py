"""What each gesture changes: spans, decisions on suggestions, rows of the ledger.

`services.gestures` calls these inside its transaction, once the gesture owns the next
revision.
"""

from __future__ import annotations

from collections.abc import Sequence

from annotator.enums import Action, DecisionKind, Origin
from annotator.exceptions import GestureRefused, NothingToUndo, UnknownLabel
from annotator.models import AnnotationSet, Label, Span
from annotator.selectors.ledger import events_of_revision, ledger_position
from annotator.services import attributes
from annotator.services.bulk_changes import accept_all, propagate
from annotator.services.ledger_changes import (
    Change,
    Gesture,
    Plan,
    Target,
    change_of_event,
    checked_attributes,
    checked_range,
    find_target,
    label_of,
    new_span_id,
    refuse_twin,
    snapshot,
)
from annotator.services.shape_changes import merge, split


def plan_changes(annotation_set: AnnotationSet, gesture: Gesture) -> Plan:
    """Work out what the gesture changes, or refuse it."""
    if gesture.action in (Action.UNDO, Action.REDO):
        return _plan_undo(annotation_set, is_undo=gesture.action == Action.UNDO)
    if gesture.action == Action.FLAG:
        return Plan([Change(toggles_flag=True)])
    if gesture.action == Action.CREATE:
        return Plan([_create(annotation_set, gesture)])
    if gesture.action in _SEVERAL:
        return Plan(_SEVERAL[gesture.action](annotation_set, gesture))
    return Plan([_edit(annotation_set, gesture)])


_SEVERAL = {
    Action.ACCEPT_ALL.value: accept_all,
    Action.PROPAGATE.value: propagate,
    Action.SPLIT.value: split,
    Action.MERGE.value: merge,
}


def _create(annotation_set: AnnotationSet, gesture: Gesture) -> Change:
    start, end = checked_range(annotation_set, gesture)
    span = Span(
        start_char=start,
        end_char=end,
        label=label_of(annotation_set, gesture.label),
        origin=Origin.MANUAL,
    )
    refuse_twin(annotation_set, span)
    span.id = new_span_id(annotation_set, gesture.span_id, span)
    span.attributes = _attributes_of(annotation_set, gesture, span)
    return Change(after=snapshot(span))


def _edit(annotation_set: AnnotationSet, gesture: Gesture) -> Change:
    """Decide about a suggestion, or relabel, move or delete a span of the set."""
    target = find_target(annotation_set, gesture)
    if gesture.action == Action.REJECT or (
        gesture.action == Action.DELETE and target.before is not None
    ):
        # Whoever deletes an accepted suggestion says that it is no entity.
        return target.goes(DecisionKind.REJECTED)
    span = target.span
    if gesture.action == Action.RELABEL:
        span.label = label_of(annotation_set, gesture.label)
    elif gesture.action == Action.REBOUND:
        span.start_char, span.end_char = checked_range(annotation_set, gesture)
    elif not _fits(gesture, target):
        raise GestureRefused(f"{gesture.action} is not for this mark")
    if target.before is None or gesture.action != Action.ATTRIBUTE:
        refuse_twin(annotation_set, span)
    if target.before is None or gesture.action == Action.ATTRIBUTE:
        span.attributes = _attributes_of(annotation_set, gesture, span)
    if target.suggestion is None and gesture.action != Action.ATTRIBUTE:
        span.origin = Origin.MANUAL
    return target.becomes()


def _fits(gesture: Gesture, target: Target) -> bool:
    """Tell whether the action leaves range and label of the mark as they are."""
    if gesture.action == Action.ATTRIBUTE:
        return gesture.attributes is not None
    return gesture.action == Action.ACCEPT and target.before is None


def _attributes_of(
    annotation_set: AnnotationSet, gesture: Gesture, span: Span
) -> dict[str, bool]:
    """Return what the person said of the context, else what the rules guess."""
    if gesture.attributes is not None:
        return checked_attributes(gesture.attributes)
    return attributes.guess(
        annotation_set.note, span.start_char, span.end_char, span.label
    )


def _plan_undo(annotation_set: AnnotationSet, *, is_undo: bool) -> Plan:
    position = ledger_position(annotation_set)
    target = position.undo if is_undo else position.redo
    if target is None:
        raise NothingToUndo(f"annotation set {annotation_set.pk}: nothing is left")
    changes = [change_of_event(e) for e in events_of_revision(annotation_set, target)]
    if is_undo:
        changes = [change.reversed() for change in reversed(changes)]
    check_labels(annotation_set, changes)
    return Plan(changes, target)


def check_labels(annotation_set: AnnotationSet, changes: Sequence[Change]) -> None:
    """Refuse to bring back a span whose label was deleted meanwhile."""
    wanted = {c.after["label_id"]: c.after["label"] for c in changes if c.after}
    known = set(Label.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    for label_id, name in wanted.items():
        if label_id not in known:
            raise UnknownLabel(name, project_id=annotation_set.note.project_id)
