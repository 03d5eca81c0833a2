"""Import notes from files into a project, without a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.engine import ENCODINGS
from annotator.enums import EntityUse
from annotator.models import Project
from annotator.services.imports import import_paths


class Command(BaseCommand):
    help = (
        "Import notes (.txt, .csv, .jsonl, .conll, .iob, .srt, .TextGrid, or .zip of"
        " these) into a project. What cannot be imported is listed on standard error"
        " with file, line and reason; the exit status is 0 when nothing was left out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument(
            "--entities",
            choices=EntityUse.values,
            default=EntityUse.GOLD,
            help="what to do with entities of the files (default: gold)",
        )

        parser.add_argument(
            "--encoding",
            choices=ENCODINGS,
            default="",
            help="of text and CSV files (default: UTF-8, or UTF-16 with its mark)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"there is no project {options['project']}")
        missing = [str(path) for path in options["files"] if not path.is_file()]
        if missing:
            raise CommandError(f"no such file: {', '.join(missing)}")
        report = import_paths(
            project=project,
            actor=None,
            paths=options["files"],
            entities=options["entities"],
            encoding=options["encoding"],
        )
        for problem in report.problems:
            where = ":".join(str(x) for x in (problem.file, problem.line) if x)
            self.stderr.write(f"{where}: {problem.reason}")
        if report.n_problems > len(report.problems):
            left_out = report.n_problems - len(report.problems)
            self.stderr.write(f"... and {left_out} more")
        splits = ", ".join(f"{n} {name}" for name, n in sorted(report.by_split.items()))
        self.stdout.write(
            f"{report.created} notes imported ({splits or 'none'}),"
            f" {report.with_gold} with gold ({report.n_spans} spans),"
            f" {report.n_suggestions} suggestions; {report.n_problems} left out."
        )
        if report.n_rejoined:
            self.stdout.write(
                f"{report.n_rejoined} of them came as tokens: a blank stands between"
                " these, a line break between sentences."
            )
        for name, n_notes in report.as_json()["unknown_exhaustive"].items():
            self.stderr.write(
                f'"exhaustive_for" of {n_notes} notes names {name},'
                " which is no label of the project."
            )
        if report.prediction_job is not None:
            self.stdout.write(f"Suggestions: job {report.prediction_job} is queued.")
        if report.created == 0:
            raise CommandError("nothing was imported")
        if report.n_problems:
            raise CommandError("not everything was imported")
