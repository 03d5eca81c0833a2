"""Intervals of F1 by the bootstrap over documents.

Documents are drawn, not spans: the spans of a note are not independent of each other.
A difference of two systems is drawn on the same documents for both (paired).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ner_engine.evaluation.scorer import Score

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

N_SAMPLES = 1_000
LEVEL = 0.95


class Interval(NamedTuple):
    """A percentile interval."""

    low: float
    high: float


class Difference(NamedTuple):
    """F1 of the first system less that of the second, with its interval."""

    f1: float
    low: float
    high: float


def f1_interval(
    scores: Sequence[Score],
    *,
    seed: int,
    n_samples: int = N_SAMPLES,
    level: float = LEVEL,
) -> Interval | None:
    """Return the interval of micro F1 over documents.

    Parameters
    ----------
    scores : sequence of Score
        One a document.
    seed : int
    n_samples : int
        Number of draws of as many documents, with replacement.
    level : float
        Share of the draws inside, half of the rest on either side.

    Returns
    -------
    Interval or None
        None without documents.
    """
    if not scores:
        return None
    weights = _draws(len(scores), seed, n_samples)
    return _percentiles(_f1(weights @ _counts(scores)), level)


def macro_f1(by_label: Sequence[Sequence[Score]]) -> float | None:
    """Return the mean F1 over labels that have gold; None when none has.

    A label that only occurs in predictions has no F1 to average: its false positives
    lower the micro average.
    """
    totals = [sum(scores, Score()) for scores in by_label]
    counted = [total.f1 for total in totals if total.n_gold]
    return sum(counted) / len(counted) if counted else None


def macro_interval(
    by_label: Sequence[Sequence[Score]],
    *,
    seed: int,
    n_samples: int = N_SAMPLES,
    level: float = LEVEL,
) -> Interval | None:
    """Return the interval of macro F1 over documents.

    Parameters
    ----------
    by_label : sequence of sequence of Score
        For each label, a score a document, in the same order of documents.
    seed, n_samples, level
        As `f1_interval` takes them; the same documents are drawn for all labels.

    Returns
    -------
    Interval or None
        None when no label has gold.
    """
    counted = [row for row in by_label if sum(row, Score()).n_gold]
    if not counted:
        return None
    weights = _draws(len(counted[0]), seed, n_samples)
    drawn = np.mean([_f1(weights @ _counts(row)) for row in counted], axis=0)
    return _percentiles(drawn, level)


def f1_difference(
    first: Sequence[Score],
    second: Sequence[Score],
    *,
    seed: int,
    n_samples: int = N_SAMPLES,
    level: float = LEVEL,
) -> Difference | None:
    """Return the paired difference of F1, first less second.

    Raises
    ------
    ValueError
        When the two systems were not scored on as many documents.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} documents do not pair")
    if not first:
        return None
    weights = _draws(len(first), seed, n_samples)
    drawn = _f1(weights @ _counts(first)) - _f1(weights @ _counts(second))
    seen = sum(first, Score()).f1 - sum(second, Score()).f1
    return Difference(seen, *_percentiles(drawn, level))


def _counts(scores: Sequence[Score]) -> IntArray:
    rows = [(score.tp, score.fp, score.fn) for score in scores]
    return np.asarray(rows, dtype=np.int64)  # (document, 3)


def _draws(n_documents: int, seed: int, n_samples: int) -> IntArray:
    """Return how often each document is in each draw: (sample, document)."""
    generator = np.random.default_rng(seed)
    shares = np.full(n_documents, 1 / n_documents)
    return generator.multinomial(n_documents, shares, size=n_samples)


def _f1(counts: IntArray) -> FloatArray:
    """F1 of rows of tp, fp, fn; 0 where nothing is counted."""
    tp = 2.0 * counts[:, 0]
    total = tp + counts[:, 1] + counts[:, 2]
    f1: FloatArray = tp / np.maximum(total, 1.0)  # totals are whole; 0 only with tp 0
    return f1


def _percentiles(values: FloatArray, level: float) -> Interval:
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))
