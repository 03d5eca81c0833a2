"""What the review page and its answers show, put together from selectors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.utils.translation import get_language

from annotator.enums import NoteState, Role
from annotator.models import AnnotationSet, Label, Note
from annotator.permissions import has_role
from annotator.selectors.awaiting import awaits_suggestions
from annotator.selectors.blocks import (
    Block,
    Mark,
    assign_levels,
    lay_out,
    marks_near,
    touched_blocks,
)
from annotator.selectors.layouts import Layout, layout_of
from annotator.selectors.ledger import ledger_position
from annotator.selectors.notes import UNSURE_BELOW
from annotator.selectors.review import (
    OPEN_NOTE_STATES,
    OPEN_SET_STATES,
    choose_set,
    load_marks,
    progress_of,
)
from annotator.services.annotation_sets import (
    may_unskip,
    refresh_labels_shown,
    skip_refusal,
)
from annotator.services.gestures import Outcome
from annotator.services.key_maps import key_map_of, shown_key
from annotator.services.queue import hands_full, in_other_hands
from annotator.templatetags.review_tags import (
    LabelPaint,
    Paint,
    block_inside,
    mention_list,
    percent,
)
from annotator.validators import whole_number
from annotator.views._access import UserRequest
from annotator.views._htmx import texts_of
from annotator.views._reading import reading_context


@dataclass(frozen=True, slots=True)
class Painting:
    """A note's marks laid out for one set; ``blocks`` are those to be shown.

    ``touched`` are the keys of the marks that a gesture made or moved.
    """

    marks: list[Mark]
    blocks: list[Block]
    paint: Paint
    labels: list[Label]
    touched: list[str]
    layout: Layout

    @property
    def n_undecided(self) -> int:
        return sum(mark.is_suggestion for mark in self.marks)

    @property
    def n_spans(self) -> int:
        return len(self.marks) - self.n_undecided

    @property
    def counts(self) -> dict[str, int]:
        """Return what the page counts: undecided, spans, and both of each label."""
        of_label = Counter(mark.label_id for mark in self.marks)
        labels = {f"label-{one.name}": of_label[one.pk] for one in self.labels}
        undecided = self.n_undecided
        return {
            "undecided": undecided,
            "spans": len(self.marks) - undecided,
            **labels,
        }


def paint_note(
    note: Note,
    annotation_set: AnnotationSet | None,
    *,
    with_suggestions: bool = True,
    current: str = "",
    query: str = "?",
    changed: Sequence[tuple[int, int]] | None = None,
) -> Painting:
    """Lay out the note, or of *changed* ranges the blocks that they touch.

    ``note.tokens`` is read only if a line needs it.
    """
    marks = load_marks(
        note=note, annotation_set=annotation_set, with_suggestions=with_suggestions
    )
    layout = layout_of(note)
    near, only, touched = marks, None, list[str]()
    if changed is not None:
        only = touched_blocks(layout.plans, changed, marks)
        near = marks_near(marks, layout.plans, only)
        ranges = set(changed)
        touched = [m.key for m in near if (m.start_char, m.end_char) in ranges]
    labels = list(note.project.labels.all())
    language = get_language() or "en"
    paint = Paint(
        text=note.text,
        labels={label.pk: LabelPaint.of(label, language) for label in labels},
        levels=assign_levels(near),
        current=current,
        query=query,
        language=note.language,
        guessed=layout.guessed,
    )
    blocks = lay_out(note.text, layout.plans, near, only)
    return Painting(marks, blocks, paint, labels, touched, layout)


def answer_gesture(
    note: Note, annotation_set: AnnotationSet, outcome: Outcome | None
) -> dict[str, Any]:
    """Return what the script swaps: the blocks touched, or all without an outcome."""
    changed = None if outcome is None else outcome.changed_ranges
    painting = paint_note(note, annotation_set, changed=changed)
    blocks = painting.blocks
    position = outcome.position if outcome is not None else None
    if position is None:
        position = ledger_position(annotation_set)
    revision = annotation_set.revision if outcome is None else outcome.revision
    return {
        "revision": revision,
        "counts": painting.counts,
        "blocks": {str(b.plan.index): block_inside(b, painting.paint) for b in blocks},
        "lists": {str(b.plan.index): mention_list(b, painting.paint) for b in blocks},
        "touched": painting.touched,
        "can_undo": position.undo is not None,
        "can_redo": position.redo is not None,
        "is_flagged": annotation_set.is_flagged,
        "n_elsewhere": outcome.n_elsewhere if outcome is not None else 0,
    }


def page_context(request: UserRequest, note: Note, **extra: Any) -> dict[str, Any]:
    """Return the context of the review page for this person.

    What the page shows, an open set has been shown: its labels are brought up to date.
    """
    is_reviewer = has_role(request.user, note.project, Role.REVIEWER)
    asked = whole_number(request.GET.get("set", ""))
    annotation_set = choose_set(
        note=note,
        user=request.user,
        is_reviewer=is_reviewer,
        set_id=asked,
    )
    is_own = annotation_set is None or annotation_set.annotator_id == request.user.pk
    is_open = (
        is_own
        and note.state in OPEN_NOTE_STATES
        and (annotation_set is None or annotation_set.state in OPEN_SET_STATES)
    )
    is_taken = _is_taken(request, note, annotation_set, is_open=is_open)
    is_editable = is_open and not is_taken
    if is_editable and annotation_set is not None:
        annotation_set.note = note
        refresh_labels_shown(annotation_set)
    painting = paint_note(
        note,
        annotation_set,
        with_suggestions=is_editable,
        current=request.GET.get("in_hand", ""),
        query=f"?set={asked}&amp;" if asked is not None and not is_own else "?",
    )
    position = ledger_position(annotation_set) if annotation_set else None
    return {
        "project": note.project,
        "note": note,
        "annotation_set": annotation_set,
        "is_editable": is_editable,
        "awaits": is_editable and awaits_suggestions(note),
        "is_own": is_own,
        "in_other_hands": is_taken,
        "can_reopen": _can_reopen(request, note, annotation_set, is_own or is_reviewer),
        "skip_refusal": ""
        if is_reviewer or not is_editable
        else _skip_refusal(request, note),
        "painting": painting,
        "blocks": painting.blocks,
        "packed_tokens": painting.layout.packed_tokens(note),
        **reading_context(note, painting.layout),
        "hand": _hand(painting),
        "label_buttons": _label_buttons(painting),
        **_keys(request),
        "revision": annotation_set.revision if annotation_set else 0,
        "client_event_id": uuid4(),
        "can_undo": position is not None and position.undo is not None,
        "can_redo": position is not None and position.redo is not None,
        "progress": progress_of(note.project, request.user),
        "n_comments": note.comments.filter(removed_at=None).count(),
        "why": _why(request, note, annotation_set, painting),
        **extra,
    }


def _skip_refusal(request: UserRequest, note: Note) -> str:
    """Say why the person could not put the note aside; empty when they could."""
    refusal = skip_refusal(note=note, annotator=request.user)
    return "" if refusal is None else ". ".join(map(str, texts_of(refusal)))


def _is_taken(
    request: UserRequest,
    note: Note,
    annotation_set: AnnotationSet | None,
    *,
    is_open: bool,
) -> bool:
    """Tell whether others are why the person cannot work on the note."""
    if is_open:
        return in_other_hands(note=note, annotator=request.user)
    return annotation_set is None and hands_full(note=note, annotator=request.user)


def _can_reopen(
    request: UserRequest, note: Note, annotation_set: AnnotationSet | None, may: bool
) -> bool:
    if note.state == NoteState.SKIPPED:
        return may_unskip(note=note, actor=request.user)
    return (
        may
        and annotation_set is not None
        and not annotation_set.is_gold
        and annotation_set.state not in OPEN_SET_STATES
        and note.state != NoteState.ADJUDICATED
    )


def _hand(painting: Painting) -> dict[str, Any] | None:
    """Return what the inspector says of the mark in hand, for the plain page."""
    for mark in painting.marks:
        if mark.key == painting.paint.current:
            return {
                "mark": mark,
                "mention": painting.paint.text[mark.start_char : mark.end_char],
                "label": painting.paint.labels[mark.label_id],
                "percent": percent(mark.confidence),
                "how": painting.paint.how_sure(mark),
            }
    return None


def _keys(request: UserRequest) -> dict[str, Any]:
    """Return the person's keys: for the script, and as the page prints them."""
    keys = key_map_of(request.user)
    shown = {name.replace("-", "_"): shown_key(key) for name, key in keys.items()}
    return {"key_map": json.dumps(keys), "keys": shown}


def _label_buttons(painting: Painting) -> list[dict[str, Any]]:
    paints = painting.paint.labels
    counts = painting.counts
    return [
        {
            "name": label.name,
            "shown": paints[label.pk].shown,
            "hotkey": label.hotkey,
            "slot": label.colour_slot,
            "description": label.shown_description,
            "short": label.short_name,
            "n": counts[f"label-{label.name}"],
        }
        for label in painting.labels
    ]


def _why(
    request: UserRequest,
    note: Note,
    annotation_set: AnnotationSet | None,
    painting: Painting,
) -> Note:
    """Give the note what the house's ``why_note`` filter reads."""
    assignment = note.assignments.filter(annotator=request.user).first()
    waiting = [mark for mark in painting.marks if mark.is_suggestion]
    unsure = [mark for mark in waiting if (mark.confidence or 0.0) < UNSURE_BELOW]
    facts = {
        "is_mine": annotation_set is not None
        and annotation_set.annotator_id == request.user.pk
        and annotation_set.revision > 0,
        # A stored code says what was so when the note was taken: not its words now.
        "reason": assignment.reason if assignment else "",
        "n_unsure": len(unsure),
        "n_suggestions": len(waiting),
    }
    for name, value in facts.items():
        setattr(note, name, value)
    return note
