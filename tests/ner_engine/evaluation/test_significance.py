"""Randomisation against enumeration, and Holm's correction by hand."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_engine.evaluation.scorer import Score
from ner_engine.evaluation.significance import holm, randomisation_p

OURS = [Score(3, 1, 1), Score(2, 0, 1), Score(4, 2, 0), Score(1, 1, 3), Score(5, 0, 1)]
THEIRS = [
    Score(2, 2, 2),
    Score(2, 1, 1),
    Score(3, 2, 1),
    Score(1, 0, 3),
    Score(3, 1, 3),
]


def test_randomisation_p_equals_enumeration():
    def f1_gap(swaps):
        sides = ([], [])
        for swap, one, other in zip(swaps, OURS, THEIRS, strict=True):
            sides[swap].append(one)
            sides[1 - swap].append(other)
        return abs(sum(sides[0], Score()).f1 - sum(sides[1], Score()).f1)

    seen = f1_gap([0] * 5)
    gaps = [f1_gap(swaps) for swaps in product((0, 1), repeat=5)]
    exact = sum(gap >= seen - 1e-12 for gap in gaps) / len(gaps)
    found = randomisation_p(OURS, THEIRS, seed=0)
    assert found == pytest.approx(exact, abs=0.01)
    assert found == randomisation_p(OURS, THEIRS, seed=0)


def test_randomisation_p_of_equal_systems_is_one():
    assert randomisation_p(OURS, OURS, seed=0) == 1


def test_randomisation_p_of_a_clear_winner_is_small():
    found = randomisation_p([Score(9, 1, 1)] * 20, [Score(5, 5, 5)] * 20, seed=0)
    assert found < 0.001


def test_randomisation_p_false_alarms_come_at_their_rate():
    # two systems with the same chances: p below 0.1 about one time in ten
    import numpy as np

    rng = np.random.default_rng(1)

    def system():
        return [Score(int(right), 10 - int(right), 10 - int(right))
                for right in rng.binomial(10, 0.6, size=25)]  # fmt: skip

    p_values = [
        randomisation_p(system(), system(), seed=trial, n_shuffles=200)
        for trial in range(200)
    ]
    assert 0.04 <= sum(p < 0.1 for p in p_values) / 200 <= 0.17


def test_randomisation_p_documents_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="5 and 4 documents"):
        randomisation_p(OURS, THEIRS[1:], seed=0)
    assert randomisation_p([], [], seed=0) is None


def test_holm_hand_count():
    # sorted: 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1 lifted to 0.06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), max_size=6))
def test_holm_only_raises_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
    pairs = sorted(zip(p_values, adjusted, strict=True))
    assert [a for _, a in pairs] == sorted(adjusted)
