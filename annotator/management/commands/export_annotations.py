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
from annotator.services.export_losses import count_losses
from annotator.services.exports import make_export, open_export


class Command(BaseCommand):
    help = (
        "Export gold annotations as IOB2 CoNLL or Document JSONL. The file is read"
        " again and compared; what it cannot carry is listed on standard error."
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
            self.stderr.write(_line(loss))
        counts = count_losses(export.losses)
        if counts.negated:
            self.stderr.write(
                f"Negated annotations look positive in this file: {counts.negated}."
            )
        if counts.undecided:
            self.stderr.write(
                "Notes not settled for every label, where O may mean that nobody"
                f" decided: {counts.undecided_notes}."
            )
        found = export.verification
        self.stdout.write(
            f"{_count(export.n_notes, 'note')}, {_count(export.n_spans, 'span')},"
            f" {_count(len(export.losses), 'loss', 'losses')}; read again:"
            f" {_count(found['notes'], 'note')}, {_count(found['spans'], 'span')}"
            f" identical.\n{options['out']} sha256 {export.sha256}"
        )
        if not export.is_verified:
            raise CommandError(f"{found['n_differences']} notes did not read back")


def _line(loss: dict[str, Any]) -> str:
    place = loss["note"]
    if loss["start_char"] is not None:
        place += f" [{loss['start_char']}, {loss['end_char']})"
    names = ", ".join(loss.get("attributes", ()))
    return f"{place} {loss['label']}: {loss['reason']}{names and f' ({names})'}"


def _count(n: int, one: str, several: str = "") -> str:
    return f"{n} {one if n == 1 else several or one + 's'}"


def _copy_private(path: Path, out: Path) -> None:
    """Copy to a file that only its owner can read: the notes are patient data."""
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    # A file that was there before keeps its mode otherwise.
    os.fchmod(descriptor, 0o600)
    with os.fdopen(descriptor, "wb") as target, path.open("rb") as source:
        shutil.copyfileobj(source, target)
