"""Agreement of annotators, and the kinds of their errors."""

from __future__ import annotations

import pytest
from hypothesis import given

from ner_engine.evaluation.agreement import pairwise_f1
from ner_engine.evaluation.error_analysis import SpanError, count_errors, find_errors
from ner_engine.evaluation.scorer import Score, score_spans
from ner_engine.types import Span
from tests.ner_engine.strategies import spans_within

A, B, C = Span(0, 4, "F"), Span(5, 9, "F"), Span(10, 14, "M")


def test_pairwise_f1_hand_count_over_shared_documents():
    agreement = pairwise_f1(
        {
            "ana": {"1": [A, B], "2": [C]},
            "luc": {"1": [A], "2": [C], "3": [B]},
            "eva": {"3": [B, C]},
            "zoe": {},
        }
    )
    found = [(p.first, p.second, p.n_documents, p.score) for p in agreement.pairs]
    # ana and luc share 1 and 2: A and C are common, B is ana's alone
    assert found == [
        ("ana", "luc", 2, Score(2, 0, 1)),
        ("eva", "luc", 1, Score(1, 0, 1)),
    ]
    assert agreement.mean_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_pairwise_f1_labels_restricts_the_comparison():
    layers = {"ana": {"1": [A, C]}, "luc": {"1": [A]}}
    assert pairwise_f1(layers, labels={"F"}).mean_f1 == 1.0
    assert pairwise_f1(layers).mean_f1 == pytest.approx(2 / 3)


def test_pairwise_f1_nobody_shares_a_document():
    assert pairwise_f1({"ana": {"1": [A]}, "luc": {"2": [A]}}).mean_f1 is None


def test_find_errors_one_of_each_kind():
    gold = [
        Span(0, 4, "F"),
        Span(10, 14, "F"),
        Span(20, 24, "F"),
        Span(30, 34, "F"),
        Span(40, 44, "F"),
    ]
    predicted = [
        Span(0, 4, "F"),
        Span(10, 14, "M"),
        Span(20, 26, "F"),
        Span(30, 36, "M"),
        Span(50, 54, "F"),
    ]
    assert find_errors(gold, predicted) == [
        SpanError("label", gold[1], predicted[1]),
        SpanError("boundary", gold[2], predicted[2]),
        SpanError("boundary_and_label", gold[3], predicted[3]),
        SpanError("missed", gold[4], None),
        SpanError("spurious", None, predicted[4]),
    ]
    assert set(count_errors(find_errors(gold, predicted)).values()) == {1}


@given(spans_within(40), spans_within(40))
def test_find_errors_counts_agree_with_the_score(gold, predicted):
    score = score_spans(gold, predicted)
    counts = count_errors(find_errors(gold, predicted))
    assert sum(counts.values()) - counts["spurious"] == score.fn
    assert counts["spurious"] <= score.fp
