"""Strict scores against hand counts, against seqeval, and under exchange."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

from ner_engine.errors import BadInput
from ner_engine.evaluation.scorer import (
    Score,
    pair_documents,
    score_document,
    score_documents,
    score_spans,
)
from ner_engine.tagging import decode_iob2
from ner_engine.types import Document, Span, Token
from tests.ner_engine.strategies import LABELS, spans_within

TEXT = "x" * 40


def gold_document(*spans, document_id="d", exhaustive_for=None):
    return Document(document_id, TEXT, "es", spans, exhaustive_for=exhaustive_for)


def test_score_hand_count():
    gold = [Span(0, 4, "A"), Span(5, 9, "B"), Span(10, 12, "A"), Span(10, 20, "A")]
    predicted = [Span(0, 4, "A"), Span(5, 9, "A"), Span(10, 20, "A"), Span(30, 31, "B")]
    # right: [0, 4) A and [10, 20) A. Wrong: [5, 9) under A, [30, 31). Missed: [5, 9) B
    # and the nested [10, 12) A.
    score = score_spans(gold, predicted)
    assert score == Score(tp=2, fp=2, fn=2)
    assert (score.precision, score.recall, score.f1) == (0.5, 0.5, 0.5)
    assert (score.n_gold, score.n_predicted) == (4, 4)
    assert score_document(gold_document(*gold), predicted) == {
        "A": Score(2, 1, 1),
        "B": Score(0, 1, 1),
    }


def test_score_duplicates_count_once():
    span = Span(0, 4, "A")
    assert score_spans([span, span], [span, Span(0, 4, "A", 0.5)]) == Score(1, 0, 0)


def test_score_ratios_without_denominator_are_zero():
    assert [Score().precision, Score().recall, Score().f1] == [0.0, 0.0, 0.0]
    assert Score(0, 3, 0).f1 == 0.0


def test_score_adds():
    assert Score(1, 2, 3) + Score(10, 20, 30) == Score(11, 22, 33)


@given(spans_within(40), spans_within(40))
def test_score_exchange_of_gold_and_predicted_swaps_precision_and_recall(one, other):
    score, swapped = score_spans(one, other), score_spans(other, one)
    assert score.f1 == swapped.f1
    assert (score.precision, score.recall) == (swapped.recall, swapped.precision)


def test_score_label_not_exhaustive_is_not_scored_unless_asked():
    gold = gold_document(
        Span(0, 1, "A"), Span(2, 3, "B"), exhaustive_for=frozenset({"A"})
    )
    predicted = [Span(0, 1, "A"), Span(4, 5, "A"), Span(2, 3, "B"), Span(6, 7, "B")]
    assert score_document(gold, predicted) == {"A": Score(1, 1, 0)}
    assert score_document(gold, predicted, with_partial=True) == {
        "A": Score(1, 1, 0),
        "B": Score(1, 0, 0),
    }
    assert score_document(gold, predicted, labels=["B"]) == {}


def test_score_documents_keeps_labels_and_documents_apart():
    pairs = [
        (gold_document(Span(0, 1, "A")), gold_document(Span(0, 1, "A"))),
        (
            gold_document(Span(0, 1, "B"), document_id="e"),
            gold_document(Span(2, 3, "A"), document_id="e"),
        ),
    ]
    scores = score_documents(pairs)
    assert scores.document_ids == ("d", "e")
    assert scores.labels == ("A", "B")
    assert scores.micro == Score(1, 1, 1)
    assert scores.of_label("A") == Score(1, 1, 0)
    assert scores.by_document() == [Score(1, 0, 0), Score(0, 1, 1)]
    assert scores.by_document("B") == [Score(), Score(0, 0, 1)]
    asked = score_documents(pairs, labels=["B", "C"])
    assert asked.labels == ("B", "C")
    assert asked.micro == Score(0, 0, 1)


def test_score_document_never_annotated_is_refused():
    with pytest.raises(BadInput, match="document d has no gold"):
        score_document(Document("d", TEXT, "es"), [])


def test_pair_documents_by_id_whatever_the_order():
    first, second = gold_document(document_id="a"), gold_document(document_id="b")
    extra = gold_document(document_id="c")
    assert pair_documents([first, second], [extra, second, first]) == [
        (first, first),
        (second, second),
    ]


@pytest.mark.parametrize(
    ("predicted", "reason"),
    [
        ([], "document d has no prediction"),
        ([gold_document(), gold_document()], "document d is predicted twice"),
        ([Document("d", TEXT + "y", "es")], "document d was predicted on another text"),
    ],
)
def test_pair_documents_that_do_not_pair_are_refused(predicted, reason):
    with pytest.raises(BadInput, match=reason):
        pair_documents([gold_document()], predicted)


tag_columns = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        *(
            st.lists(
                st.sampled_from(["O", *(f"{p}-{x}" for p in "BI" for x in LABELS)]),
                min_size=n,
                max_size=n,
            )
            for _ in range(2)
        )
    )
)


def legal(tags):
    """Turn an I- tag that continues nothing into a B-, as our decoder reads it."""
    fixed = []
    for tag in tags:
        before = fixed[-1] if fixed else "O"
        is_orphan = tag[0] == "I" and before[1:] != tag[1:]
        fixed.append(f"B{tag[1:]}" if is_orphan else tag)
    return fixed


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@given(st.lists(tag_columns, min_size=1, max_size=4))
def test_score_random_tags_equal_seqeval(columns):
    gold_tags = [legal(gold) for gold, _ in columns]
    predicted_tags = [legal(predicted) for _, predicted in columns]
    total = Score()
    for gold, predicted in zip(gold_tags, predicted_tags, strict=True):
        tokens = [Token(2 * index, 2 * index + 1) for index in range(len(gold))]
        total += score_spans(decode_iob2(tokens, gold), decode_iob2(tokens, predicted))
    options = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
    assert total.f1 == pytest.approx(f1_score(gold_tags, predicted_tags, **options))
    assert total.precision == pytest.approx(
        precision_score(gold_tags, predicted_tags, **options)
    )
    assert total.recall == pytest.approx(
        recall_score(gold_tags, predicted_tags, **options)
    )


def test_score_overlap_pairs_one_to_one():
    gold = [Span(0, 4, "A"), Span(5, 9, "A"), Span(20, 24, "B")]
    # one span over both mentions of A finds one of them; labels must agree
    assert score_spans(gold, [Span(0, 9, "A")], match="overlap") == Score(1, 0, 2)
    predicted = [Span(3, 6, "A"), Span(8, 12, "A"), Span(20, 24, "A")]
    assert score_spans(gold, predicted, match="overlap") == Score(2, 1, 1)


def test_score_overlap_finds_the_largest_matching():
    # the long span meets both short ones; the other long one only the second
    gold = [Span(0, 10, "A"), Span(6, 10, "A")]
    predicted = [Span(0, 2, "A"), Span(7, 12, "A")]
    assert score_spans(gold, predicted, match="overlap") == Score(2, 0, 0)


def test_score_characters_hand_count():
    gold = [Span(0, 10, "A"), Span(2, 4, "A"), Span(0, 3, "B")]
    predicted = [Span(5, 12, "A"), Span(0, 3, "A")]
    # A: 10 under gold, 7 + 3 under predicted, 5 + 3 under both; B: 3 missed
    assert score_spans(gold, predicted, match="characters") == Score(8, 2, 5)


def brute_force_pairs(gold, predicted):
    if not gold:
        return 0
    first, *rest = gold
    best = brute_force_pairs(rest, predicted)
    for index, other in enumerate(predicted):
        if other.overlaps(first) and other.label == first.label:
            left = predicted[:index] + predicted[index + 1 :]
            best = max(best, 1 + brute_force_pairs(rest, left))
    return best


@given(spans_within(12, max_size=5), spans_within(12, max_size=5))
def test_score_overlap_equals_brute_force_and_never_counts_less_than_exact(one, other):
    one, other = sorted(set(one)), sorted(set(other))
    overlap = score_spans(one, other, match="overlap")
    assert overlap.tp == brute_force_pairs(one, other)
    assert overlap.tp >= score_spans(one, other).tp


@given(spans_within(12, max_size=5), spans_within(12, max_size=5))
def test_score_characters_equals_sets_of_characters(one, other):
    def characters(spans):
        return {(s.label, i) for s in spans for i in range(s.start_char, s.end_char)}

    ours, theirs = characters(one), characters(other)
    assert score_spans(one, other, match="characters") == Score(
        len(ours & theirs), len(theirs - ours), len(ours - theirs)
    )


def without_overlap(spans):
    kept = []
    for span in sorted(set(spans)):
        if not kept or kept[-1].end_char <= span.start_char:
            kept.append(span)
    return kept


# Spans of one layer must not overlap here: nervaluate gives a gold span to the first
# prediction that touches it, also when a later one equals it.
layers = spans_within(40).map(without_overlap)


@given(
    st.lists(st.tuples(layers, layers), min_size=1, max_size=3).filter(
        lambda pairs: any(gold for gold, _ in pairs)
    )
)
def test_score_random_spans_equal_nervaluate_strict(pairs):
    from nervaluate import Evaluator

    def rows(spans):  # its ends are inclusive
        return [
            {"label": s.label, "start": s.start_char, "end": s.end_char - 1}
            for s in spans
        ]

    strict = Evaluator(
        [rows(gold) for gold, _ in pairs],
        [rows(predicted) for _, predicted in pairs],
        tags=list(LABELS),
        loader="dict",
    ).evaluate()["overall"]["strict"]
    total = sum((score_spans(*pair) for pair in pairs), Score())
    assert strict.correct == total.tp
    assert strict.f1 == pytest.approx(total.f1)
    assert strict.precision == pytest.approx(total.precision)
    assert strict.recall == pytest.approx(total.recall)
