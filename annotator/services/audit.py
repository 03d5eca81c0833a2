"""The audit trail: append-only, each entry's digest covers the one before it.

An entry that is changed, removed or slipped in later breaks the chain at that place.
Cutting off the end cannot be seen from the chain alone: note the head's digest now and
then (``manage.py verify_audit`` prints it and can ask whether a noted one is in there).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from annotator.models import AuditEntry, User

FIRST_DIGEST = "0" * 64
# Any fixed number that nothing else in this database locks.
_POSTGRES_LOCK = 7_461_001


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a walk along the chain found; ``broken_at`` is the entry's id."""

    n_entries: int
    head: str
    broken_at: int | None = None
    reason: str = ""
    noted_seen: bool = True

    @property
    def is_sound(self) -> bool:
        return self.broken_at is None and self.noted_seen


def record(
    *,
    actor: User | None,
    action: str,
    subject: str = "",
    details: dict[str, Any] | None = None,
) -> AuditEntry:
    """Append an entry. Inside a caller's transaction it stands or falls with it.

    *details* holds ids, counts and digests, never the text of a note.
    """
    # What the JSON column hands back: tuples become lists, lazy texts are refused.
    stored: dict[str, Any] = json.loads(json.dumps(details or {}))
    with transaction.atomic():
        _lock_chain()
        last = AuditEntry.objects.order_by("-id").values_list("digest", flat=True)
        entry = AuditEntry(
            at=timezone.now(),
            actor=actor,
            action=action,
            subject=subject,
            details=stored,
            previous_digest=last.first() or FIRST_DIGEST,
        )
        entry.digest = digest_of(entry)
        entry.save(force_insert=True)
    return entry


def verify_chain(*, noted: str = "") -> ChainReport:
    """Walk the chain from its start; *noted* is a digest that must be part of it."""
    previous, n_entries, seen = FIRST_DIGEST, 0, noted in ("", FIRST_DIGEST)
    for entry in AuditEntry.objects.order_by("id").iterator(chunk_size=500):
        if entry.previous_digest != previous:
            reason = "does not follow the entry before it"
            return ChainReport(n_entries, previous, entry.pk, reason, seen)
        if digest_of(entry) != entry.digest:
            reason = "was changed after it was written"
            return ChainReport(n_entries, previous, entry.pk, reason, seen)
        previous = entry.digest
        seen = seen or entry.digest == noted
        n_entries += 1
    return ChainReport(n_entries, previous, noted_seen=seen)


def digest_of(entry: AuditEntry) -> str:
    """Return the SHA-256 over the entry's fields and the digest before it."""
    fields = {
        "at": _utc(entry.at),
        "actor": entry.actor_id,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
        "previous": entry.previous_digest,
    }
    line = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(line.encode("ascii")).hexdigest()


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _lock_chain() -> None:
    """Let one writer at a time read the head.

    SQLite's IMMEDIATE transactions do that already; PostgreSQL gets a lock that ends
    with the transaction.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_POSTGRES_LOCK])
