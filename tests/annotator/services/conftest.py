"""What tests of services share: a look into the embedded broker."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

Messages = Callable[[], list[tuple[str, dict[str, Any]]]]


@pytest.fixture
def broker_messages() -> Messages:
    """Return a function that lists the waiting messages as (queue, arguments)."""
    folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"])
    for path in folder.glob("*.msg"):
        path.unlink()

    def read() -> list[tuple[str, dict[str, Any]]]:
        found = []
        for path in sorted(folder.glob("*.msg")):
            body = json.loads(path.read_text(encoding="utf-8"))["body"]
            arguments = json.loads(base64.b64decode(body))[1]
            found.append((path.name.split(".")[1], arguments))
        return found

    return read
