"""Spans -> IOB2 -> spans is the identity on legal sets; every loss is reported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.tagging import (
    SpanLoss,
    TokenIndex,
    decode_iob2,
    encode_iob2,
    split_tag,
)
from ner_engine.types import Span, Token
from tests.ner_engine.strategies import (
    LABELS,
    spans_within,
    tokens_of_gaps,
    tokens_with_legal_spans,
)

# "ab cd efg": three tokens
TOKENS = (Token(0, 2, True), Token(3, 5), Token(6, 9))


@given(tokens_with_legal_spans())
def test_encode_then_decode_legal_spans_is_the_identity(case):
    tokens, spans = case
    tags, losses = encode_iob2(tokens, spans)
    assert losses == ()
    assert decode_iob2(tokens, tags) == spans


@given(tokens_with_legal_spans())
def test_encode_one_label_keeps_only_its_spans(case):
    tokens, spans = case
    for label in LABELS:
        tags, losses = encode_iob2(tokens, spans, label=label)
        assert losses == ()
        assert decode_iob2(tokens, tags) == tuple(
            span for span in spans if span.label == label
        )


@given(st.data())
def test_encode_any_spans_each_is_kept_or_reported(data):
    tokens = data.draw(tokens_of_gaps())
    spans = data.draw(spans_within(40))
    tags, losses = encode_iob2(tokens, spans)
    kept = decode_iob2(tokens, tags)
    left_out = [loss for loss in losses if loss.reason != "misaligned"]
    widened = {loss.span for loss in losses if loss.reason == "misaligned"}
    assert len(kept) + len(left_out) == len(set(spans))
    assert set(spans) - {loss.span for loss in losses} <= set(kept)
    assert len(widened) <= len(kept)


@given(tokens_of_gaps(), st.data())
def test_decode_any_tags_reencodes_to_the_same_spans(tokens, data):
    tag = st.sampled_from(["O", *(f"{p}-{name}" for p in "BI" for name in LABELS)])
    tags = data.draw(st.lists(tag, min_size=len(tokens), max_size=len(tokens)))
    spans = decode_iob2(tokens, tags)
    again, losses = encode_iob2(tokens, spans)
    assert losses == ()
    assert decode_iob2(tokens, again) == spans


def test_encode_nested_longest_wins_and_first_by_policy():
    inner, outer, after = Span(0, 2, "X"), Span(0, 5, "Y"), Span(3, 9, "Z")
    assert encode_iob2(TOKENS, [inner, outer, after]) == (
        ("B-X", "B-Z", "I-Z"),
        (SpanLoss(outer, "overlap"),),
    )
    tags, losses = encode_iob2(TOKENS, [inner, outer, after], policy="first")
    assert tags == ("B-Y", "I-Y", "O")
    assert losses == (SpanLoss(inner, "overlap"), SpanLoss(after, "overlap"))


def test_encode_equal_lengths_the_earlier_wins():
    early, late = Span(0, 5, "X"), Span(3, 8, "X")
    tags, losses = encode_iob2(TOKENS, [late, early])
    assert tags == ("B-X", "I-X", "O")
    assert losses == (SpanLoss(late, "overlap"),)


def test_encode_misaligned_span_is_widened_and_reported():
    span = Span(1, 4, "X")
    assert encode_iob2(TOKENS, [span]) == (
        ("B-X", "I-X", "O"),
        (SpanLoss(span, "misaligned"),),
    )


def test_encode_span_over_no_token_is_reported_empty():
    span = Span(2, 3, "X")
    assert encode_iob2(TOKENS, [span]) == (("O",) * 3, (SpanLoss(span, "empty"),))


def test_encode_duplicates_are_one_span_without_loss():
    assert encode_iob2(TOKENS, [Span(0, 2, "X"), Span(0, 2, "X", 0.5)]) == (
        ("B-X", "O", "O"),
        (),
    )


def test_encode_adjacent_spans_of_one_label_stay_two():
    spans = (Span(0, 2, "X"), Span(3, 9, "X"))
    tags, _ = encode_iob2(TOKENS, spans)
    assert tags == ("B-X", "B-X", "I-X")
    assert decode_iob2(TOKENS, tags) == spans


def test_decode_inside_without_begin_starts_a_span():
    assert decode_iob2(TOKENS, ["I-X", "I-Y", "O"]) == (
        Span(0, 2, "X"),
        Span(3, 5, "Y"),
    )


def test_decode_wrong_number_of_tags_is_refused():
    with pytest.raises(ValueError, match="2 tags for 3 tokens"):
        decode_iob2(TOKENS, ["O", "O"])


@pytest.mark.parametrize("tag", ["", "B", "B-", "E-X", "X", "o", "-X"])
def test_split_tag_anything_else_is_refused(tag):
    with pytest.raises(ValueError, match="none of O"):
        split_tag(tag)


def test_split_tag_label_with_a_dash_is_kept_whole():
    assert split_tag("B-X-RAY") == ("B", "X-RAY")


def test_token_index_cover_and_alignment():
    index = TokenIndex(TOKENS)
    assert index.cover(0, 9) == (0, 3)
    assert index.cover(4, 5) == (1, 2)
    assert index.cover(9, 12) == (3, 3)
    assert index.cover(2, 3) == (1, 1)
    assert index.is_aligned(3, 9)
    assert not index.is_aligned(4, 9)
    assert not index.is_aligned(3, 8)
    assert not index.is_aligned(2, 3)
