"""Translations of a test's own, so that it says what a page does with them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any


def speak(
    settings: Any, folder: Path, language: str, translations: dict[str, str]
) -> None:
    """Let gettext know *translations*, from a catalogue in *folder*, and no others."""
    path = folder / language / "LC_MESSAGES" / "django.mo"
    path.parent.mkdir(parents=True)
    head = {"": "Content-Type: text/plain; charset=UTF-8\n"}
    path.write_bytes(_compiled(head | translations))
    # pytest-django tells Django of the change, which forgets what it had read
    settings.LOCALE_PATHS = [folder]


def _compiled(translations: dict[str, str]) -> bytes:
    """Return a .mo file: GNU gettext's manual, "The Format of GNU MO Files"."""
    pairs = sorted((k.encode(), v.encode()) for k, v in translations.items())
    offset = 28 + 16 * len(pairs)
    tables: list[bytes] = []
    body = b""
    for side in (0, 1):
        rows = b""
        for pair in pairs:
            rows += struct.pack("<II", len(pair[side]), offset + len(body))
            body += pair[side] + b"\0"
        tables.append(rows)
    head = struct.pack(
        "<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, offset
    )
    return head + tables[0] + tables[1] + body
