"""Load the demo: three projects and four people, once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.exceptions import DemoRefused
from annotator.services import demo


class Command(BaseCommand):
    help = (
        "Load the demo projects and people, unless they were loaded before. Log-ins are"
        " written to demo_logins.json in the data folder."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            is_new = demo.load_demo()
        except DemoRefused as error:
            raise CommandError(str(error)) from error
        if is_new:
            self.stdout.write(f"The demo was loaded; log-ins: {demo.logins_path()}")
        else:
            self.stdout.write("The demo is there already.")
