"""Everything that must be true before the service starts; each step at most once."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from annotator.exceptions import DemoRefused
from annotator.services.demo import load_demo
from annotator.services.shipped import register_shipped_bundles

# Packages that bring static files of their own.
_PACKAGES = ("Django", "djangorestframework", "drf-spectacular", "whitenoise")


class Command(BaseCommand):
    help = "Migrate, collect static files, register bundles and load the demo."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--without-demo", action="store_true", help="leave the demo out"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        Path(settings.ANNOTATOR_DATA_DIR).mkdir(mode=0o700, parents=True, exist_ok=True)
        call_command("migrate", interactive=False, verbosity=0)
        self.stdout.write("database: migrated")
        if collect_static():
            self.stdout.write("static files: collected")
        versions = register_shipped_bundles()
        names = ", ".join(version.name for version in versions) or "none"
        self.stdout.write(f"bundles: {names}")
        if not options["without_demo"]:
            self._load_demo()

    def _load_demo(self) -> None:
        """Load it if it can be; a clinic that has its names starts all the same."""
        try:
            if load_demo():
                self.stdout.write("demo: loaded")
        except DemoRefused as error:
            self.stdout.write(f"demo: not loaded: {error}")


def collect_static() -> bool:
    """Collect static files if they or the packages changed since the last time."""
    stamp = Path(settings.STATIC_ROOT) / ".digest"
    wanted = static_digest()
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return False
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(wanted, encoding="ascii")
    return True


def static_digest() -> str:
    """Return a digest over our static files and the packages that bring some."""
    hasher = hashlib.sha256()
    for package in _PACKAGES:
        hasher.update(f"{package} {version(package)}\n".encode())
    for folder in map(Path, settings.STATICFILES_DIRS):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            hasher.update(f"{path.relative_to(folder)}\n".encode())
            hasher.update(hashlib.sha256(path.read_bytes()).digest())
    return hasher.hexdigest()
