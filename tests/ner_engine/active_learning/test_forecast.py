"""Forecasts against curves whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from ner_engine.active_learning.forecast import fit_curve, forecast_labels


def truth(n_notes, ceiling=0.85, drop=0.5, rate=0.6, first=10):
    return ceiling - drop * (np.asarray(n_notes, float) / first) ** -rate


ROUNDS = np.arange(10, 110, 10)


def test_a_curve_without_scatter_is_forecast_closely():
    curve = fit_curve(ROUNDS, truth(ROUNDS))

    gain = curve.forecast(100)

    expected = truth(200) - truth(100)
    assert gain.gain == pytest.approx(expected, abs=0.015)
    assert gain.low <= expected <= gain.high
    assert gain.f1 == pytest.approx(truth(200), abs=0.015)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    n_curves = held = 0
    for _ in range(80):
        ceiling, rate = rng.uniform(0.6, 0.95), rng.uniform(0.3, 1.2)
        drop = ceiling * rng.uniform(0.3, 0.8)
        n_rounds = int(rng.integers(4, 12))
        sizes = np.arange(10, 10 * n_rounds + 10, 10)
        noisy = truth(sizes, ceiling, drop, rate) + rng.normal(0, 0.01, n_rounds)
        gain = fit_curve(sizes, noisy.clip(0, 1)).forecast(40)
        now, later = truth([sizes[-1], sizes[-1] + 40], ceiling, drop, rate)
        n_curves += 1
        held += gain.low <= later - now <= gain.high

    # 95 % asked for; 80 curves: below 85 % would be five standard errors off.
    assert held / n_curves >= 0.85


def test_more_rounds_narrow_the_interval():
    rng = np.random.default_rng(1)
    sizes = np.arange(10, 310, 10)
    scores = truth(sizes) + rng.normal(0, 0.01, len(sizes))

    few = fit_curve(sizes[:5], scores[:5]).forecast(40)
    many = fit_curve(sizes, scores).forecast(40)

    assert many.high - many.low < (few.high - few.low) / 2


def test_more_notes_never_promise_less():
    curve = fit_curve(ROUNDS, truth(ROUNDS))

    gains = [curve.forecast(n_more).gain for n_more in (0, 10, 40, 160)]

    assert gains[0] == 0.0
    assert gains == sorted(gains)
    assert gains[-1] > gains[1]


def test_a_flat_curve_promises_about_nothing():
    gain = fit_curve(ROUNDS, np.full(10, 0.7)).forecast(40)

    assert gain.low >= 0
    assert gain.gain < 0.01


def test_a_forecast_stays_below_one():
    gain = fit_curve(ROUNDS, truth(ROUNDS, ceiling=0.99)).forecast(10_000)

    assert gain.f1_high <= 1.0


def test_two_rounds_are_not_enough_to_say():
    assert fit_curve([10, 20], [0.4, 0.5]) is None
    assert fit_curve([10, 10, 20], [0.4, 0.42, 0.5]) is None


def test_minutes_follow_the_pace_given():
    curve = fit_curve(ROUNDS, truth(ROUNDS))

    assert curve.forecast(40, minutes_per_note=2.75).minutes == 110
    assert curve.forecast(40).to_json()["minutes"] is None


def test_labels_are_forecast_one_by_one():
    gains = forecast_labels(
        ROUNDS,
        {"FAST": truth(ROUNDS, rate=3.0), "SLOW": truth(ROUNDS, rate=0.2)},
        40,
    )

    assert gains["SLOW"].gain > gains["FAST"].gain + 0.005


@pytest.mark.parametrize(
    ("sizes", "scores"),
    [([1, 2], [0.5]), ([0, 1, 2], [0.1, 0.2, 0.3]), ([1, 2, 3], [0.1, 0.2, 1.3])],
)
def test_impossible_rounds_are_refused(sizes, scores):
    with pytest.raises(ValueError):
        fit_curve(sizes, scores)
