"""Cuts a tokenised document into windows that an encoder can read, and merges back.

Nothing is ever truncated: every token belongs to exactly one window's kept range, and
is answered from the window in which it has most context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ner_engine.types import Token

# 192 pieces hold about 140 words; attention costs little there, and the windows of a
# clinical note rarely need more context than that.
DEFAULT_MAX_PIECES = 192
# Tokens that neighbouring windows share. More costs time and finds no more: see
# docs/engine.md.
DEFAULT_CONTEXT = 4


@dataclass(frozen=True, slots=True)
class Window:
    """A run of tokens to encode together.

    ``token_start, token_end`` are read; of them ``keep_start, keep_end`` are answered.
    All four index the document's tokens, half-open.
    """

    token_start: int
    token_end: int
    keep_start: int
    keep_end: int


def cut_windows(
    tokens: Sequence[Token],
    piece_counts: Sequence[int],
    *,
    max_pieces: int = DEFAULT_MAX_PIECES,
    context: int = DEFAULT_CONTEXT,
) -> tuple[Window, ...]:
    """Cut whole tokens into windows of at most *max_pieces* pieces.

    Parameters
    ----------
    piece_counts : sequence of int
        Number of pieces of each token, special pieces not counted.
    max_pieces : int
        Room for pieces in a window, special pieces not counted.
    context : int
        Tokens that neighbouring windows share; 0 gives disjoint windows, as training
        uses them.

    Notes
    -----
    A text that fits is exactly one window. Otherwise windows begin at sentence starts
    where one lies near. A token that alone exceeds the room has a window to itself
    (the caller caps the pieces of a token, so it still fits an encoder).
    """
    if not tokens:
        return ()
    if sum(piece_counts) <= max_pieces:
        return (Window(0, len(tokens), 0, len(tokens)),)
    ranges: list[tuple[int, int]] = []
    token_start = 0
    while True:
        room_end = _fill(piece_counts, token_start, max_pieces)
        if room_end == len(tokens):
            ranges.append((token_start, room_end))
            break
        token_end, following = _break(tokens, token_start, room_end, context)
        if _fill(piece_counts, following, max_pieces) <= token_end:
            # The next token needs the room: a window of shared ones would add nothing.
            following = token_end
        ranges.append((token_start, token_end))
        token_start = following
    return _keep(ranges)


def _fill(piece_counts: Sequence[int], token_start: int, max_pieces: int) -> int:
    """Return the end of the longest run from *token_start* that has room."""
    room = max_pieces
    token_end = token_start
    while token_end < len(piece_counts) and piece_counts[token_end] <= room:
        room -= piece_counts[token_end]
        token_end += 1
    return max(token_end, token_start + 1)


def _break(
    tokens: Sequence[Token], token_start: int, room_end: int, context: int
) -> tuple[int, int]:
    """Return where this window ends and where the next begins."""
    if context == 0:
        # Disjoint: end at the last sentence start in the second half, if any.
        earliest = (token_start + room_end + 1) // 2
        cut = _last_sentence_start(tokens, earliest, room_end + 1) or room_end
        return cut, cut
    shared = min(context, (room_end - token_start) // 4)
    latest = room_end - shared
    earliest = max(token_start + 1, latest - shared)
    following = _last_sentence_start(tokens, earliest, latest + 1)
    return room_end, max(following or latest, token_start + 1)


def _last_sentence_start(
    tokens: Sequence[Token], earliest: int, before: int
) -> int | None:
    for index in range(min(before, len(tokens)) - 1, earliest - 1, -1):
        if tokens[index].sentence_start:
            return index
    return None


def _keep(ranges: list[tuple[int, int]]) -> tuple[Window, ...]:
    """Split each overlap in its middle, where the context of both sides is equal."""
    windows: list[Window] = []
    keep_start = 0
    for index, (token_start, token_end) in enumerate(ranges):
        keep_end = token_end
        if index + 1 < len(ranges):
            keep_end = (token_end + ranges[index + 1][0] + 1) // 2
        windows.append(Window(token_start, token_end, keep_start, keep_end))
        keep_start = keep_end
    return tuple(windows)
