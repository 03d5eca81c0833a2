"""What makes a span legal. Standard library only.

Offsets are code points everywhere in this project.
"""

from __future__ import annotations

from collections.abc import Iterable

from ner_engine.errors import SpanOutOfRange
from ner_engine.types import Span


def check_spans(text: str, spans: Iterable[Span], *, document_id: str = "?") -> None:
    """Refuse spans that are empty, reversed or outside the text.

    Raises
    ------
    SpanOutOfRange
        For the first span that breaks ``0 <= start_char < end_char <= len(text)``.
    """
    for span in spans:
        if not 0 <= span.start_char < span.end_char <= len(text):
            raise SpanOutOfRange(document_id, span.start_char, span.end_char, len(text))
