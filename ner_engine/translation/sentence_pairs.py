"""Pairs the sentences of a text with those of its translation.

Dynamic programming over lengths (Gale & Church 1993) and over words that both sides
share: numbers and cognates. Word alignment then works on one block at a time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ner_engine.text.tokens import tokenize
from ner_engine.translation.candidates import Side, Word
from ner_engine.translation.cognates import skeleton

# (source sentences, target sentences) of a step, and what it costs.
_STEPS = {(1, 1): 0.0, (1, 2): 0.6, (2, 1): 0.6, (2, 2): 1.2, (1, 0): 2.0, (0, 1): 2.0}
_LENGTH_COST = 1.0
_ANCHOR_COST = 2.0
_ANCHOR_LETTERS = 5  # cognates share their first letters
_BAND = 12  # sentences off the diagonal that are looked at
_INFINITE = float("inf")


class Block(NamedTuple):
    """Ranges of both texts that translate each other, and the words in them.

    Parameters
    ----------
    source_words, target_words : (int, int)
        Half-open ranges of the words of the whole texts; either may be empty.
    """

    source_words: tuple[int, int]
    target_words: tuple[int, int]


def words_of(text: str, language: str) -> tuple[tuple[Word, ...], tuple[int, ...]]:
    """Return a text's words as ranges, and which of them start a sentence."""
    tokens = tokenize(text, language)
    words = tuple((token.start_char, token.end_char) for token in tokens)
    starts = tuple(
        number for number, token in enumerate(tokens) if token.sentence_start
    )
    return words, starts


def pair_sentences(
    source: Side,
    target: Side,
    source_starts: Sequence[int],
    target_starts: Sequence[int],
) -> list[Block]:
    """Return blocks in order; each word of both sides is in one block.

    Parameters
    ----------
    source, target : Side
    source_starts, target_starts : sequence of int
        Numbers of the words that start a sentence.
    """
    ours = _sentences(len(source.words), source_starts)
    theirs = _sentences(len(target.words), target_starts)
    if not ours or not theirs:
        return [Block((0, len(source.words)), (0, len(target.words)))]
    path = _best_path([_of(source, s) for s in ours], [_of(target, s) for s in theirs])
    blocks = []
    at = to = 0
    for n, m in path:
        first = ours[at][0] if at < len(ours) else len(source.words)
        start = theirs[to][0] if to < len(theirs) else len(target.words)
        at, to = at + n, to + m
        blocks.append(
            Block(
                (first, ours[at - 1][1] if n else first),
                (start, theirs[to - 1][1] if m else start),
            )
        )
    return blocks


class _Sentence(NamedTuple):
    n_chars: int
    anchors: frozenset[str]


def _sentences(n_words: int, starts: Sequence[int]) -> list[tuple[int, int]]:
    edges = sorted({0, *starts, n_words})
    return [(a, b) for a, b in pairwise(edges) if a < b]


def _of(side: Side, words: tuple[int, int]) -> _Sentence:
    start, end = side.words[words[0]][0], side.words[words[1] - 1][1]
    anchors = set()
    for word in re.findall(r"\d+|[^\W\d_]{4,}", side.text[start:end]):
        anchors.add(word if word.isdigit() else skeleton(word)[:_ANCHOR_LETTERS])
    return _Sentence(end - start, frozenset(anchors))


def _best_path(
    ours: Sequence[_Sentence], theirs: Sequence[_Sentence]
) -> list[tuple[int, int]]:
    n, m = len(ours), len(theirs)
    costs = {(0, 0): 0.0}
    steps: dict[tuple[int, int], tuple[int, int]] = {}
    band = _BAND + abs(n - m)
    for i in range(n + 1):
        middle = round(i * m / n)
        for j in range(max(0, middle - band), min(m, middle + band) + 1):
            for step, price in _STEPS.items():
                before = costs.get((i - step[0], j - step[1]), _INFINITE)
                if before == _INFINITE:
                    continue
                cost = before + price
                cost += _cost(ours[i - step[0] : i], theirs[j - step[1] : j])
                if cost < costs.get((i, j), _INFINITE):
                    costs[i, j], steps[i, j] = cost, step
    path = []
    at = (n, m)
    while at != (0, 0):
        step = steps[at]
        path.append(step)
        at = (at[0] - step[0], at[1] - step[1])
    return path[::-1]


def _cost(ours: Sequence[_Sentence], theirs: Sequence[_Sentence]) -> float:
    if not ours or not theirs:
        return 0.0
    lengths = (sum(s.n_chars for s in ours) + 5, sum(s.n_chars for s in theirs) + 5)
    left = frozenset[str]().union(*(sentence.anchors for sentence in ours))
    right = frozenset[str]().union(*(sentence.anchors for sentence in theirs))
    both = len(left) + len(right)
    shared = 2 * len(left & right) / both if both else 0.5
    apart = abs(lengths[0] - lengths[1]) / max(lengths)
    return _LENGTH_COST * apart + _ANCHOR_COST * (1 - shared)
