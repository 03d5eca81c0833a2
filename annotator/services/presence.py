"""Presence: a page that is open says so every 20 seconds and is forgotten after 60."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from annotator.models import AuditEntry, Note, Presence, User
from annotator.services import audit

# Three beats of the page (static/js/presence.js): one lost request hides nobody.
EXPIRES_AFTER = timedelta(seconds=60)
# A page asks for the note again and again; one entry an hour says who reads it.
_SAME_READING = timedelta(hours=1)


def note_seen(*, note: Note, user: User) -> list[User]:
    """Write down that the person has the note open; return who else has."""
    now = timezone.now()
    with transaction.atomic():
        Presence.objects.filter(seen_at__lt=now - EXPIRES_AFTER).delete()
        Presence.objects.update_or_create(
            note=note, user=user, defaults={"seen_at": now}
        )
    others = User.objects.filter(presences__note=note).exclude(pk=user.pk)
    return list(others.order_by("username"))


def note_left(*, note: Note, user: User) -> None:
    """Forget the person's page; another one of theirs says so again soon."""
    Presence.objects.filter(note=note, user=user).delete()


def note_read(*, note: Note, user: User) -> None:
    """Record that the person reads the note, unless the trail has said so lately."""
    opened = AuditEntry.objects.filter(
        action="note.open",
        actor=user,
        subject=f"note:{note.pk}",
        at__gt=timezone.now() - _SAME_READING,
    )
    if not opened.exists():
        audit.record(actor=user, action="note.open", subject=f"note:{note.pk}")
