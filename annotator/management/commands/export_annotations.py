"""Export a project's gold annotations to a file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.enums import ExportFormat, Split
from annotator.exceptions import AnnotatorError
from annotator.models import Project
from annotator.services.exports import make_export, open_export


class Command(BaseCommand):
    help = (
        "Export gold annotations as IOB2 CoNLL or Document JSONL. The file is read"
        " again and compared; spans that it cannot carry are listed on standard error."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument(
            "--format", choices=ExportFormat.values, default=ExportFormat.CONLL
        )
        parser.add_argument(
            "--split",
            default=",".join(Split.values),
            help="splits, separated by commas (default: all)",
        )
        parser.add_argument("--out", required=True, type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"there is no project {options['project']}")
        try:
            export = make_export(
                project=project,
                actor=None,
                format=options["format"],
                splits=[name.strip() for name in options["split"].split(",")],
            )
            path = open_export(export=export, actor=None)
        except AnnotatorError as error:
            raise CommandError(f"{error} {error.details() or ''}".strip()) from error
        _copy_private(path, options["out"])
        for loss in export.losses:
            place = f"{loss['note']} [{loss['start_char']}, {loss['end_char']})"
            self.stderr.write(f"{place} {loss['label']}: {loss['reason']}")
        found = export.verification
        self.stdout.write(
            f"{export.n_notes} notes, {export.n_spans} spans, {len(export.losses)}"
            f" losses; read again: {found['notes']} notes, {found['spans']} spans"
            f" identical.\n{options['out']} sha256 {export.sha256}"
        )
        if not export.is_verified:
            raise CommandError(f"{found['n_differences']} notes did not read back")


def _copy_private(path: Path, out: Path) -> None:
    """Copy to a file that only its owner can read: the notes are patient data."""
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    # A file that was there before keeps its mode otherwise.
    os.fchmod(descriptor, 0o600)
    with os.fdopen(descriptor, "wb") as target, path.open("rb") as source:
        shutil.copyfileobj(source, target)
