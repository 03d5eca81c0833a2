"""What all gestures share: their shape, the pairs of snapshots they write, the checks.

A change is a pair (before, after) of one span and of what was said of its suggestion;
undo is the same pair turned round. `services.changes` and the modules it calls plan
such changes, `services.gestures` writes them with their rows of the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from annotator.enums import Action, Attribute, DecisionKind, Origin
from annotator.exceptions import GestureRefused, SpanRefused, TargetGone, UnknownLabel
from annotator.models import (
    AnnotationSet,
    Label,
    Span,
    SpanEvent,
    Suggestion,
    SuggestionDecision,
)
from annotator.selectors.mentions import on_token_edges
from annotator.selectors.positions import crosses_turn
from annotator.selectors.review import visible_suggestions

Snapshot = dict[str, Any]
Range = tuple[int, int]
# Names no span: of a gesture without an id, of a suggestion that is none yet.
NO_SPAN = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Gesture:
    """One decision of a person, as the browser or the API sends it.

    ``span_id`` names the span that is changed, or the new one: the client makes it.
    ``suggestion_id`` stands alone in accept and reject; in relabel, rebound, split,
    merge and attribute it names the suggestion that the new span ``span_id`` corrects.
    ``exact`` allows edges inside a token. ``active_seconds`` is the time spent since
    the gesture before.

    split: ``at_char`` is where the right part begins, ``other_span_id`` names it.
    merge: ``other_span_id`` or ``other_suggestion_id`` is merged into the first.
    attribute: ``attributes`` are all that hold now. accept_all: ``suggestion_ids``
    are those that the person saw counted. propagate: the range is the mention in hand,
    ``label`` what its like become (None: no entity), ``places`` where in this note and
    ``elsewhere`` in which others, by the note's id.
    """

    client_event_id: UUID
    base_revision: int
    action: str
    span_id: UUID | None = None
    suggestion_id: int | None = None
    start_char: int | None = None
    end_char: int | None = None
    label: str | None = None
    surface: str | None = None
    threshold: float | None = None
    exact: bool = False
    active_seconds: int = 0
    at_char: int | None = None
    other_span_id: UUID | None = None
    other_suggestion_id: int | None = None
    attributes: tuple[str, ...] | None = None
    suggestion_ids: tuple[int, ...] | None = None
    places: tuple[Range, ...] = ()
    elsewhere: tuple[tuple[int, tuple[Range, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the ledger to be."""

    before: Snapshot | None = None
    after: Snapshot | None = None
    suggestion: Suggestion | None = None
    decision_before: str = ""
    decision_after: str = ""
    confidence: float | None = None
    model_version_id: int | None = None
    # A flag is its own opposite: done twice it is undone.
    toggles_flag: bool = False

    def reversed(self) -> Change:
        """Return the change that takes this one back."""
        return replace(
            self,
            before=self.after,
            after=self.before,
            decision_before=self.decision_after,
            decision_after=self.decision_before,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes of a gesture; for undo and redo also whose changes they are."""

    changes: list[Change] = field(default_factory=list)
    target_revision: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The mark that a gesture names: a span of the set or a suggestion that waits."""

    span: Span
    before: Snapshot | None
    suggestion: Suggestion | None
    decision_before: str = ""

    def becomes(self) -> Change:
        """Return the change to what ``span`` was made into."""
        if self.suggestion is None:
            return Change(before=self.before, after=snapshot(self.span))
        kind = kind_of(self.span, self.suggestion)
        self.span.origin = Origin(kind)
        return replace(
            decision(self.suggestion, snapshot(self.span), kind),
            before=self.before,
            decision_before=self.decision_before,
        )

    def goes(self, kind: DecisionKind) -> Change:
        """Return the change that takes the mark away; *kind* is said of its source."""
        if self.suggestion is None:
            return Change(before=self.before)
        return replace(
            decision(self.suggestion, None, kind),
            before=self.before,
            decision_before=self.decision_before,
        )


def find_target(annotation_set: AnnotationSet, gesture: Gesture) -> Target:
    """Return the mark that ``suggestion_id`` or ``span_id`` names."""
    if gesture.suggestion_id is None:
        return span_target(annotation_set, gesture.span_id)
    target = suggestion_target(annotation_set, gesture.suggestion_id)
    if gesture.action != Action.REJECT:
        target.span.id = new_span_id(annotation_set, gesture.span_id, target.span)
    return target


def span_target(annotation_set: AnnotationSet, span_id: UUID | None) -> Target:
    span = (
        annotation_set.spans.select_related("label", "suggestion")
        .filter(pk=span_id or NO_SPAN)
        .first()
    )
    if span is None:
        raise TargetGone(f"span {span_id} is not in the set")
    said = decision_kind(annotation_set, span.suggestion)
    return Target(span, snapshot(span), span.suggestion, said)


def suggestion_target(annotation_set: AnnotationSet, suggestion_id: int) -> Target:
    """Return a suggestion as the span that it would become, without an id yet."""
    suggestion = (
        visible_suggestions(note=annotation_set.note, annotation_set=annotation_set)
        .select_related("label")
        .filter(pk=suggestion_id)
        .first()
    )
    if suggestion is None:
        raise TargetGone(f"suggestion {suggestion_id} is not waiting")
    return Target(span_from(suggestion, NO_SPAN), None, suggestion)


def span_from(suggestion: Suggestion, span_id: UUID) -> Span:
    """Return the span that a suggestion becomes; it is not saved."""
    return Span(
        id=span_id,
        start_char=suggestion.start_char,
        end_char=suggestion.end_char,
        label=suggestion.label,
        origin=Origin.ACCEPTED,
        suggestion=suggestion,
    )


# Snapshots and writing --------------------------------------------------------------


def snapshot(span: Span) -> Snapshot:
    """Return the span as the ledger keeps it; the label by name and by id."""
    return {
        "id": str(span.pk),
        "start_char": span.start_char,
        "end_char": span.end_char,
        "label": span.label.name,
        "label_id": span.label_id,
        "origin": str(span.origin),
        "suggestion": span.suggestion_id,
        "attributes": dict(span.attributes),
    }


def change_of_event(event: SpanEvent) -> Change:
    """Read a change back from the ledger; its suggestion may be gone since."""
    suggestion = event.suggestion
    states = [event.before, event.after]
    if suggestion is None:
        states = [state and {**state, "suggestion": None} for state in states]
    return Change(
        before=states[0],
        after=states[1],
        suggestion=suggestion,
        decision_before=event.decision_before,
        decision_after=event.decision_after,
        confidence=event.confidence,
        model_version_id=event.model_version_id,
        toggles_flag=event.action == Action.FLAG,
    )


def write_changes(annotation_set: AnnotationSet, changes: Sequence[Change]) -> None:
    """Bring spans, decisions and the flag to the state after the changes.

    Moves come before births: a split or a merge taken back puts two spans where the
    database allows one, unless the one that stays has moved already.
    """
    gone = [c.before["id"] for c in changes if c.before and not c.after]
    if gone:
        Span.objects.filter(annotation_set=annotation_set, pk__in=gone).delete()
    for change in changes:
        if change.before and change.after:
            _span_of(annotation_set, change.after).save(force_update=True)
    Span.objects.bulk_create(
        _span_of(annotation_set, c.after) for c in changes if c.after and not c.before
    )
    _write_decisions(annotation_set, changes)
    if any(change.toggles_flag for change in changes):
        # The row is locked since the revision was taken: read what it holds now.
        annotation_set.refresh_from_db(fields=["is_flagged"])
        annotation_set.is_flagged = not annotation_set.is_flagged
        annotation_set.save(update_fields=["is_flagged"])


def _span_of(annotation_set: AnnotationSet, state: Snapshot) -> Span:
    """Make the row of a snapshot, also of one that the ledger kept for long."""
    return Span(
        id=UUID(state["id"]),
        annotation_set=annotation_set,
        start_char=state["start_char"],
        end_char=state["end_char"],
        label_id=state["label_id"],
        origin=state["origin"],
        suggestion_id=state["suggestion"],
        attributes=state["attributes"],
    )


def _write_decisions(annotation_set: AnnotationSet, changes: Sequence[Change]) -> None:
    moved = [
        change
        for change in changes
        if change.suggestion is not None
        and change.decision_before != change.decision_after
    ]
    if not moved:
        return
    # What nothing was said of has no row to go.
    said = [change.suggestion for change in moved if change.decision_before]
    if said:
        SuggestionDecision.objects.filter(
            annotation_set=annotation_set, suggestion__in=said
        ).delete()
    SuggestionDecision.objects.bulk_create(
        SuggestionDecision(
            annotation_set=annotation_set,
            suggestion=change.suggestion,
            kind=change.decision_after,
        )
        for change in moved
        if change.decision_after
    )


# Decisions ---------------------------------------------------------------------------


def kind_of(span: Span, suggestion: Suggestion) -> DecisionKind:
    """Tell whether the span is the suggestion as it was or a correction of it."""
    is_same = (span.start_char, span.end_char, span.label_id) == (
        suggestion.start_char,
        suggestion.end_char,
        suggestion.label_id,
    )
    return DecisionKind.ACCEPTED if is_same else DecisionKind.CORRECTED


def decision_kind(annotation_set: AnnotationSet, suggestion: Suggestion | None) -> str:
    """Return what the person said of the suggestion so far."""
    if suggestion is None:
        return ""
    decisions = annotation_set.decisions.filter(suggestion=suggestion)
    return decisions.values_list("kind", flat=True).first() or ""


def decision(
    suggestion: Suggestion, after: Snapshot | None, kind: DecisionKind
) -> Change:
    return Change(
        after=after,
        suggestion=suggestion,
        decision_after=str(kind),
        confidence=suggestion.confidence,
        model_version_id=suggestion.model_version_id,
    )


# Checks ------------------------------------------------------------------------------


def checked_range(annotation_set: AnnotationSet, gesture: Gesture) -> Range:
    """Return the range if it is what the person saw and lies on token edges."""
    note = annotation_set.note
    start = -1 if gesture.start_char is None else gesture.start_char
    end = -1 if gesture.end_char is None else gesture.end_char
    reason = ""
    if not 0 <= start < end <= note.n_chars:
        reason = "outside the text"
    elif fold_cr(note.text[start:end]) != fold_cr(gesture.surface or ""):
        reason = "surface differs"
    elif not gesture.exact and not on_token_edges(note.tokens, start, end):
        reason = "not on token edges"
    elif not note.text[start:end].strip():
        reason = "blank"
    elif crosses_turn(note.turns, start, end):
        reason = "crosses a turn"
    if reason:
        raise SpanRefused(reason, note_id=note.pk, start_char=start, end_char=end)
    return start, end


def fold_cr(text: str) -> str:
    """Return the text with the line ends that an HTML parser makes."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def label_of(annotation_set: AnnotationSet, name: str | None) -> Label:
    project = annotation_set.note.project
    label = Label.objects.filter(project=project, name=name or "").first()
    if label is None:
        raise UnknownLabel(name or "", project_id=project.pk)
    return label


def refuse_twin(annotation_set: AnnotationSet, span: Span) -> None:
    """Refuse a second span of one range and label; also the change to itself."""
    place = {"start_char": span.start_char, "end_char": span.end_char}
    if annotation_set.spans.filter(label=span.label, **place).exists():
        raise SpanRefused("already marked", note_id=annotation_set.note_id, **place)


def new_span_id(
    annotation_set: AnnotationSet, span_id: UUID | None, span: Span
) -> UUID:
    """Return the client's UUID for a new span, if it is new."""
    if span_id is None or Span.objects.filter(pk=span_id).exists():
        raise SpanRefused(
            "span id missing or taken",
            note_id=annotation_set.note_id,
            start_char=span.start_char,
            end_char=span.end_char,
        )
    return span_id


def checked_attributes(names: Sequence[str]) -> dict[str, bool]:
    """Return attributes as a span holds them: those that hold, in one order."""
    unknown = set(names) - set(Attribute.values)
    if unknown:
        raise GestureRefused(f"no such attribute: {', '.join(sorted(unknown))}")
    return {name: True for name in Attribute.values if name in names}
