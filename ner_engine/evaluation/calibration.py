"""How far confidences are from the share of spans that are right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

N_BINS = 15
N_NULL_SAMPLES = 1_000

Floats = npt.NDArray[np.float64]


class Null(NamedTuple):
    """Errors that a perfectly calibrated model would show by chance alone."""

    mean: float
    p95: float


class Bin(NamedTuple):
    """The spans of one bin of a reliability diagram."""

    n_spans: int
    confidence: float  # mean
    accuracy: float  # share correct


def expected_calibration_error(
    confidences: npt.ArrayLike, is_correct: npt.ArrayLike, *, n_bins: int = N_BINS
) -> float | None:
    """Return the expected calibration error over bins of equal mass.

    Parameters
    ----------
    confidences : array, float, (span,)
        In [0, 1].
    is_correct : array, bool, (span,)
    n_bins : int
        Bins hold as many spans each, as near as ties allow: equal confidences share a
        bin, so the order of the spans never matters.

    Returns
    -------
    float or None
        Mean over bins, weighted by their spans, of |mean confidence - share correct|;
        None without spans.

    Source: Nixon et al. (2019), "Measuring Calibration in Deep Learning", section 3
    (adaptive bins).
    """
    confidence, correct = _checked(confidences, is_correct)
    if len(confidence) == 0:
        return None
    sums = np.bincount(_bins(confidence, n_bins), weights=confidence - correct)
    return float(np.abs(sums).sum() / len(confidence))


def calibration_null(
    confidences: npt.ArrayLike,
    *,
    seed: int,
    n_bins: int = N_BINS,
    n_samples: int = N_NULL_SAMPLES,
) -> Null | None:
    """Return the error that chance alone gives these confidences.

    The expected calibration error is never zero on a finite sample. Here every span is
    right with exactly the probability that its confidence says, drawn *n_samples*
    times: an error below ``p95`` is no evidence against the confidences.

    Returns
    -------
    Null or None
        Mean and 95th percentile of the simulated errors; None without spans.

    Source: consistency resampling, Bröcker and Smith (2007), "Increasing the
    Reliability of Reliability Diagrams".
    """
    confidence, _ = _checked(confidences, confidences)
    n_spans = len(confidence)
    if n_spans == 0:
        return None
    bins = _bins(confidence, n_bins)
    order = np.argsort(bins, kind="stable")
    sorted_confidence = confidence[order]
    starts = np.flatnonzero(np.diff(bins[order], prepend=-1))
    generator = np.random.default_rng(seed)
    errors = np.empty(n_samples)
    for sample in range(n_samples):
        correct = generator.random(n_spans) < sorted_confidence
        sums = np.add.reduceat(sorted_confidence - correct, starts)
        errors[sample] = np.abs(sums).sum() / n_spans
    return Null(float(errors.mean()), float(np.quantile(errors, 0.95)))


def reliability_bins(
    confidences: npt.ArrayLike, is_correct: npt.ArrayLike, *, n_bins: int = N_BINS
) -> list[Bin]:
    """Return the bins of `expected_calibration_error`, by rising confidence."""
    confidence, correct = _checked(confidences, is_correct)
    if len(confidence) == 0:
        return []
    bins = _bins(confidence, n_bins)
    counts = np.bincount(bins)
    means = np.bincount(bins, weights=confidence) / np.maximum(counts, 1)
    shares = np.bincount(bins, weights=correct) / np.maximum(counts, 1)
    return [
        Bin(int(n_spans), float(mean), float(share))
        for n_spans, mean, share in zip(counts, means, shares, strict=True)
        if n_spans
    ]


def brier_score(confidences: npt.ArrayLike, is_correct: npt.ArrayLike) -> float | None:
    """Return the mean squared distance of confidence from outcome; None for none."""
    confidence, correct = _checked(confidences, is_correct)
    if len(confidence) == 0:
        return None
    return float(np.mean((confidence - correct) ** 2))


def _bins(confidence: Floats, n_bins: int) -> npt.NDArray[np.int64]:
    """Return the bin of each span, (span,); equal confidences share one."""
    n_spans = len(confidence)
    ordered = np.sort(confidence)
    n_bins = min(n_bins, n_spans)
    edges = ordered[[n_spans * rank // n_bins for rank in range(1, n_bins)]]
    return np.searchsorted(np.unique(edges), confidence, side="right")


def _checked(
    confidences: npt.ArrayLike, is_correct: npt.ArrayLike
) -> tuple[Floats, Floats]:
    confidence = np.asarray(confidences, dtype=np.float64)
    correct = np.asarray(is_correct, dtype=np.float64)
    if confidence.ndim != 1 or confidence.shape != correct.shape:
        raise ValueError(f"shapes {confidence.shape} and {correct.shape} do not pair")
    if confidence.size and not (confidence.min() >= 0 and confidence.max() <= 1):
        raise ValueError("a confidence lies outside [0, 1]")
    return confidence, correct
