"""Ranges found by words and by moving an edge."""

from __future__ import annotations

import pytest

from annotator.selectors.positions import (
    crosses_turn,
    find_mention,
    move_edge,
    widen,
)
from ner_engine.text.tokens import tokenize

TEXT = "dolor leve, dolor\ntorácico"
TOKENS = [(t.start_char, t.end_char) for t in tokenize(TEXT, "es")]


@pytest.mark.parametrize(
    ("mention", "occurrence", "found"),
    [
        ("dolor", 1, "dolor"),
        ("dolor torácico", 1, "dolor\ntorácico"),
        ("olo", 2, "dolor"),
        ("dolor", 3, None),
        ("  ", 1, None),
        ("tos", 1, None),
    ],
)
def test_find_mention(mention: str, occurrence: int, found: str | None) -> None:
    place = find_mention(TEXT, TOKENS, mention, occurrence)
    assert (place and TEXT[slice(*place)]) == found


def test_widen_of_blanks_only_is_none() -> None:
    assert widen(TOKENS, 5, 6) is None


@pytest.mark.parametrize(
    ("start", "end", "move", "moved"),
    [
        (6, 10, "start-left", (0, 10)),
        (6, 10, "start-right", None),
        (6, 10, "end-right", (6, 11)),
        (6, 10, "end-left", None),
        (6, 11, "end-left", (6, 10)),
        (0, 10, "start-right", (6, 10)),
        (0, 5, "start-left", None),
        (18, 26, "end-right", None),
        (7, 9, "end-right", (7, 11)),
    ],
)
def test_move_edge(
    start: int, end: int, move: str, moved: tuple[int, int] | None
) -> None:
    assert move_edge(TOKENS, start, end, move) == moved


@pytest.mark.parametrize(
    ("place", "crosses"),
    [
        ((5, 9), False),  # the words of the first turn
        ((5, 7), False),
        ((0, 4), False),  # a name
        ((9, 10), False),  # the break between
        ((0, 7), True),  # a name and words
        ((7, 12), True),  # words and the next name
        ((7, 17), True),
        ((0, 30), True),
        ((30, 33), False),  # behind the last turn
    ],
)
def test_crosses_turn(place: tuple[int, int], crosses: bool) -> None:
    turns = [{"start": 5, "end": 9}, {"start": 15, "end": 20}]
    assert crosses_turn(turns, *place) is crosses
