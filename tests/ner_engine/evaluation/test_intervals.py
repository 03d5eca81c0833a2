"""Bootstrap intervals: seeded, paired, and right where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.evaluation.intervals import (
    Difference,
    f1_difference,
    f1_interval,
    macro_f1,
    macro_interval,
)
from ner_engine.evaluation.scorer import Score

counts = st.builds(Score, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
MIXED = [Score(3, 1, 2), Score(0, 2, 1), Score(5, 0, 0), Score(1, 4, 3)]


def test_f1_interval_same_seed_gives_the_same_interval():
    assert f1_interval(MIXED, seed=3) == f1_interval(MIXED, seed=3)
    assert f1_interval(MIXED, seed=3) != f1_interval(MIXED, seed=4)


def test_f1_interval_equal_documents_have_no_width():
    interval = f1_interval([Score(2, 1, 1)] * 5, seed=0)
    assert interval == pytest.approx((2 / 3, 2 / 3))


def test_f1_interval_two_documents_equals_enumeration():
    # draws: both the first (1/4), one of each (1/2), both the second (1/4)
    interval = f1_interval([Score(1, 0, 0), Score(0, 1, 1)], seed=0, level=0.9)
    assert interval == (0.0, 1.0)
    narrow = f1_interval([Score(1, 0, 0), Score(0, 1, 1)], seed=0, level=0.4)
    assert narrow == (0.5, 0.5)


def test_f1_interval_without_documents_is_none():
    assert f1_interval([], seed=0) is None
    assert f1_difference([], [], seed=0) is None


@given(st.lists(counts, min_size=1, max_size=6))
def test_f1_interval_lies_in_the_unit_interval_in_order(scores):
    interval = f1_interval(scores, seed=0, n_samples=50)
    assert interval is not None
    assert 0 <= interval.low <= interval.high <= 1


@given(st.lists(counts, min_size=1, max_size=6))
def test_f1_difference_of_a_system_with_itself_is_nothing(scores):
    assert f1_difference(scores, scores, seed=0, n_samples=50) == (0, 0, 0)


def test_f1_difference_is_paired():
    better = [score + Score(1, 0, 0) for score in MIXED]
    difference = f1_difference(better, MIXED, seed=0)
    assert isinstance(difference, Difference)
    assert difference.f1 == pytest.approx(
        sum(better, Score()).f1 - sum(MIXED, Score()).f1
    )
    # every draw is better on the same documents, however far single draws spread
    assert 0 < difference.low <= difference.f1 <= difference.high


def test_f1_difference_exchange_changes_the_sign():
    better = [score + Score(1, 0, 0) for score in MIXED]
    there = f1_difference(better, MIXED, seed=0)
    back = f1_difference(MIXED, better, seed=0)
    assert there is not None
    assert back == pytest.approx((-there.f1, -there.high, -there.low))


def test_f1_difference_other_numbers_of_documents_are_refused():
    with pytest.raises(ValueError, match="4 and 3 documents"):
        f1_difference(MIXED, MIXED[:3], seed=0)


def test_f1_interval_covers_the_true_value_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    # each of ten spans of a document is found with probability 0.6, nothing is wrong:
    # F1 of the whole is 2 * 0.6 / 1.6
    covered = 0
    for trial in range(100):
        found = generator.binomial(10, 0.6, size=30)
        interval = f1_interval(
            [Score(int(n), 0, 10 - int(n)) for n in found], seed=trial, n_samples=300
        )
        covered += interval.low <= 0.75 <= interval.high
    assert covered >= 88


def test_macro_f1_is_the_mean_over_labels_with_gold():
    one, two = [Score(1, 0, 0), Score(1, 2, 0)], [Score(0, 0, 1), Score(1, 0, 1)]
    only_predicted = [Score(0, 3, 0), Score(0, 0, 0)]
    # 2 * 2 / (2 * 2 + 2) = 2/3 and 2 / (2 + 2) = 1/2
    assert macro_f1([one, two, only_predicted]) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert macro_f1([only_predicted]) is None
    assert macro_interval([only_predicted], seed=0) is None


def test_macro_interval_of_one_label_is_the_micro_interval():
    assert macro_interval([MIXED], seed=3) == f1_interval(MIXED, seed=3)
