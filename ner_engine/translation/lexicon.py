"""Word translation probabilities learnt from the parallel texts themselves.

IBM model 1 (Brown et al. 1993) with an empty word and the preference for the diagonal
of fast_align (Dyer et al. 2013, its tension fixed), by expectation maximisation in both
directions. Needs no dictionary: translated notes teach the words that they repeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ner_engine.translation.alignment import Matrix
from ner_engine.translation.cognates import fold

ITERATIONS = 6
TENSION = 4.0
_EMPTY_SHARE = 0.08  # prior of the empty word, as fast_align has it
_PRIOR = 0.01  # added to counts, so that a pair seen once does not look certain
Pair = tuple[Sequence[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Translation probabilities of folded words, both ways.

    Parameters
    ----------
    forward : dict
        (source word, target word) -> probability of the target word given the source.
    backward : dict
        (source word, target word) -> probability of the source word given the target.
    """

    forward: dict[tuple[str, str], float]
    backward: dict[tuple[str, str], float]

    def matrix(self, source: Sequence[str], target: Sequence[str]) -> Matrix:
        """Return the geometric mean of both probabilities, a row a source word."""
        rows, columns = [fold(word) for word in source], [fold(word) for word in target]
        values = [
            [
                (self.forward.get((a, b), 0.0) * self.backward.get((a, b), 0.0)) ** 0.5
                for b in columns
            ]
            for a in rows
        ]
        return np.array(values, dtype=np.float64).reshape(len(rows), len(columns))


EMPTY = Lexicon({}, {})


def learn_lexicon(pairs: Sequence[Pair], *, iterations: int = ITERATIONS) -> Lexicon:
    """Learn a lexicon from (source words, target words) of paired sentences."""
    folded = [
        ([fold(word) for word in source], [fold(word) for word in target])
        for source, target in pairs
        if source and target
    ]
    forward = _learn(folded, iterations)
    turned = _learn([(target, source) for source, target in folded], iterations)
    backward = {(a, b): value for (b, a), value in turned.items()}
    return Lexicon(forward, backward)


def _learn(
    pairs: list[tuple[list[str], list[str]]], iterations: int
) -> dict[tuple[str, str], float]:
    sources = _number(word for source, _ in pairs for word in source)
    targets = _number(word for _, target in pairs for word in target)
    seen: dict[tuple[int, int], int] = {}
    cells = []
    for source, target in pairs:
        rows = [sources[word] for word in source] + [len(sources)]  # last: empty word
        columns = [targets[word] for word in target]
        index = np.array(
            [[seen.setdefault((a, b), len(seen)) for b in columns] for a in rows]
        )
        cells.append((index, _diagonal(len(source), len(target))))
    if not seen:
        return {}
    owner = np.fromiter((a for a, _ in seen), dtype=np.int64, count=len(seen))
    table = np.ones(len(seen))
    for _ in range(iterations):
        counts = np.full(len(seen), _PRIOR)
        for index, prior in cells:
            share = table[index] * prior
            share /= share.sum(axis=0, keepdims=True)
            np.add.at(counts, index, share)
        totals = np.bincount(owner, weights=counts, minlength=len(sources) + 1)
        # The prior spreads over unseen words too: rare words keep some doubt.
        table = counts / (totals[owner] + 0.5)
    words, others = list(sources), list(targets)
    return {
        (words[a], others[b]): float(table[number])
        for (a, b), number in seen.items()
        if a < len(words)
    }


def _number(words: Iterable[str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for word in words:
        numbers.setdefault(word, len(numbers))
    return numbers


def _diagonal(n: int, m: int) -> Matrix:
    """Prior of source positions (rows, the empty word last) for target positions."""
    rows = (np.arange(n)[:, None] + 0.5) / n
    columns = (np.arange(m)[None, :] + 0.5) / m
    near = np.exp(-TENSION * np.abs(rows - columns))
    near *= (1 - _EMPTY_SHARE) / near.sum(axis=0, keepdims=True)
    prior: Matrix = np.vstack([near, np.full((1, m), _EMPTY_SHARE)])
    return prior
