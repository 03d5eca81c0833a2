"""Alpha for unitizing on Krippendorff's own example, and where its value is known."""

from __future__ import annotations

import random

import pytest

from ner_engine.evaluation.unitizing import krippendorff_alpha_u
from ner_engine.types import Span


def units(label, *ranges):
    return [Span(start, start + length, label) for start, length in ranges]


# Krippendorff (2004), Quality & Quantity 38: a continuum of 300 from 150 on, observers
# i and j, categories c and k, units as (first place, length). The paper rounds every
# step to four digits and gets 0.0144, 0.0532, 0.7286 for c, 0.0490 and 1 for k, and
# 0.8591 for both together.
OBSERVER_I = [
    *units("c", (225, 70), (370, 30)),
    *units("k", (180, 60), (300, 50)),
]
OBSERVER_J = [
    *units("c", (220, 80), (355, 20), (400, 20)),
    *units("k", (180, 60), (300, 50)),
]


def test_alpha_u_worked_example():
    found = krippendorff_alpha_u([OBSERVER_I, OBSERVER_J], 300, start_char=150)
    c, k = found.labels["c"], found.labels["k"]
    assert (c.observed, c.expected) == pytest.approx((0.0144, 0.0532), abs=5e-5)
    assert c.alpha == pytest.approx(0.7286, abs=5e-5)
    assert (k.observed, k.expected) == pytest.approx((0.0, 0.0490), abs=5e-5)
    assert k.alpha == 1
    assert found.alpha == pytest.approx(0.8591, abs=5e-4)


def test_alpha_u_order_of_annotators_never_matters():
    one = krippendorff_alpha_u([OBSERVER_I, OBSERVER_J], 300, start_char=150)
    two = krippendorff_alpha_u([OBSERVER_J, OBSERVER_I], 300, start_char=150)
    assert one.alpha == pytest.approx(two.alpha)


def test_alpha_u_of_annotators_who_mark_at_random_is_near_zero():
    rng = random.Random(0)

    def layer():
        starts = sorted(rng.sample(range(0, 5000, 10), 150))
        return [Span(start, start + rng.randint(1, 9), "A") for start in starts]

    found = krippendorff_alpha_u([layer() for _ in range(6)], 5000)
    assert abs(found.alpha) < 0.1


def test_alpha_u_of_nested_spans_takes_the_longest():
    nested = [Span(0, 10, "A"), Span(2, 4, "A"), Span(20, 22, "A")]
    plain = [Span(0, 10, "A"), Span(20, 22, "A")]
    assert krippendorff_alpha_u([nested, plain], 40).alpha == 1


def test_alpha_u_without_spans_says_nothing():
    assert krippendorff_alpha_u([[], []], 10).alpha is None


def test_alpha_u_bad_input_is_refused():
    with pytest.raises(ValueError, match="at least two"):
        krippendorff_alpha_u([[]], 10)
    with pytest.raises(ValueError, match="outside"):
        krippendorff_alpha_u([[Span(5, 11, "A")], []], 10)
