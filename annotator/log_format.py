"""How log lines look: an exception by its class and its frames, never by its text.

The text of an exception may quote what was being stored; PostgreSQL's DETAIL lines
quote whole rows. A leaf module, which the settings name.
"""

from __future__ import annotations

import logging
import traceback
from types import TracebackType

_ExcInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None]
    | tuple[None, None, None]
)


class TextFreeFormatter(logging.Formatter):
    """Prints of an exception, and of those that led to it, no word of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; what another formatter left on the record is not used."""
        cached, record.exc_text = record.exc_text, None
        try:
            return super().format(record)
        finally:
            record.exc_text = cached

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's name
        """Return frames and class, the first cause first.

        Frames name files, lines and functions; lines of the source are the code's own.
        """
        parts: list[str] = []
        error, seen = ei[1], set[int]()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            frames = traceback.format_tb(error.__traceback__)
            name = f"{type(error).__module__}.{type(error).__qualname__}"
            parts.append(f"Traceback (most recent call last):\n{''.join(frames)}{name}")
            is_told = error.__cause__ is not None or not error.__suppress_context__
            error = (error.__cause__ or error.__context__) if is_told else None
        return "\n\n".join(reversed(parts))
