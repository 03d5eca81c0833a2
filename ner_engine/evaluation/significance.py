"""Whether two systems differ: approximate randomisation by document, Holm's correction.

Under the null hypothesis the two systems are exchangeable on every document, so which
of them a document's counts belong to is drawn by coin, all documents at once, and the
seen difference of F1 is held against the differences that the coins give.

Sources: Noreen (1989), "Computer-Intensive Methods for Testing Hypotheses"; Yeh (2000),
"More accurate tests for the statistical significance of result differences", for F1;
Holm (1979), "A simple sequentially rejective multiple test procedure".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ner_engine.evaluation.scorer import Score

N_SHUFFLES = 10_000
# Coins are thrown in blocks of this many, so that memory stays at some 16 MB.
_BLOCK_CELLS = 2_000_000

Floats = npt.NDArray[np.float64]


def randomisation_p(
    first: Sequence[Score],
    second: Sequence[Score],
    *,
    seed: int,
    n_shuffles: int = N_SHUFFLES,
) -> float | None:
    """Return the two-sided p-value of the difference of micro F1.

    Parameters
    ----------
    first, second : sequence of Score
        One a document, of either system, in the same order of documents.
    seed : int
    n_shuffles : int
        The smallest p-value there can be is ``1 / (n_shuffles + 1)``.

    Returns
    -------
    float or None
        In (0, 1]; None without documents.

    Raises
    ------
    ValueError
        When the two systems were not scored on as many documents.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} documents do not pair")
    if not first:
        return None
    ours, theirs = _counts(first), _counts(second)  # (document, 3)
    change = theirs - ours
    total_ours, total_theirs = ours.sum(axis=0), theirs.sum(axis=0)
    seen = abs(_f1(total_ours[None]) - _f1(total_theirs[None]))[0]
    generator = np.random.default_rng(seed)
    rows = max(1, _BLOCK_CELLS // len(first))
    n_extreme = 0
    for start in range(0, n_shuffles, rows):
        size = (min(rows, n_shuffles - start), len(first))
        swapped = generator.integers(0, 2, size=size).astype(np.float64) @ change
        drawn = np.abs(_f1(total_ours + swapped) - _f1(total_theirs - swapped))
        # a hair of slack: equal differences must count as equal
        n_extreme += int((drawn >= seen - 1e-12).sum())
    return (n_extreme + 1) / (n_shuffles + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for a family of tests, in the order given.

    The k-th smallest of n is multiplied by n - k + 1, never below an adjusted one
    before it and never above 1.
    """
    adjusted = [0.0] * len(p_values)
    floor = 0.0
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    for rank, index in enumerate(order):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = floor
    return adjusted


def _counts(scores: Sequence[Score]) -> Floats:
    rows = [(score.tp, score.fp, score.fn) for score in scores]
    return np.asarray(rows, dtype=np.float64)


def _f1(counts: Floats) -> Floats:
    """F1 of rows of tp, fp, fn; 0 where nothing is counted."""
    twice = 2.0 * counts[:, 0]
    f1: Floats = twice / np.maximum(twice + counts[:, 1] + counts[:, 2], 1.0)
    return f1
