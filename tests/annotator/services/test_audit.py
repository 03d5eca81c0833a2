"""The audit chain: what it records and what it notices."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils.translation import gettext_lazy

from annotator.models import AuditEntry
from annotator.services import audit
from tests.annotator.factories import make_user

pytestmark = pytest.mark.django_db


def _three() -> list[AuditEntry]:
    user = make_user()
    return [
        audit.record(actor=user, action="note.open", subject="note:1"),
        audit.record(actor=None, action="login.failed", details={"tries": (1, 2)}),
        audit.record(actor=user, action="export", details={"notes": 3, "share": 0.1}),
    ]


def test_verify_chain_untouched_is_sound():
    entries = _three()

    report = audit.verify_chain()

    assert report == audit.ChainReport(3, entries[2].digest)
    assert report.is_sound
    assert entries[0].previous_digest == audit.FIRST_DIGEST
    assert entries[1].previous_digest == entries[0].digest


def test_verify_chain_empty_is_sound():
    assert audit.verify_chain() == audit.ChainReport(0, audit.FIRST_DIGEST)


@pytest.mark.parametrize(
    "change",
    [
        {"action": "note.close"},
        {"subject": "note:2"},
        {"details": {"notes": 4}},
        {"actor": None},
    ],
)
def test_verify_chain_changed_entry_names_it(change):
    first = _three()[0]
    AuditEntry.objects.filter(pk=first.pk).update(**change)

    report = audit.verify_chain()

    assert (report.broken_at, report.reason) == (
        first.pk,
        "was changed after it was written",
    )
    assert not report.is_sound


def test_verify_chain_removed_entry_names_the_next():
    entries = _three()
    entries[1].delete()

    report = audit.verify_chain()

    assert report.broken_at == entries[2].pk
    assert report.reason == "does not follow the entry before it"


def test_verify_chain_cut_off_end_is_seen_by_noted_digest():
    entries = _three()
    noted = entries[2].digest
    assert audit.verify_chain(noted=noted).is_sound
    entries[2].delete()

    report = audit.verify_chain(noted=noted)

    assert report.broken_at is None
    assert not report.is_sound


def test_record_refuses_what_json_cannot_hold():
    with pytest.raises(TypeError):
        audit.record(actor=None, action="x", details={"text": gettext_lazy("Notes")})
    assert AuditEntry.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_record_from_many_threads_keeps_one_chain():
    def write(number: int) -> None:
        try:
            for _ in range(5):
                audit.record(actor=None, action=f"thread {number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(write, number) for number in range(4)]:
            done.result()

    assert audit.verify_chain().is_sound
    assert AuditEntry.objects.count() == 20
