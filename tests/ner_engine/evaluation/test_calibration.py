"""Calibration error against hand counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.evaluation.calibration import (
    brier_score,
    calibration_null,
    expected_calibration_error,
    reliability_bins,
)

pairs = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.booleans()), min_size=1
)


def test_ece_two_bins_hand_count():
    # bins (0.2, 0.4) with 1 of 2 right and (0.6, 0.8) with 2 of 2 right:
    # (|0.3 - 0.5| + |0.7 - 1.0|) / 2 = 0.25
    ece = expected_calibration_error(
        [0.8, 0.2, 0.6, 0.4], [True, True, True, False], n_bins=2
    )
    assert ece == pytest.approx(0.25)


def test_ece_equal_confidences_share_a_bin():
    assert expected_calibration_error(
        [0.5] * 4, [True, False, True, False]
    ) == pytest.approx(0)


def test_ece_perfect_and_worst():
    assert expected_calibration_error([1, 1, 0], [1, 1, 0]) == 0
    assert expected_calibration_error([1, 1, 1], [0, 0, 0]) == 1


def test_brier_hand_count():
    # (0.2^2 + 0.6^2) / 2
    assert brier_score([0.8, 0.6], [True, False]) == pytest.approx(0.2)


def test_no_spans_have_no_calibration():
    assert expected_calibration_error([], []) is None
    assert brier_score([], []) is None


@given(pairs, st.integers(1, 20))
def test_ece_order_never_matters_and_one_bin_bounds_it(rows, n_bins):
    confidence = np.array([row[0] for row in rows])
    correct = np.array([row[1] for row in rows])
    ece = expected_calibration_error(confidence, correct, n_bins=n_bins)
    back = expected_calibration_error(confidence[::-1], correct[::-1], n_bins=n_bins)
    assert ece == pytest.approx(back)
    overall = abs(confidence.mean() - correct.mean())
    assert overall - 1e-9 <= ece <= 1


@pytest.mark.parametrize(
    ("confidences", "correct", "reason"),
    [
        ([0.5], [True, False], "do not pair"),
        ([[0.5]], [[True]], "do not pair"),
        ([1.5], [True], "outside"),
        ([float("nan")], [True], "outside"),
    ],
)
def test_calibration_bad_input_is_refused(confidences, correct, reason):
    with pytest.raises(ValueError, match=reason):
        expected_calibration_error(confidences, correct)


def test_calibration_null_of_one_bin_equals_the_binomial():
    # 100 spans of 0.5: |share - 0.5| has mean 0.0398 and 95th percentile 0.10 (10
    # heads from the middle: P(40 <= heads <= 60) = 0.965, P(41 .. 59) = 0.943)
    null = calibration_null([0.5] * 100, seed=0, n_samples=4000)
    assert null.mean == pytest.approx(0.0398, abs=0.002)
    assert null.p95 == pytest.approx(0.10)
    assert null == calibration_null([0.5] * 100, seed=0, n_samples=4000)


def test_calibration_null_holds_what_is_calibrated_and_not_what_is_not():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1, size=800)
    null = calibration_null(confidence, seed=1)
    right = rng.random(800) < confidence
    overconfident = rng.random(800) < confidence - 0.15
    assert expected_calibration_error(confidence, right) <= null.p95
    assert expected_calibration_error(confidence, overconfident) > null.p95


def test_calibration_null_of_certainty_is_zero():
    assert calibration_null([0.0, 1.0, 1.0], seed=0) == (0.0, 0.0)
    assert calibration_null([], seed=0) is None


@given(pairs, st.integers(1, 20))
def test_reliability_bins_give_the_error_again(rows, n_bins):
    confidence, correct = zip(*rows, strict=True)
    bins = reliability_bins(confidence, correct, n_bins=n_bins)
    assert sum(row.n_spans for row in bins) == len(rows)
    error = sum(row.n_spans * abs(row.confidence - row.accuracy) for row in bins)
    assert error / len(rows) == pytest.approx(
        expected_calibration_error(confidence, correct, n_bins=n_bins)
    )
