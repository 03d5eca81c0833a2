"""Cuts a text into the pieces that a translator gets, and puts it together again.

Pieces are paragraphs or sentences. What lies between two of them (white space, and in a
dialogue the speakers' prefixes) is never sent and comes back as it was, so that lines
and paragraphs survive any backend.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from ner_engine.text.sentences import LINE_BREAKS
from ner_engine.text.tokens import tokenize
from ner_engine.types import Document, Turn

Unit = Literal["sentence", "paragraph"]

_LINE = re.compile(rf"[^{''.join(sorted(LINE_BREAKS))}]+")
# Where an overlong sentence is cut, best first: after punctuation, then at a blank.
_PAUSES = (re.compile(r"[;:]\s"), re.compile(r",\s"), re.compile(r"\s"))


def cut(document: Document, *, unit: Unit, max_chars: int) -> list[tuple[int, int]]:
    """Return the ranges to translate, in order, without white space at their edges.

    Parameters
    ----------
    document : Document
        Its spans are not cut through, unless one alone is longer than *max_chars*;
        turns of a dialogue are translated each for itself, their prefixes not at all.
    unit : {"sentence", "paragraph"}
        A paragraph is a line.
    max_chars : int
        Longest range, in code points. Longer paragraphs are cut at sentences, longer
        sentences behind punctuation, at a blank, or anywhere when they have neither.
    """
    text = document.text
    spans = [(span.start_char, span.end_char) for span in document.spans or ()]
    ranges: list[tuple[int, int]] = []
    lines = _without_prefixes(_lines(text), document.turns)
    starts: list[int] | None = None
    for line in _glue(lines, spans):
        if unit == "paragraph" and line[1] - line[0] <= max_chars:
            pieces: Iterable[tuple[int, int]] = [line]
        else:
            if starts is None:
                starts = _sentence_starts(document)
            pieces = _glue(_split_at(line, starts), spans)
        if unit == "paragraph":
            pieces = _pack(pieces, max_chars)
        for piece in pieces:
            ranges.extend(_shorten(text, piece, max_chars, spans))
    trimmed = (_trim(text, start, end) for start, end in ranges)
    return [(start, end) for start, end in trimmed if start < end]


def join(
    text: str, ranges: Sequence[tuple[int, int]], translated: Sequence[str]
) -> tuple[str, tuple[tuple[int, int, int, int], ...]]:
    """Put translated pieces where the originals stood.

    Returns
    -------
    text : str
        The whole translation.
    segments : tuple of (int, int, int, int)
        As `Translation.segments`.
    """
    parts: list[str] = []
    segments = []
    at = length = 0
    for (start, end), piece in zip(ranges, translated, strict=True):
        gap = text[at:start]
        length += len(gap)
        segments.append((start, end, length, length + len(piece)))
        parts += [gap, piece]
        length += len(piece)
        at = end
    parts.append(text[at:])
    return "".join(parts), tuple(segments)


def move_turns(
    turns: Sequence[Turn], segments: Sequence[tuple[int, int, int, int]]
) -> tuple[Turn, ...]:
    """Return the turns of a text in its translation."""
    return tuple(
        Turn(
            turn.speaker,
            turn.role,
            _move(turn.start_char, segments),
            _move(turn.end_char, segments),
        )
        for turn in turns
    )


def _move(offset: int, segments: Sequence[tuple[int, int, int, int]]) -> int:
    """Return where an offset at the edge of a segment, or between two, comes to stand.

    One inside a segment (a span ran over the edge of its turn) stays inside it.
    """
    shift = 0
    for start, end, target_start, target_end in segments:
        if start >= offset:
            break
        if offset < end:
            return min(target_start + offset - start, target_end)
        shift = target_end - end
    return offset + shift


def _lines(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _LINE.finditer(text)]


def _without_prefixes(
    lines: Sequence[tuple[int, int]], turns: Sequence[Turn]
) -> list[tuple[int, int]]:
    """Cut lines at the edges of turns; leave out what stands before one on its line."""
    if not turns:
        return list(lines)
    ranges: list[tuple[int, int]] = []
    for start, end in lines:
        at = start
        for turn in turns:
            if turn.end_char <= at or turn.start_char >= end:
                continue
            inside = max(at, turn.start_char)
            stop = min(end, turn.end_char)
            if inside < stop:
                ranges.append((inside, stop))
            at = max(at, stop)
        if at < end:
            ranges.append((at, end))
    return ranges


def _sentence_starts(document: Document) -> list[int]:
    return [
        token.start_char
        for token in tokenize(document.text, document.language)
        if token.sentence_start
    ]


def _split_at(line: tuple[int, int], starts: Sequence[int]) -> list[tuple[int, int]]:
    start, end = line
    inner = [at for at in starts if start < at < end]
    return list(zip([start, *inner], [*inner, end], strict=True))


def _glue(
    ranges: Iterable[tuple[int, int]], spans: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Join neighbours that a span runs across."""
    glued: list[tuple[int, int]] = []
    for start, end in ranges:
        if glued and any(
            span_start < glued[-1][1] and span_end > start
            for span_start, span_end in spans
        ):
            glued[-1] = (glued[-1][0], end)
        else:
            glued.append((start, end))
    return glued


def _pack(ranges: Iterable[tuple[int, int]], max_chars: int) -> list[tuple[int, int]]:
    """Join neighbours as long as they stay short enough."""
    packed: list[tuple[int, int]] = []
    for start, end in ranges:
        if packed and end - packed[-1][0] <= max_chars:
            packed[-1] = (packed[-1][0], end)
        else:
            packed.append((start, end))
    return packed


def _shorten(
    text: str,
    piece: tuple[int, int],
    max_chars: int,
    spans: Sequence[tuple[int, int]],
) -> list[tuple[int, int]]:
    """Cut a range until no part is too long."""
    start, end = piece
    parts = []
    while end - start > max_chars:
        at = _cut_place(text, start, start + max_chars, spans)
        parts.append((start, at))
        start = at
    parts.append((start, end))
    return parts


def _cut_place(
    text: str, start: int, stop: int, spans: Sequence[tuple[int, int]]
) -> int:
    for pattern in _PAUSES:
        places = [match.end() for match in pattern.finditer(text, start, stop)]
        for at in reversed(places):
            # The first third is too little to be worth a cut at a comma.
            if at - start <= (stop - start) // 3:
                break
            if not any(a < at < b for a, b in spans):
                return at
    outside = [
        b for b in range(stop, start, -1) if not any(x < b < y for x, y in spans)
    ]
    return outside[0] if outside else stop


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return (
        start + len(piece) - len(piece.lstrip()),
        end - len(piece) + len(piece.rstrip()),
    )
