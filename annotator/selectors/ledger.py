"""What the ledger says: which gesture undo and redo reach, and stored outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from annotator.enums import Action
from annotator.models import AnnotationSet, SpanEvent

# Rows that say what happened to the set or note; undo walks past them.
_NOT_UNDOABLE = {Action.SUBMIT, Action.REOPEN, Action.SKIP, Action.IMPORT}


@dataclass(frozen=True, slots=True)
class LedgerPosition:
    """The revisions that the next undo and the next redo are about, or None."""

    undo: int | None
    redo: int | None


def ledger_position(annotation_set: AnnotationSet) -> LedgerPosition:
    """Replay the verbs of the ledger: a new gesture ends what could be redone.

    An undo always takes back the last gesture done and a redo the last undone, so
    their ``target_revision`` need not be read.
    """
    done: list[int] = []
    undone: list[int] = []
    rows = (
        annotation_set.events.filter(ordinal=0)
        .order_by("revision")
        .values_list("revision", "action")
    )
    for revision, action in rows:
        if action == Action.UNDO:
            undone.append(done.pop())
        elif action == Action.REDO:
            done.append(undone.pop())
        elif action not in _NOT_UNDOABLE:
            done.append(revision)
            undone.clear()
    return LedgerPosition(
        undo=done[-1] if done else None, redo=undone[-1] if undone else None
    )


def events_of_revision(annotation_set: AnnotationSet, revision: int) -> list[SpanEvent]:
    """Return the rows of one gesture in order."""
    return list(
        annotation_set.events.filter(revision=revision)
        .select_related("suggestion")
        .order_by("ordinal")
    )


def events_of_client(client_event_id: UUID) -> list[SpanEvent]:
    """Return the rows that a gesture of this id left, of whatever set."""
    events = SpanEvent.objects.filter(client_event_id=client_event_id)
    return list(events.select_related("suggestion").order_by("ordinal"))
