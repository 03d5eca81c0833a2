"""Who gets which note next, and for how long a note is in somebody's hands."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.enums import NoteState, SetState, Split
from annotator.models import AnnotationSet, Assignment, Note, Project, User
from annotator.selectors.overlap import count_of, n_submitted
from annotator.selectors.review import OPEN_NOTE_STATES, OPEN_SET_STATES

LEASE = timedelta(minutes=30)
# A gesture renews the lease when less than this is left: one write in ten minutes.
_RENEW_BELOW = timedelta(minutes=20)
# Notes that may be snatched away between looking and taking, before giving up.
_MAX_TRIES = 20

# Stored as codes, shown in the reader's language; other texts are shown as they are.
REASONS = {
    "unfinished": _("you began it"),
    "suggested": _("next in the queue"),
    "imported": _("next in the queue, no suggestions yet"),
}


def next_note(*, project: Project, annotator: User) -> Note | None:
    """Choose the person's next note and take it into their hands.

    Their own unfinished notes come first, unless others took them on meanwhile, then
    notes with suggestions, then the others, in the order of import.
    """
    unfinished = Note.objects.filter(
        project=project,
        state__in=OPEN_NOTE_STATES,
        annotation_sets__annotator=annotator,
        annotation_sets__state__in=OPEN_SET_STATES,
    )
    for own_id in unfinished.order_by("pk").values_list("pk", flat=True):
        own = _take(own_id, annotator, is_unfinished=True)
        if own is not None:
            return own
    tried: list[int] = []
    while len(tried) < _MAX_TRIES:
        note_id = (
            _waiting(project, annotator)
            .exclude(pk__in=tried)
            .values_list("pk", flat=True)
            .first()
        )
        if note_id is None:
            return None
        note = _take(note_id, annotator)
        if note is not None:
            return note
        tried.append(note_id)
    return None


def hands_full(*, note: Note, annotator: User) -> bool:
    """Tell whether others hold or have submitted the note as often as it is needed."""
    return len(_others(note, annotator)) >= note.project.overlap


def in_other_hands(*, note: Note, annotator: User) -> bool:
    """Tell whether the person must keep off the note because of others.

    Whoever holds a lease that has not ended goes on: nobody else can have taken theirs.
    """
    return not _holds(note, annotator) and hands_full(note=note, annotator=annotator)


def touched_by_others(*, note: Note, annotator: User) -> bool:
    """Tell whether anybody else holds the note, or did anything in it."""
    sets = AnnotationSet.objects.filter(note=note, is_gold=False)
    worked = sets.filter(Q(state=SetState.SUBMITTED) | Q(revision__gt=0))
    held = Assignment.objects.filter(note=note, leased_until__gt=timezone.now())
    return (
        worked.exclude(annotator=annotator).exists()
        or held.exclude(annotator=annotator).exists()
    )


def hold(*, note: Note, annotator: User) -> bool:
    """Take the note into the person's hands unless they hold it or others do.

    Return whether it is in their hands now.
    """
    if _holds(note, annotator):
        return True
    with transaction.atomic():
        # Two people who come at once: the second one sees the first one's lease.
        Note.objects.select_for_update().only("pk").get(pk=note.pk)
        if hands_full(note=note, annotator=annotator):
            return False
        take_lease(note=note, annotator=annotator)
    return True


def take_lease(*, note: Note, annotator: User, reason: str | None = None) -> Assignment:
    """Note that the person has the note in hand for the next half hour."""
    fields: dict[str, object] = {"leased_until": timezone.now() + LEASE}
    if reason is not None:
        fields["reason"] = reason
    assignment, _created = Assignment.objects.update_or_create(
        note=note, annotator=annotator, defaults=fields
    )
    return assignment


def renew_lease(*, note: Note, annotator: User, leased_until: datetime) -> None:
    """Prolong the lease, which ends at *leased_until*, if much of it is used up."""
    now = timezone.now()
    if leased_until >= now + _RENEW_BELOW:
        return
    Assignment.objects.filter(
        note=note, annotator=annotator, leased_until__lt=now + _RENEW_BELOW
    ).update(leased_until=now + LEASE)


# Held-out notes wait for no suggestions: they come in their turn.
_AWAITS_MODEL = Q(state=NoteState.IMPORTED, split=Split.TRAIN)


def _waiting(project: Project, annotator: User) -> QuerySet[Note]:
    """Return the notes that still need somebody, this person's turn not yet taken.

    As `hands_full` has it: whoever holds a note or has submitted it counts once.
    """
    own = AnnotationSet.objects.filter(note=OuterRef("pk"), annotator=annotator)
    submitted = AnnotationSet.objects.filter(
        note=OuterRef("note"),
        annotator=OuterRef("annotator"),
        state=SetState.SUBMITTED,
    )
    leased = Assignment.objects.filter(
        ~Exists(submitted), note=OuterRef("pk"), leased_until__gt=timezone.now()
    ).exclude(annotator=annotator)
    notes = Note.objects.filter(project=project, state__in=OPEN_NOTE_STATES)
    notes = notes.exclude(Exists(own)).annotate(
        n_others=n_submitted() + count_of(leased),
        place=Case(When(_AWAITS_MODEL, then=Value(1)), default=Value(0)),
    )
    return notes.filter(n_others__lt=project.overlap).order_by("place", "pk")


def _take(note_id: int, annotator: User, *, is_unfinished: bool = False) -> Note | None:
    """Lock the note and take it if it is free; a new one that is locked is being taken.

    An unfinished note may be locked by the person's own last gesture: wait for it.
    """
    with transaction.atomic():
        note = (
            Note.objects.select_for_update(skip_locked=not is_unfinished, of=("self",))
            .select_related("project")
            .filter(pk=note_id, state__in=OPEN_NOTE_STATES)
            .first()
        )
        if note is None or in_other_hands(note=note, annotator=annotator):
            return None
        code = "imported" if note.state == NoteState.IMPORTED else "suggested"
        if is_unfinished:
            code = "unfinished"
        take_lease(note=note, annotator=annotator, reason=code)
        return note


def _holds(note: Note, annotator: User) -> bool:
    own = Assignment.objects.filter(note=note, annotator=annotator)
    return own.filter(leased_until__gt=timezone.now()).exists()


def _others(note: Note, annotator: User) -> set[int]:
    """Return the other people who hold the note now or have submitted it."""
    holding = Assignment.objects.filter(note=note, leased_until__gt=timezone.now())
    submitted = AnnotationSet.objects.filter(
        note=note, is_gold=False, state=SetState.SUBMITTED
    )
    people = set(holding.values_list("annotator_id", flat=True))
    people |= set(submitted.values_list("annotator_id", flat=True))
    return {pk for pk in people if pk != annotator.pk}
