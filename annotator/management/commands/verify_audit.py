"""Check that the audit trail is whole."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.services.audit import verify_chain


class Command(BaseCommand):
    help = (
        "Walk the audit trail and report the first entry that was changed, removed or"
        " slipped in. Note the digest that is printed: with --noted a later run also"
        " sees whether the end was cut off."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--noted", default="", metavar="DIGEST", help="a digest printed earlier"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = verify_chain(noted=options["noted"])
        if report.broken_at is not None:
            raise CommandError(f"entry {report.broken_at} {report.reason}")
        if not report.noted_seen:
            raise CommandError("the noted digest is not in the trail any more")
        self.stdout.write(f"{report.n_entries} entries, sound. Head: {report.head}")
