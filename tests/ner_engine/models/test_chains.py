"""Learned transitions and the joint head's tags against enumeration of every path."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.models.chains import (
    best_paths,
    legal_scores,
    legal_transitions,
    run_scored_chain,
)
from ner_engine.models.decoding import (
    decode,
    log_softmax,
    outside_probabilities,
    run_chain,
    viterbi,
)


def legal_paths(n_tokens, n_tags):
    """Every path in which an even tag follows itself or the odd tag before it."""
    return [
        path
        for path in product(range(n_tags), repeat=n_tokens)
        if all(
            tag == 0 or tag % 2 == 1 or (at > 0 and path[at - 1] in (tag, tag - 1))
            for at, tag in enumerate(path)
        )
    ]


def path_score(emissions, scores, path):
    inner = sum(scores[a, b] for a, b in pairwise(path))
    return inner + sum(emissions[at, tag] for at, tag in enumerate(path))


def holds_span(path, start, end, label):
    begin, inside = 2 * label + 1, 2 * label + 2
    return (
        path[start] == begin
        and all(tag == inside for tag in path[start + 1 : end])
        and (end == len(path) or path[end] != inside)
    )


@st.composite
def batches(draw):
    """Emissions, lengths and learned transitions of two heads, or of one joint head."""
    n_heads, n_tags, most = draw(st.sampled_from([(2, 3, 5), (1, 5, 4)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    n_sequences = n_heads * draw(st.integers(1, 2))
    n_tokens = draw(st.integers(1, most))
    emissions = log_softmax(rng.normal(scale=2.0, size=(n_sequences, n_tokens, n_tags)))
    lengths = np.array([draw(st.integers(1, n_tokens)) for _ in range(n_sequences)])
    return emissions, lengths, rng.normal(scale=2.0, size=(n_heads, n_tags, n_tags))


@given(batches())
def test_best_path_equals_the_best_of_all_legal_paths(batch):
    emissions, lengths, learned = batch
    scores = legal_scores(learned, emissions.shape[2])
    tags = best_paths(emissions, lengths, scores)
    for row, length in enumerate(lengths):
        own = scores[row % len(scores)]
        best = max(
            path_score(emissions[row], own, path)
            for path in legal_paths(length, emissions.shape[2])
        )
        found = tuple(tags[row, :length].tolist())
        assert found in legal_paths(length, emissions.shape[2])
        assert path_score(emissions[row], own, found) == pytest.approx(best)
        assert not tags[row, length:].any()


@given(batches())
def test_every_span_posterior_equals_enumeration(batch):
    emissions, lengths, learned = batch
    n_tags = emissions.shape[2]
    scores = legal_scores(learned, n_tags)
    chain = run_scored_chain(emissions, lengths, scores)
    for row, length in enumerate(lengths):
        paths = legal_paths(length, n_tags)
        own = scores[row % len(scores)]
        weights = np.exp([path_score(emissions[row], own, path) for path in paths])
        assert chain.log_partition[row] == pytest.approx(np.log(weights.sum()))
        for start, end, label in product(
            range(length), range(1, length + 1), range(n_tags // 2)
        ):
            if start >= end:
                continue
            kept = [holds_span(path, start, end, label) for path in paths]
            found = chain.span_log_probability(
                np.array([row]), np.array([start]), np.array([end]), np.array([label])
            )
            assert np.exp(found[0]) == pytest.approx(
                weights[kept].sum() / weights.sum(), rel=1e-6
            )


@given(batches())
def test_decode_reads_the_spans_of_the_best_paths_with_their_labels(batch):
    emissions, lengths, learned = batch
    scores = legal_scores(learned, emissions.shape[2])
    tags = best_paths(emissions, lengths, scores)
    expected = {
        (row, start, end, label)
        for row, length in enumerate(lengths)
        for start in range(length)
        for end in range(start + 1, length + 1)
        for label in range(emissions.shape[2] // 2)
        if holds_span(tags[row, :length].tolist(), start, end, label)
    }
    spans = decode(emissions, lengths, learned)
    assert {(s.sequence, s.token_start, s.token_end, s.label) for s in spans} == (
        expected
    )
    assert len(spans) == len(expected)
    chain = run_scored_chain(emissions, lengths, scores)
    for span in spans:
        alone = chain.span_log_probability(
            *(
                np.array([value])
                for value in (
                    span.sequence,
                    span.token_start,
                    span.token_end,
                    span.label,
                )
            )
        )
        assert span.probability == pytest.approx(np.exp(alone[0]))


@given(batches())
def test_outside_probabilities_equal_enumeration(batch):
    emissions, lengths, learned = batch
    scores = legal_scores(learned, emissions.shape[2])
    found = outside_probabilities(emissions, lengths, learned)
    for row, length in enumerate(lengths):
        paths = legal_paths(length, emissions.shape[2])
        own = scores[row % len(scores)]
        weights = np.exp([path_score(emissions[row], own, path) for path in paths])
        for token in range(length):
            kept = [path[token] == 0 for path in paths]
            assert found[row, token] == pytest.approx(
                weights[kept].sum() / weights.sum()
            )


def test_transitions_of_zero_change_nothing():
    rng = np.random.default_rng(3)
    emissions = log_softmax(rng.normal(scale=3.0, size=(6, 40, 3)))
    lengths = np.array([40, 1, 17, 39, 2, 25])
    scores = legal_scores(None, 3)
    assert np.array_equal(
        best_paths(emissions, lengths, scores), viterbi(emissions, lengths)
    )
    assert run_scored_chain(emissions, lengths, scores).log_partition == pytest.approx(
        run_chain(emissions, lengths).log_partition
    )
    plain = decode(emissions, lengths)
    scored = decode(emissions, lengths, np.zeros((3, 3, 3)))
    assert [span.token_start for span in plain] == [s.token_start for s in scored]
    assert [s.probability for s in plain] == pytest.approx(
        [s.probability for s in scored]
    )


def test_a_learned_transition_decides_between_equal_emissions():
    emissions = log_softmax(np.zeros((1, 2, 3)))
    learned = np.zeros((1, 3, 3))
    learned[0, 1, 2] = 4.0  # B then I
    (span,) = decode(emissions, np.array([2]), learned)
    assert (span.token_start, span.token_end) == (0, 2)


def test_inside_of_one_label_never_follows_another():
    legal = legal_transitions(5)
    assert legal[1, 2]
    assert legal[2, 2]
    assert not legal[1, 4]
    assert not legal[3, 2]
    assert legal[:, [0, 1, 3]].all()
