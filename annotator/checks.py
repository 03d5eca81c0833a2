"""System checks for what the settings module cannot know."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from annotator.enums import QUEUE_OF_KIND, JobKind


@register()
def check_data_folder(**_: Any) -> list[CheckMessage]:
    """The data folder must exist or be makeable, and be writable."""
    folder = settings.ANNOTATOR_DATA_DIR
    existing = folder
    while not existing.exists():
        existing = existing.parent
    if not os.access(existing, os.W_OK):
        return [
            Error(
                "ANNOTATOR_DATA_DIR is not writable",
                hint="Set it to a folder that the service's user owns.",
                id="annotator.E001",
            )
        ]
    return []


@register()
def check_queue_routes(**_: Any) -> list[CheckMessage]:
    """Every kind of job must have a queue, or it would wait for ever."""
    missing = [kind for kind in JobKind.values if kind not in QUEUE_OF_KIND]
    if missing:
        return [
            Error(f"no queue for job kinds: {', '.join(missing)}", id="annotator.E002")
        ]
    return []
