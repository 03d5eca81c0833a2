"""The gesture protocol: one small request, one revision, one entry in the ledger.

The client names its gesture by a UUID and the revision it was made at. Sent twice, it
is applied once and both times answered alike; made at another revision than the set's,
it is refused whole. Of two gestures at once exactly one wins the conditional UPDATE.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, Subquery

from annotator.enums import Action, NoteState
from annotator.exceptions import NotAllowed, StaleRevision, WrongState
from annotator.models import AnnotationSet, Assignment, Note, SpanEvent, User
from annotator.selectors.ledger import LedgerPosition, events_of_client
from annotator.selectors.review import OPEN_NOTE_STATES, OPEN_SET_STATES
from annotator.services.changes import plan_changes
from annotator.services.ledger_changes import Gesture, write_changes
from annotator.services.ledger_rows import (
    add_labels_shown,
    take_revision,
    write_events,
)
from annotator.services.propagation import follow, spread
from annotator.services.queue import renew_lease

__all__ = ["Gesture", "Outcome", "apply_gesture"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a gesture came to. Of a replay, what it came to the first time.

    ``n_elsewhere`` counts the other notes that changed with it; a replay says 0.
    """

    revision: int
    events: list[SpanEvent]
    is_replay: bool = False
    n_elsewhere: int = 0

    @property
    def position(self) -> LedgerPosition | None:
        """What undo and redo reach right after it; None where the ledger must say.

        Whatever was just done, and is itself neither undo nor redo, is taken back next
        and leaves nothing to be redone.
        """
        if self.is_replay or self.events[0].action in (Action.UNDO, Action.REDO):
            return None
        return LedgerPosition(undo=self.revision, redo=None)

    @property
    def changed_ranges(self) -> list[tuple[int, int]]:
        """The ranges whose painting changed, before and after."""
        ranges: set[tuple[int, int]] = set()
        for event in self.events:
            for state in (event.before, event.after):
                if state is not None:
                    ranges.add((state["start_char"], state["end_char"]))
            if event.suggestion is not None:
                suggestion = event.suggestion
                ranges.add((suggestion.start_char, suggestion.end_char))
        return sorted(ranges)


def apply_gesture(
    *, annotation_set: AnnotationSet, actor: User, gesture: Gesture
) -> Outcome:
    """Apply one gesture to the person's own set, or return its stored outcome.

    A label that the set was not shown with is added to ``labels_shown`` with it: who
    used a label could use it.
    """
    if annotation_set.annotator_id != actor.pk:
        raise NotAllowed(f"annotation set {annotation_set.pk} is another person's")
    with transaction.atomic():
        stored = _stored_outcome(annotation_set, gesture)
        if stored is not None:
            return stored
        is_taken = take_revision(
            annotation_set,
            base_revision=gesture.base_revision,
            active_seconds=gesture.active_seconds,
        )
        if not is_taken:
            # The same request may have come in twice at once: the other one won.
            stored = _stored_outcome(annotation_set, gesture)
            if stored is not None:
                return stored
            raise _why_refused(annotation_set, gesture)
        leased_until = _lock_note(annotation_set.note, actor)
        plan = plan_changes(annotation_set, gesture)
        write_changes(annotation_set, plan.changes)
        add_labels_shown(annotation_set, plan)
        events = write_events(
            annotation_set,
            actor=actor,
            client_event_id=gesture.client_event_id,
            revision=gesture.base_revision + 1,
            action=gesture.action,
            plan=plan,
            group=gesture.client_event_id if gesture.elsewhere else None,
        )
        n_elsewhere = spread(annotation_set, actor, gesture)
        n_elsewhere += follow(annotation_set, actor, gesture, plan)
        _mark_in_progress(annotation_set.note)
        if leased_until is not None:
            renew_lease(
                note=annotation_set.note, annotator=actor, leased_until=leased_until
            )
    annotation_set.revision = gesture.base_revision + 1
    return Outcome(annotation_set.revision, events, n_elsewhere=n_elsewhere)


def _stored_outcome(annotation_set: AnnotationSet, gesture: Gesture) -> Outcome | None:
    events = events_of_client(gesture.client_event_id)
    if not events:
        return None
    if any(event.annotation_set_id != annotation_set.pk for event in events):
        raise NotAllowed("the gesture's id belongs to another set")
    return Outcome(events[0].revision, events, is_replay=True)


def _lock_note(note: Note, actor: User) -> datetime | None:
    """Keep the note open, and its suggestions from being replaced, until the end.

    Return until when the person has it in hand, as one query says both.
    """
    held = Assignment.objects.filter(note=OuterRef("pk"), annotator=actor)
    notes = Note.objects.select_for_update(of=("self",)).filter(pk=note.pk)
    lease = Subquery(held.values("leased_until")[:1])
    leased_until: datetime | None
    state, leased_until = notes.values_list("state", lease).get()
    if state not in OPEN_NOTE_STATES:
        raise WrongState(f"note {note.pk} is {state}")
    return leased_until


def _why_refused(annotation_set: AnnotationSet, gesture: Gesture) -> Exception:
    annotation_set.refresh_from_db(fields=["revision", "state"])
    if annotation_set.state not in OPEN_SET_STATES:
        return WrongState(f"annotation set {annotation_set.pk} is closed")
    return StaleRevision(
        set_id=annotation_set.pk,
        sent=gesture.base_revision,
        stored=annotation_set.revision,
    )


def _mark_in_progress(note: Note) -> None:
    if note.state in (NoteState.IMPORTED, NoteState.SUGGESTED):
        Note.objects.filter(
            pk=note.pk, state__in=(NoteState.IMPORTED, NoteState.SUGGESTED)
        ).update(state=NoteState.IN_PROGRESS)
        note.state = NoteState.IN_PROGRESS
