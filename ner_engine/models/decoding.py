"""Constrained decoding of BIO heads: Viterbi paths and exact span posteriors.

A head's chain over the tags O, B, I forbids I at the start and I after O. Unless
transitions were learned, nothing but that is in the chain: it keeps illegal sequences
out of paths and probabilities. Heads with learned transitions and the joint head go
through `ner_engine.models.chains`.

Letters: S sequences (documents times labels), T tokens, K tags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ner_engine.models.chains import (
    FORBIDDEN,
    Floats,
    Ints,
    best_paths,
    is_inside,
    legal_scores,
    run_scored_chain,
)

OUTSIDE, BEGIN, INSIDE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class DecodedSpan:
    """A span of tokens ``[token_start, token_end)`` of one sequence.

    ``label`` counts the labels of a joint head; the only one of a BIO head is 0.
    """

    sequence: int
    token_start: int
    token_end: int
    probability: float
    label: int = 0


def log_softmax(logits: NDArray[np.float32] | Floats) -> Floats:
    """Normalise logits over their last axis."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    normalised: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised


def viterbi(emissions: Floats, lengths: Ints) -> NDArray[np.int8]:
    """Return the best legal tag path of each sequence.

    Parameters
    ----------
    emissions : float64, (S, T, K)
        Log-probabilities; what lies past a sequence's length is ignored.
    lengths : int64, (S,)

    Returns
    -------
    int8, (S, T)
        Tags, O past the length.
    """
    n_sequences, n_tokens, _ = emissions.shape
    steps = np.ascontiguousarray(_padded(emissions, lengths).transpose(1, 0, 2))
    # Into O and B the best of all three tags leads; into I only B and I.
    into_any = np.zeros((n_tokens, n_sequences), np.int8)
    into_inside = np.zeros((n_tokens, n_sequences), np.int8)
    score = steps[0].copy() if n_tokens else np.zeros((n_sequences, 3))
    if n_tokens:
        score[:, INSIDE] = FORBIDDEN
    for token in range(1, n_tokens):
        inside = score[:, INSIDE] > score[:, BEGIN]
        best_entity = np.where(inside, score[:, INSIDE], score[:, BEGIN])
        outside = score[:, OUTSIDE] >= best_entity
        into_inside[token] = np.where(inside, INSIDE, BEGIN)
        into_any[token] = np.where(outside, OUTSIDE, into_inside[token])
        best = np.where(outside, score[:, OUTSIDE], best_entity)
        score = steps[token].copy()
        score[:, OUTSIDE] += best
        score[:, BEGIN] += best
        score[:, INSIDE] += best_entity
    return _backtrack(score, into_any, into_inside)


def _backtrack(
    score: Floats, into_any: NDArray[np.int8], into_inside: NDArray[np.int8]
) -> NDArray[np.int8]:
    n_tokens, n_sequences = into_any.shape
    tags = np.zeros((n_tokens, n_sequences), np.int8)
    if n_tokens:
        tags[-1] = score.argmax(axis=1)
    for token in range(n_tokens - 1, 0, -1):
        tags[token - 1] = np.where(
            tags[token] == INSIDE, into_inside[token], into_any[token]
        )
    return np.ascontiguousarray(tags.T)


def _padded(emissions: Floats, lengths: Ints) -> Floats:
    """Make everything past the length certainly O: it changes neither path nor sum."""
    padded = emissions.copy()
    past = np.arange(emissions.shape[1])[None, :] >= lengths[:, None]
    padded[past] = (0.0, FORBIDDEN, FORBIDDEN)
    return padded


@dataclass(frozen=True, slots=True)
class Chain:
    """Forward and backward sums of the constrained chains, log domain.

    Parameters
    ----------
    forward : float64, (S, T, K)
        Log-sum of all legal prefixes that end in the tag, its emission included.
    backward : float64, (S, T, K)
        Log-sum of all legal continuations after the tag.
    log_partition : float64, (S,)
    """

    emissions: Floats
    forward: Floats
    backward: Floats
    log_partition: Floats
    inside_sum: Floats

    def span_log_probability(
        self, sequences: Ints, token_starts: Ints, token_ends: Ints
    ) -> Floats:
        """Return log P(tags are B I .. I over the span, then not I), exactly."""
        n_tokens = self.emissions.shape[1]
        last = token_ends - 1
        begin = self.forward[sequences, token_starts, BEGIN]
        middle = (
            self.inside_sum[sequences, last] - self.inside_sum[sequences, token_starts]
        )
        after = np.minimum(token_ends, n_tokens - 1)
        following = np.logaddexp(
            self.emissions[sequences, after, OUTSIDE]
            + self.backward[sequences, after, OUTSIDE],
            self.emissions[sequences, after, BEGIN]
            + self.backward[sequences, after, BEGIN],
        )
        following = np.where(token_ends >= n_tokens, 0.0, following)
        total: Floats = begin + middle + following - self.log_partition[sequences]
        return total


def run_chain(emissions: Floats, lengths: Ints) -> Chain:
    """Run forward-backward over emissions (S, T, K) of the given lengths."""
    emissions = _padded(emissions, lengths)
    n_sequences, n_tokens, n_tags = emissions.shape
    steps = np.ascontiguousarray(emissions.transpose(1, 0, 2))
    forward = np.empty((n_tokens, n_sequences, n_tags))
    backward = np.zeros((n_tokens, n_sequences, n_tags))
    forward[0] = steps[0]
    forward[0, :, INSIDE] = FORBIDDEN
    for token in range(1, n_tokens):
        before = forward[token - 1]
        entity = np.logaddexp(before[:, BEGIN], before[:, INSIDE])
        anything = np.logaddexp(before[:, OUTSIDE], entity)
        forward[token, :, OUTSIDE] = steps[token, :, OUTSIDE] + anything
        forward[token, :, BEGIN] = steps[token, :, BEGIN] + anything
        forward[token, :, INSIDE] = steps[token, :, INSIDE] + entity
    for token in range(n_tokens - 2, -1, -1):
        after = steps[token + 1] + backward[token + 1]
        outside = np.logaddexp(after[:, OUTSIDE], after[:, BEGIN])
        entity = np.logaddexp(outside, after[:, INSIDE])
        backward[token, :, OUTSIDE] = outside
        backward[token, :, BEGIN] = entity
        backward[token, :, INSIDE] = entity
    partition = np.logaddexp.reduce(forward[-1], axis=1)
    return Chain(
        emissions=emissions,
        forward=forward.transpose(1, 0, 2),
        backward=backward.transpose(1, 0, 2),
        log_partition=partition,
        inside_sum=np.cumsum(emissions[:, :, INSIDE], axis=1),
    )


def find_spans(tags: NDArray[np.int8]) -> tuple[Ints, Ints, Ints]:
    """Return sequence, token start and token end of every span in legal tag paths."""
    n_sequences, n_tokens = tags.shape
    sequences, starts = np.nonzero(tags % 2 == BEGIN)
    inside = is_inside(tags)
    # The end of the run of I after each position, filled from the right.
    ends = np.full((n_sequences, n_tokens + 1), n_tokens, np.int64)
    for token in range(n_tokens - 1, -1, -1):
        ends[:, token] = np.where(inside[:, token], ends[:, token + 1], token)
    return sequences, starts, ends[sequences, starts + 1]


def decode(
    emissions: Floats,
    lengths: Ints,
    transitions: NDArray[np.floating] | None = None,
) -> list[DecodedSpan]:
    """Decode emissions (S, T, K) into spans with exact probabilities.

    Parameters
    ----------
    transitions : float, (H, K, K), optional
        What the heads learned; sequence s belongs to head s % H.
    """
    n_sequences, n_tokens, n_tags = emissions.shape
    if n_tokens == 0 or n_sequences == 0:
        return []
    is_plain = transitions is None and n_tags == INSIDE + 1
    scores = legal_scores(transitions, n_tags)
    if is_plain:
        tags = viterbi(emissions, lengths)
    else:
        tags = best_paths(emissions, lengths, scores)
    sequences, starts, ends = find_spans(tags)
    if not len(sequences):
        return []
    labels = (tags[sequences, starts].astype(np.int64) - BEGIN) // 2
    # Forward-backward only where a span was found: most heads of a note find none.
    used, places = np.unique(sequences, return_inverse=True)
    if is_plain:
        plain = run_chain(emissions[used], lengths[used])
        logs = plain.span_log_probability(places, starts, ends)
    else:
        own = scores[used % len(scores)]
        chain = run_scored_chain(emissions[used], lengths[used], own)
        logs = chain.span_log_probability(places, starts, ends, labels)
    chances = np.exp(np.minimum(logs, 0.0))
    return [
        DecodedSpan(int(sequence), int(start), int(end), float(chance), int(label))
        for sequence, start, end, chance, label in zip(
            sequences, starts, ends, chances, labels, strict=True
        )
    ]


def outside_probabilities(
    emissions: Floats,
    lengths: Ints,
    transitions: NDArray[np.floating] | None = None,
) -> Floats:
    """Return each token's exact probability of lying outside all spans, (S, T)."""
    scores = legal_scores(transitions, emissions.shape[2])
    chain = run_scored_chain(emissions, lengths, scores)
    logs = chain.forward[:, :, OUTSIDE] + chain.backward[:, :, OUTSIDE]
    chances: Floats = np.exp(np.minimum(logs - chain.log_partition[:, None], 0.0))
    return chances
