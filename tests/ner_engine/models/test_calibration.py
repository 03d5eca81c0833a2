"""Calibration: fitted values against counts, and when it leaves things alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.errors import BadInput
from ner_engine.models.calibration import (
    MIN_SPANS,
    Calibration,
    fit_calibration,
    fit_isotonic,
)


def overconfident(n_spans, seed=0):
    """Posteriors whose log-odds are three times what they should be."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(1.0, 1.5, n_spans)
    honest = 1 / (1 + np.exp(-odds))
    right = rng.random(n_spans) < honest
    claimed = 1 / (1 + np.exp(-3 * odds))
    return claimed.tolist(), right.tolist(), honest


def test_fitted_confidence_is_near_the_honest_probability():
    claimed, right, honest = overconfident(4_000)
    calibration = fit_calibration(claimed, right, ["es"] * 4_000)
    fitted = [calibration.apply(value, "es") for value in claimed]
    assert np.abs(np.array(fitted) - honest).mean() < 0.03
    assert np.abs(np.array(claimed) - honest).mean() > 0.1


def test_too_few_spans_keep_the_parents_calibrator():
    claimed, right, _ = overconfident(300)
    parent = fit_calibration(claimed, right, ["es"] * 300)
    n_few = MIN_SPANS - 1
    child = fit_calibration(
        claimed[:n_few], right[:n_few], ["es"] * n_few, parent=parent
    )
    assert child == parent


def test_too_few_spans_without_parent_change_nothing():
    calibration = fit_calibration([0.3, 0.8], [True, False], ["es", "es"])
    assert calibration.apply(0.3, "es") == 0.3
    assert calibration.apply(0.8, "fr") == 0.8


def test_languages_are_fitted_apart_and_an_unseen_one_takes_all():
    claimed, right, _ = overconfident(800)
    languages = ["es"] * 600 + ["fr"] * 200
    wrong_in_french = right[:600] + [False] * 200
    calibration = fit_calibration(claimed, wrong_in_french, languages)
    assert calibration.apply(0.9, "fr") < 0.1 < calibration.apply(0.9, "es")
    assert calibration.languages["fr"].n_spans == 200
    assert calibration.default.n_spans == 800


@given(
    st.lists(
        st.tuples(st.floats(0.0001, 0.9999), st.booleans()), min_size=15, max_size=200
    )
)
def test_isotonic_values_rise_and_stay_inside_zero_and_one(rows):
    scores = np.array([score for score, _ in rows])
    right = np.array([float(is_right) for _, is_right in rows])
    knots, values = fit_isotonic(scores, right)
    assert list(values) == sorted(values)
    assert list(knots) == sorted(knots)
    assert all(0 < value < 1 for value in values)


def test_isotonic_pools_a_violation_into_its_mean():
    # Groups of 15: accuracies 9/15 then 6/15 violate the order; pooled 15/30, and
    # (15 + 1) / (30 + 2) = 0.5 with the two imaginary spans. Then 15/15: 16/17.
    scores = np.repeat([0.2, 0.5, 0.9], 15)
    right = np.array([1.0] * 9 + [0.0] * 6 + [1.0] * 6 + [0.0] * 9 + [1.0] * 15)
    knots, values = fit_isotonic(scores, right)
    assert knots == pytest.approx((0.35, 0.9))
    assert values == pytest.approx((0.5, 16 / 17))


def test_json_round_trip_is_the_identity():
    claimed, right, _ = overconfident(300)
    calibration = fit_calibration(claimed, right, ["es"] * 300)
    back = Calibration.from_json(json.loads(json.dumps(calibration.to_json())))
    assert back == calibration
    assert Calibration.from_json(Calibration().to_json()) == Calibration()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"default": {}, "languages": {}},
        {"default": None, "languages": []},
        {
            "default": {"temperature": 1, "knots": [1], "values": [], "n_spans": 0},
            "languages": {},
        },
    ],
)
def test_what_is_no_calibration_is_refused(values):
    with pytest.raises(BadInput):
        Calibration.from_json(values)
