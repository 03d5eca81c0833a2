"""Viterbi and span posteriors against enumeration of every legal path."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.models.decoding import (
    BEGIN,
    INSIDE,
    OUTSIDE,
    decode,
    find_spans,
    log_softmax,
    run_chain,
    viterbi,
)


def legal_paths(n_tokens):
    """Every tag path without I at the start or after O."""
    return [
        path
        for path in product((OUTSIDE, BEGIN, INSIDE), repeat=n_tokens)
        if all(
            tag != INSIDE or (at > 0 and path[at - 1] != OUTSIDE)
            for at, tag in enumerate(path)
        )
    ]


def path_score(emissions, path):
    return sum(emissions[at, tag] for at, tag in enumerate(path))


def holds_span(path, start, end):
    """Tell whether the path has exactly B I .. I over [start, end), then not I."""
    return (
        path[start] == BEGIN
        and all(tag == INSIDE for tag in path[start + 1 : end])
        and (end == len(path) or path[end] != INSIDE)
    )


@st.composite
def emission_batches(draw):
    n_sequences = draw(st.integers(1, 3))
    n_tokens = draw(st.integers(1, 6))
    seed = draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=3.0, size=(n_sequences, n_tokens, 3))
    lengths = np.array(
        [draw(st.integers(1, n_tokens)) for _ in range(n_sequences)], np.int64
    )
    return log_softmax(logits), lengths


@given(emission_batches())
def test_viterbi_equals_the_best_of_all_legal_paths(batch):
    emissions, lengths = batch
    tags = viterbi(emissions, lengths)
    for row, length in enumerate(lengths):
        best = max(
            legal_paths(length), key=lambda path: path_score(emissions[row], path)
        )
        found = tuple(tags[row, :length].tolist())
        assert found in legal_paths(length)
        assert path_score(emissions[row], found) == pytest.approx(
            path_score(emissions[row], best)
        )
        assert not tags[row, length:].any()


@given(emission_batches())
def test_partition_equals_the_sum_over_all_legal_paths(batch):
    emissions, lengths = batch
    chain = run_chain(emissions, lengths)
    for row, length in enumerate(lengths):
        scores = [path_score(emissions[row], path) for path in legal_paths(length)]
        assert chain.log_partition[row] == pytest.approx(np.logaddexp.reduce(scores))


@given(emission_batches())
def test_span_posteriors_equal_enumeration_for_every_span(batch):
    emissions, lengths = batch
    chain = run_chain(emissions, lengths)
    for row, length in enumerate(lengths):
        paths = legal_paths(length)
        weights = np.exp([path_score(emissions[row], path) for path in paths])
        for start in range(length):
            for end in range(start + 1, length + 1):
                kept = [holds_span(path, start, end) for path in paths]
                expected = weights[kept].sum() / weights.sum()
                found = chain.span_log_probability(
                    np.array([row]), np.array([start]), np.array([end])
                )
                assert np.exp(found[0]) == pytest.approx(expected, rel=1e-6)


@given(emission_batches())
def test_decode_gives_the_spans_of_the_best_paths(batch):
    emissions, lengths = batch
    tags = viterbi(emissions, lengths)
    expected = {
        (row, start, end)
        for row, length in enumerate(lengths)
        for start in range(length)
        for end in range(start + 1, length + 1)
        if holds_span(tags[row, :length].tolist(), start, end)
    }
    spans = decode(emissions, lengths)
    found = [(span.sequence, span.token_start, span.token_end) for span in spans]
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert all(0 < span.probability <= 1 for span in spans)


def test_inside_after_outside_is_never_decoded():
    # Alone, each token prefers I; the chain must open with B.
    logits = np.array([[[0.0, 1.0, 5.0], [0.0, 0.0, 5.0]]])
    tags = viterbi(log_softmax(logits), np.array([2]))
    assert tags.tolist() == [[BEGIN, INSIDE]]


def test_adjacent_spans_stay_apart():
    tags = np.array([[BEGIN, INSIDE, BEGIN, OUTSIDE, BEGIN]], np.int8)
    sequences, starts, ends = find_spans(tags)
    assert sequences.tolist() == [0, 0, 0]
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == [
        (0, 2),
        (2, 3),
        (4, 5),
    ]


def test_decode_of_no_tokens_is_empty():
    assert decode(np.zeros((2, 0, 3)), np.zeros(2, np.int64)) == []


def test_a_certain_span_in_a_very_long_text_keeps_its_probability():
    # 20,000 tokens: sums in the log domain must not lose the one span.
    logits = np.zeros((1, 20_000, 3))
    logits[0, :, OUTSIDE] = 12.0
    logits[0, 9_000] = (0.0, 12.0, 0.0)
    logits[0, 9_001] = (0.0, 0.0, 12.0)
    (span,) = decode(log_softmax(logits), np.array([20_000]))
    assert (span.token_start, span.token_end) == (9_000, 9_002)
    assert span.probability > 0.999
