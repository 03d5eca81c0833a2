"""Register the bundles that ship with the code, so that projects can use them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from annotator.services.shipped import register_shipped_bundles


class Command(BaseCommand):
    help = "Make a model version of each bundle under ANNOTATOR_SHIPPED_BUNDLES."

    def handle(self, *args: Any, **options: Any) -> None:
        for version in register_shipped_bundles():
            self.stdout.write(
                f"{version.name}  {version.bundle_digest[:12]}"
                f"  {', '.join(version.labels)}"
            )
