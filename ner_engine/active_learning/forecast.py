"""Forecasts a learning curve: what the next notes will bring, with an interval.

The curve is a power law, ``F1(n) = ceiling - drop * (n / n0) ** -rate``. Few rounds do
not tell its three numbers apart, so none is picked: every combination on a grid is
weighed by how well it fits, and the interval is that of the weighted curves. Nothing is
drawn by chance.

Source: Figueroa et al. (2012), "Predicting sample size required for classification
performance", for the form; the grid posterior in place of their least squares is ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ner_engine.active_learning.pool import Floats

MIN_ROUNDS = 3
LEVEL = 0.95
# Scatter of F1 that is assumed before any is seen, worth _PRIOR_ROUNDS rounds.
_SCATTER = 0.01
_PRIOR_ROUNDS = 2.0
_CEILINGS = np.linspace(0.02, 1.0, 80)
_STARTS = np.linspace(0.0, 1.0, 60)  # F1 at the first round, as a share of the ceiling
_RATES = np.geomspace(0.05, 3.0, 40)


@dataclass(frozen=True, slots=True)
class Gain:
    """What more notes bring; F1 from 0 to 1.

    Parameters
    ----------
    n_more : float
        Notes beyond the last round.
    gain, low, high : float
        Median of F1 after less F1 now, both of the curve and not of a noisy round, with
        its interval.
    f1, f1_low, f1_high : float
        F1 after.
    minutes : float, optional
        Of annotation, at the pace given.
    """

    n_more: float
    gain: float
    low: float
    high: float
    f1: float
    f1_low: float
    f1_high: float
    minutes: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """A fitted curve: combinations of the three numbers with their weights.

    Parameters
    ----------
    ceilings, drops, rates, weights : float64, (M,)
        Combinations that fit; weights sum to 1.
    first, last : float
        Notes of the first and of the last round.
    """

    ceilings: Floats
    drops: Floats
    rates: Floats
    weights: Floats
    first: float
    last: float

    def f1_at(self, n_notes: float) -> Floats:
        """Return F1 after so many notes under each combination, (M,)."""
        shrunk = (max(n_notes, self.first) / self.first) ** -self.rates
        values: Floats = self.ceilings - self.drops * shrunk
        return values

    def quantiles(self, values: Floats, levels: Sequence[float]) -> Floats:
        """Return weighted quantiles of a value of each combination."""
        order = np.argsort(values, kind="stable")
        reached = np.cumsum(self.weights[order])
        places = np.searchsorted(reached, np.array(levels) * reached[-1])
        found: Floats = values[order][np.minimum(places, len(values) - 1)]
        return found

    def forecast(
        self,
        n_more: float,
        *,
        level: float = LEVEL,
        minutes_per_note: float | None = None,
    ) -> Gain:
        """Say what *n_more* notes beyond the last round bring."""
        if n_more < 0:
            raise ValueError("a forecast looks forward")
        tail = (1 - level) / 2
        after = self.f1_at(self.last + n_more)
        levels = (0.5, tail, 1 - tail)
        gain, low, high = self.quantiles(after - self.f1_at(self.last), levels)
        f1, f1_low, f1_high = self.quantiles(after, levels)
        return Gain(
            n_more=n_more,
            gain=float(gain),
            low=float(low),
            high=float(high),
            f1=float(f1),
            f1_low=float(f1_low),
            f1_high=float(f1_high),
            minutes=None if minutes_per_note is None else minutes_per_note * n_more,
        )


def fit_curve(n_notes: Sequence[float], f1: Sequence[float]) -> LearningCurve | None:
    """Fit a learning curve to the rounds so far.

    Parameters
    ----------
    n_notes : sequence of float
        Annotated notes of each round, above 0; for a label perhaps its spans.
    f1 : sequence of float
        Held-out F1 of each round, 0 to 1.

    Returns
    -------
    LearningCurve or None
        None with fewer than `MIN_ROUNDS` different sizes: not enough to say.

    Raises
    ------
    ValueError
        When the two differ in length, or a value is out of its range.
    """
    sizes, scores = np.array(n_notes, np.float64), np.array(f1, np.float64)
    if sizes.shape != scores.shape or sizes.ndim != 1:
        raise ValueError(f"{len(n_notes)} sizes and {len(f1)} scores do not pair")
    if (sizes <= 0).any() or ((scores < 0) | (scores > 1)).any():
        raise ValueError("sizes are above 0 and F1 is from 0 to 1")
    if len(np.unique(sizes)) < MIN_ROUNDS:
        return None
    first, last = float(sizes.min()), float(sizes.max())
    ceilings, starts, rates = (
        grid.reshape(-1)
        for grid in np.meshgrid(_CEILINGS, _STARTS, _RATES, indexing="ij")
    )
    drops = ceilings * (1 - starts)
    squares = np.zeros(len(ceilings))
    for size, score in zip(sizes, scores, strict=True):
        fitted = ceilings - drops * (size / first) ** -rates
        squares += (score - fitted) ** 2
    # The scatter is unknown and integrated out: a Student's t on the residuals.
    n_free = len(sizes) + _PRIOR_ROUNDS
    logs = -n_free / 2 * np.log(squares + _PRIOR_ROUNDS * _SCATTER**2)
    weights = np.exp(logs - logs.max())
    kept = weights > 1e-9
    weights = weights[kept] / weights[kept].sum()
    return LearningCurve(ceilings[kept], drops[kept], rates[kept], weights, first, last)


def forecast_labels(
    n_notes: Sequence[float],
    by_label: Mapping[str, Sequence[float]],
    n_more: float,
    *,
    level: float = LEVEL,
    minutes_per_note: float | None = None,
) -> dict[str, Gain]:
    """Forecast each label of its own; labels without enough rounds are left out."""
    gains: dict[str, Gain] = {}
    for label, scores in by_label.items():
        curve = fit_curve(n_notes, scores)
        if curve is not None:
            gains[label] = curve.forecast(
                n_more, level=level, minutes_per_note=minutes_per_note
            )
    return gains
