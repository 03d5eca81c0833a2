"""Stability and plateau on rounds made by hand."""

from __future__ import annotations

import pytest

from ner_engine.active_learning.stopping import advise, is_stable, span_kappa
from ner_engine.types import Span

FIRST, SECOND = Span(0, 4, "A"), Span(10, 14, "B")


def test_kappa_of_the_same_predictions_is_one_and_of_none_unknown():
    assert span_kappa([[FIRST]], [[FIRST]], [50]) == pytest.approx(1.0)
    assert span_kappa([[]], [[]], [50]) is None


def test_kappa_equals_cohens_on_the_ranges_of_a_note():
    # 3 tokens: 3 + 2 + 1 = 6 ranges. One span shared, one of the first model alone:
    # observed 5/6, by chance (2*1 + 4*5) / 36.
    kappa = span_kappa([[FIRST, SECOND]], [[FIRST]], [3])

    assert kappa == pytest.approx((5 / 6 - 22 / 36) / (1 - 22 / 36))


def test_kappa_on_long_notes_is_close_to_f1_of_one_against_the_other():
    before = [[FIRST, SECOND], [FIRST]]
    after = [[FIRST], [FIRST, SECOND]]

    # 2 shared of 3 and 3: F1 2/3.
    assert span_kappa(before, after, [2000, 2000]) == pytest.approx(2 / 3, abs=1e-3)


def test_another_label_is_a_disagreement():
    assert span_kappa([[FIRST]], [[Span(0, 4, "B")]], [500]) < 0.01


def test_notes_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="same notes"):
        span_kappa([[FIRST]], [[FIRST], []], [10])


def test_stable_needs_three_rounds_in_a_row():
    assert is_stable([0.5, 0.99, 0.995, 1.0])
    assert not is_stable([0.99, 0.995])
    assert not is_stable([0.99, 0.98, 1.0])
    assert not is_stable([0.99, None, 1.0])


def test_advice_to_stop_needs_both_rules():
    flat = [0.6, 0.7, 0.702, 0.701, 0.703]
    rising = [0.6, 0.7, 0.72, 0.74, 0.76]
    still = [0.9, 0.99, 0.995, 0.992]

    assert advise(still, flat).should_stop
    assert not advise(still, rising).should_stop
    assert not advise([0.9, 0.95, 0.97], flat).should_stop


def test_advice_names_its_ground():
    advice = advise([0.9, 0.99, 0.995, 0.992], [0.6, 0.7, 0.702, 0.701, 0.703])

    assert advice.to_json() == {
        "should_stop": True,
        "is_stable": True,
        "has_plateaued": True,
        "kappa": 0.99,
        "gain": pytest.approx(0.003),
    }


def test_without_held_out_scores_nobody_is_told_to_stop():
    advice = advise([1.0, 1.0, 1.0], [])

    assert advice.is_stable
    assert advice.has_plateaued is None
    assert not advice.should_stop
