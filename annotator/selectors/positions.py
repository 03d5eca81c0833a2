"""Finding ranges without a script's selection: by words, and by moving an edge."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

TokenRow = Sequence[int]


def find_mention(
    text: str, tokens: Sequence[TokenRow], mention: str, occurrence: int
) -> tuple[int, int] | None:
    """Return the range of the n-th time that the words stand in the text.

    Case is respected; blanks match any white space. The range is widened to whole
    tokens.
    """
    words = mention.split()
    if not words:
        return None
    pattern = re.compile(r"\s+".join(map(re.escape, words)))
    for number, match in enumerate(pattern.finditer(text), start=1):
        if number == occurrence:
            return widen(tokens, match.start(), match.end())
    return None


def widen(tokens: Sequence[TokenRow], start: int, end: int) -> tuple[int, int] | None:
    """Return the smallest range of whole tokens that covers the range."""
    first = bisect_right(tokens, start, key=lambda token: token[1])
    last = bisect_left(tokens, end, key=lambda token: token[0]) - 1
    if first > last:
        return None
    return tokens[first][0], tokens[last][1]


def crosses_turn(
    turns: Sequence[Mapping[str, Any]], start_char: int, end_char: int
) -> bool:
    """Tell whether a range shares words with a turn without lying inside it."""
    return any(
        start_char < turn["end"]
        and end_char > turn["start"]
        and not (turn["start"] <= start_char and end_char <= turn["end"])
        for turn in turns
    )


def move_edge(
    tokens: Sequence[TokenRow], start: int, end: int, move: str
) -> tuple[int, int] | None:
    """Shift the start or the end by one token; None where there is no room."""
    edge, direction = move.split("-")
    first = bisect_right(tokens, start, key=lambda token: token[1])
    last = bisect_left(tokens, end, key=lambda token: token[0]) - 1
    step = -1 if direction == "left" else 1
    if edge == "start":
        first += step
    else:
        last += step
    if first < 0 or last >= len(tokens) or first > last:
        return None
    new_start = tokens[first][0] if edge == "start" else start
    new_end = tokens[last][1] if edge == "end" else end
    return new_start, new_end
