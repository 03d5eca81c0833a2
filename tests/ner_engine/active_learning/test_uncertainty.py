"""Measures of doubt against hand counts."""

from __future__ import annotations

import numpy as np
import pytest

from ner_engine.active_learning.pool import MissingSignal, Pool
from ner_engine.active_learning.uncertainty import (
    entity_weighted_entropy,
    entropy,
    expected_misses,
    mean_token_entropy,
    mutual_information,
    normalised_log_probability,
    span_entropy,
    tag_margins,
    vote_entropy,
)
from ner_engine.types import Span
from tests.ner_engine.active_learning.pools import pool_of_spans

LN2 = np.log(2)


def test_entropy_of_certainty_is_nothing_and_of_a_coin_ln_2():
    assert entropy(np.array([[1.0, 0.0], [0.5, 0.5]])).tolist() == [0.0, LN2]


def test_normalised_log_probability_divides_by_length():
    scores = normalised_log_probability(np.array([-4.0, -4.0]), np.array([2, 8]))

    assert scores.tolist() == [2.0, 0.5]


def test_mean_token_entropy_divides_the_sum():
    pool = Pool(n_tokens=np.array([4]), token_entropy=np.array([2.0]))

    assert mean_token_entropy(pool).tolist() == [0.5]


def test_a_measure_without_its_signal_says_which_is_missing():
    with pytest.raises(MissingSignal, match="token entropy"):
        mean_token_entropy(Pool(n_tokens=np.array([4])))


def test_span_entropy_counts_spans_in_doubt_and_expected_misses():
    # Note 0: a coin and a sure span; note 1: nothing suggested, two expected.
    pool = pool_of_spans(
        [(0, 0, 0.5, 1), (0, 1, 1.0, 2)],
        n_notes=2,
        expected=[[0.5, 1.0], [2.0, 0.0]],
    )

    assert span_entropy(pool) == pytest.approx([LN2, 2 * LN2])


def test_expected_misses_are_what_is_expected_beyond_the_suggested():
    pool = pool_of_spans([(0, 0, 0.75, 1)], n_notes=1, expected=[[1.25, 0.1]])

    assert expected_misses(pool).tolist() == [[0.5, 0.1]]


def test_tag_margin_is_that_of_the_least_sure_head():
    marginals = np.array([[[0.6, 0.3, 0.1], [1.0, 0.0, 0.0]]])

    assert tag_margins(marginals) == pytest.approx([0.3])


def test_entity_weighted_entropy_reads_only_tokens_that_may_be_in_spans():
    sure_outside = [[1.0, 0.0, 0.0]]
    coin_inside = [[0.0, 0.5, 0.5]]

    assert entity_weighted_entropy(
        np.array([sure_outside] * 99 + [coin_inside])
    ) == pytest.approx(LN2)
    assert entity_weighted_entropy(np.array([sure_outside])) == 0.0


def test_mutual_information_is_high_for_sure_contradiction_and_none_for_shared_doubt():
    contradiction = np.array([[[[1.0, 0.0]]], [[[0.0, 1.0]]]])
    shared_doubt = np.array([[[[0.5, 0.5]]], [[[0.5, 0.5]]]])

    assert mutual_information(contradiction) == pytest.approx(LN2)
    assert mutual_information(shared_doubt) == pytest.approx(0.0)


def test_vote_entropy_is_none_for_agreement_and_grows_with_the_split():
    span = Span(0, 4, "DOSAGE")

    assert vote_entropy([[span], [span]]) == 0.0
    assert vote_entropy([[], []]) == 0.0
    assert vote_entropy([[span], []]) == pytest.approx(LN2)
    # Two places, one of two members for each.
    assert vote_entropy([[span], [Span(0, 4, "DURATION")]]) == pytest.approx(2 * LN2)


def test_a_committee_of_one_is_refused():
    with pytest.raises(ValueError, match="two members"):
        vote_entropy([[Span(0, 4, "DOSAGE")]])
