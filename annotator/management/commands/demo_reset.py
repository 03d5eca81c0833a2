"""Put the demo back to its first state."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.exceptions import DemoRefused
from annotator.models import AnnotationSet
from annotator.services import demo


class Command(BaseCommand):
    help = (
        "Delete the demo projects with all work done in them and load them again."
        " Other projects and people stay as they are."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            demo.refuse_taken_names()
            if not options["yes"]:
                self._ask()
            demo.reset_demo()
        except DemoRefused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The demo was loaded again; log-ins: {demo.logins_path()}")

    def _ask(self) -> None:
        """Say what will be deleted and go on only with a yes."""
        for project in demo.demo_projects():
            sets = AnnotationSet.objects.filter(note__project=project, is_gold=False)
            self.stdout.write(
                f"{project.slug} ({project.name}): {project.notes.count()} notes and"
                f" {sets.count()} sets of annotations by people will be deleted."
            )
        if not sys.stdin.isatty():
            raise CommandError("nothing was deleted; give --yes to delete these")
        if input(
            "Delete these and load the demo again? [y/N] "
        ).strip().lower() not in (
            "y",
            "yes",
        ):
            raise CommandError("nothing was deleted")
