"""A person's layer of a note from its first gesture to its submission.

``labels_shown`` names the labels that the person could use, so that training learns the
absence of these and of no others. The rule: an open set has the project's labels of the
time when it was last shown (made, page loaded, opened again) and any label used since.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypedDict
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery, Value
from django.utils import timezone

from annotator.enums import Action, NoteState, Role, SetState
from annotator.exceptions import (
    BlindSkip,
    InOtherHands,
    NotAllowed,
    OthersWork,
    StaleRevision,
    WrongState,
)
from annotator.models import (
    AnnotationSet,
    Assignment,
    AuditEntry,
    Note,
    Project,
    SpanEvent,
    User,
)
from annotator.permissions import has_role
from annotator.selectors.review import (
    OPEN_NOTE_STATES,
    OPEN_SET_STATES,
    visible_suggestions,
)
from annotator.services import audit
from annotator.services.active_time import with_step
from annotator.services.queue import hold, take_lease, touched_by_others

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


def open_set(
    *,
    note: Note,
    annotator: User,
    client_event_id: UUID | None = None,
    shows_labels: bool = True,
) -> AnnotationSet:
    """Return the person's set of the note to write in, made now if need be.

    A note that as many others as it needs have in hand or submitted is refused, also
    to whoever began it and left it: two people must not correct the same note without
    knowing. A free one is taken in hand again. A set that is closed, or that holds the
    gesture *client_event_id* already, is returned as it is: the caller answers a
    repeat as it answered the first time.

    The labels of an open set become the project's present ones; with *shows_labels*
    false they stay, for requests from a page that was loaded before.
    """
    known = _own_set(note, annotator, client_event_id)
    if known is None:
        if note.state not in OPEN_NOTE_STATES:
            raise WrongState(f"note {note.pk} is {note.state}")
        _take_in_hand(note, annotator)
        made, _ = AnnotationSet.objects.get_or_create(
            note=note,
            annotator=annotator,
            defaults={
                "labels_shown": _label_names(note),
                "opened_at": _last_opening(note, annotator),
            },
        )
        made.note = note
        return made
    if known.state in OPEN_SET_STATES and note.state in OPEN_NOTE_STATES:
        until = known.leased_until
        if not known.is_repeat and (until is None or until <= timezone.now()):
            _take_in_hand(note, annotator)
        if shows_labels:
            refresh_labels_shown(known)
    known.note = note
    return known


def refresh_labels_shown(annotation_set: AnnotationSet) -> None:
    """Give an open set the labels that its project has now: they are shown now."""
    labels = _label_names(annotation_set.note)
    if labels == annotation_set.labels_shown:
        return
    n_updated = AnnotationSet.objects.filter(
        pk=annotation_set.pk, state__in=OPEN_SET_STATES
    ).update(labels_shown=labels)
    if n_updated:
        annotation_set.labels_shown = labels


def submit_set(
    *,
    annotation_set: AnnotationSet,
    actor: User,
    base_revision: int | None = None,
    active_seconds: int = 0,
) -> AnnotationSet:
    """Submit the set; undecided suggestions stay undecided.

    Their labels are kept with the set: training and export must not take what nobody
    decided on for text without entities.

    With *base_revision* the set must be as the person saw it. The note counts as
    submitted once as many people as the project asks for have submitted it.
    """
    note = annotation_set.note
    if annotation_set.annotator_id != actor.pk:
        raise NotAllowed(f"annotation set {annotation_set.pk} is another person's")
    with transaction.atomic():
        # Set before note, as gestures lock them: no deadlock.
        AnnotationSet.objects.select_for_update().get(pk=annotation_set.pk)
        Note.objects.select_for_update().get(pk=note.pk)
        overlap = _overlap(note)
        if _submitted(note).exclude(pk=annotation_set.pk).count() >= overlap:
            raise WrongState(f"note {note.pk} was submitted by somebody else")
        _move(
            annotation_set,
            actor=actor,
            action=Action.SUBMIT,
            allowed=OPEN_SET_STATES,
            base_revision=base_revision,
            state=SetState.SUBMITTED,
            submitted_at=timezone.now(),
            labels_undecided=_undecided_labels(annotation_set),
            active_seconds=with_step(annotation_set, active_seconds),
        )
        state = NoteState.IN_PROGRESS
        if _submitted(note).count() >= overlap:
            state = NoteState.SUBMITTED
        _set_note_state(note, state, allowed=OPEN_NOTE_STATES)
        held = Assignment.objects.filter(note=note)
        if state != NoteState.SUBMITTED:
            held = held.filter(annotator=actor)
        held.delete()
        audit.record(
            actor=actor,
            action="note.submit",
            subject=f"note:{note.pk}",
            details={"set": annotation_set.pk, "revision": annotation_set.revision},
        )
    return annotation_set


def _undecided_labels(annotation_set: AnnotationSet) -> list[str]:
    waiting = visible_suggestions(
        note=annotation_set.note, annotation_set=annotation_set
    )
    return sorted(waiting.order_by().values_list("label__name", flat=True).distinct())


def reopen_set(*, annotation_set: AnnotationSet, actor: User) -> AnnotationSet:
    """Open a submitted set again: its owner goes on, or a reviewer hands it back."""
    note = annotation_set.note
    is_owner = annotation_set.annotator_id == actor.pk
    if not is_owner and not has_role(actor, note.project, Role.REVIEWER):
        raise NotAllowed(f"annotation set {annotation_set.pk} is another person's")
    if annotation_set.is_gold or note.state == NoteState.ADJUDICATED:
        raise WrongState(f"note {note.pk} is adjudicated")
    with transaction.atomic():
        others = _submitted(note).exclude(pk=annotation_set.pk)
        if others.count() >= _overlap(note):
            # It could not be submitted again, and the note would stay unfinished.
            raise WrongState(f"note {note.pk} was submitted by somebody else")
        _move(
            annotation_set,
            actor=actor,
            action=Action.REOPEN,
            allowed=(SetState.SUBMITTED,),
            state=SetState.OPEN if is_owner else SetState.RETURNED,
            submitted_at=None,
        )
        refresh_labels_shown(annotation_set)
        _set_note_state(
            note,
            NoteState.IN_PROGRESS,
            allowed=(NoteState.SUBMITTED, NoteState.IN_PROGRESS),
        )
        if annotation_set.annotator is not None:
            take_lease(note=note, annotator=annotation_set.annotator)
        audit.record(
            actor=actor,
            action="note.reopen",
            subject=f"note:{note.pk}",
            details={"set": annotation_set.pk},
        )
    return annotation_set


def skip_note(*, note: Note, actor: User, reason: str) -> Note:
    """Put the note aside for everybody; the reason is kept with it.

    Raises what `skip_refusal` says of people who are not reviewers.
    """
    is_reviewer = has_role(actor, note.project, Role.REVIEWER)
    with transaction.atomic():
        annotation_set = _lock(note, actor)
        refusal = None if is_reviewer else skip_refusal(note=note, annotator=actor)
        if refusal is not None:
            raise refusal
        if annotation_set is not None and annotation_set.state in OPEN_SET_STATES:
            _move(
                annotation_set, actor=actor, action=Action.SKIP, allowed=OPEN_SET_STATES
            )
        _set_note_state(note, NoteState.SKIPPED, allowed=OPEN_NOTE_STATES)
        note.metadata = {**note.metadata, "skip_reason": reason.strip()[:200]}
        note.save(update_fields=["metadata"])
        Assignment.objects.filter(note=note).delete()
        audit.record(actor=actor, action="note.skip", subject=f"note:{note.pk}")
    return note


def skip_refusal(*, note: Note, annotator: User) -> BlindSkip | OthersWork | None:
    """Return why somebody who is not a reviewer may not put the note aside.

    Not a note that others hold or have worked on, however many it needs, nor a held-out
    one: a test set without the notes that people found hard would flatter the model.
    """
    if note.is_blind:
        return BlindSkip(
            f"note {note.pk} is kept for scoring: only reviewers may skip it"
        )
    if touched_by_others(note=note, annotator=annotator):
        return OthersWork(f"note {note.pk} is in other hands or was")
    return None


def unskip_note(*, note: Note, actor: User) -> Note:
    """Take a skipped note back into the queue, in the state that it has come to."""
    if note.state == NoteState.SKIPPED and not may_unskip(note=note, actor=actor):
        raise NotAllowed(f"note {note.pk} was skipped by another person")
    with transaction.atomic():
        state = NoteState.IMPORTED
        if note.suggestions.exists():
            state = NoteState.SUGGESTED
        if note.annotation_sets.filter(is_gold=False, revision__gt=0).exists():
            state = NoteState.IN_PROGRESS
        if _submitted(note).count() >= _overlap(note):
            # Fewer people are asked for than when it was skipped.
            state = NoteState.SUBMITTED
        _set_note_state(note, state, allowed=(NoteState.SKIPPED,))
        note.metadata = {k: v for k, v in note.metadata.items() if k != "skip_reason"}
        note.save(update_fields=["metadata"])
        audit.record(actor=actor, action="note.reopen", subject=f"note:{note.pk}")
    return note


def _lock(note: Note, annotator: User) -> AnnotationSet | None:
    """Lock the person's set and then the note, in the order of gestures."""
    sets = AnnotationSet.objects.select_for_update(of=("self",))
    own = sets.filter(note=note, annotator=annotator).first()
    Note.objects.select_for_update().only("pk").get(pk=note.pk)
    return own


def may_unskip(*, note: Note, actor: User) -> bool:
    """Tell whether the person skipped the note or may overrule whoever did."""
    if has_role(actor, note.project, Role.REVIEWER):
        return True
    skips = AuditEntry.objects.filter(action="note.skip", subject=f"note:{note.pk}")
    last = skips.order_by("-pk").values_list("actor", flat=True).first()
    return last == actor.pk


def _last_opening(note: Note, annotator: User) -> datetime | None:
    """Return when the person last opened the note's page, or read it as a script."""
    openings = AuditEntry.objects.filter(
        action="note.open", actor=annotator, subject=f"note:{note.pk}"
    )
    return openings.order_by("-pk").values_list("at", flat=True).first()


def _take_in_hand(note: Note, annotator: User) -> None:
    if not hold(note=note, annotator=annotator):
        raise InOtherHands(f"note {note.pk} is in other hands")


class _Known(TypedDict):
    """Whether the set holds the gesture already; until when the note is in hand."""

    is_repeat: bool
    leased_until: datetime | None


def _own_set(
    note: Note, annotator: User, client_event_id: UUID | None
) -> WithAnnotations[AnnotationSet, _Known] | None:
    """Return the person's set with what `open_set` asks of it, in one query."""
    repeats = SpanEvent.objects.filter(annotation_set=OuterRef("pk"))
    held = Assignment.objects.filter(note=OuterRef("note"), annotator=annotator)
    sets = AnnotationSet.objects.filter(note=note, annotator=annotator)
    return sets.annotate(
        is_repeat=Exists(repeats.filter(client_event_id=client_event_id))
        if client_event_id
        else Value(value=False),
        leased_until=Subquery(held.values("leased_until")[:1]),
    ).first()


def _label_names(note: Note) -> list[str]:
    return list(note.project.labels.values_list("name", flat=True))


def _overlap(note: Note) -> int:
    """Read it anew: a change of it waits for the note's lock and recounts the notes."""
    projects = Project.objects.filter(pk=note.project_id)
    return projects.values_list("overlap", flat=True).get()


def _submitted(note: Note) -> QuerySet[AnnotationSet]:
    return note.annotation_sets.filter(is_gold=False, state=SetState.SUBMITTED)


def _move(
    annotation_set: AnnotationSet,
    *,
    actor: User,
    action: Action,
    allowed: tuple[SetState, ...],
    base_revision: int | None = None,
    **fields: object,
) -> None:
    """Change the set's state by a conditional UPDATE and say so in the ledger.

    The step takes a revision, so that a gesture made before it elsewhere is stale.
    """
    sent = annotation_set.revision if base_revision is None else base_revision
    n_updated = AnnotationSet.objects.filter(
        pk=annotation_set.pk, state__in=allowed, revision=sent
    ).update(revision=F("revision") + 1, **fields)
    annotation_set.refresh_from_db(fields=["revision", "state", "submitted_at"])
    if not n_updated and annotation_set.state not in allowed:
        raise WrongState(
            f"annotation set {annotation_set.pk} is {annotation_set.state}"
        )
    if not n_updated:
        raise StaleRevision(
            set_id=annotation_set.pk, sent=sent, stored=annotation_set.revision
        )
    SpanEvent.objects.create(
        annotation_set=annotation_set,
        revision=annotation_set.revision,
        client_event_id=uuid4(),
        actor=actor,
        action=action,
    )


def _set_note_state(
    note: Note, state: NoteState, *, allowed: tuple[NoteState, ...]
) -> None:
    n_updated = Note.objects.filter(pk=note.pk, state__in=allowed).update(state=state)
    if not n_updated:
        raise WrongState(f"note {note.pk} is not {' or '.join(allowed)}")
    note.state = state
