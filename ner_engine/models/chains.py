"""Chains over any number of tags with scored transitions: paths and posteriors.

`ner_engine.models.decoding` holds the faster special case of three tags and nothing
learned between them. Here stand learned transitions and the joint head, whose tags are
O, then B and I of each label: an odd tag begins a span, the even one after it goes on.

Letters: S sequences, T tokens, K tags, H heads; sequence s belongs to head s % H.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Large enough to rule a path out, small enough that sums stay finite in float64.
FORBIDDEN = -1e9

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def is_inside(tags: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Tell which tags continue a span."""
    inside: NDArray[np.bool_] = (tags > 0) & (tags % 2 == 0)
    return inside


def legal_transitions(n_tags: int) -> NDArray[np.bool_]:
    """Return which tag may follow which, bool, (K, K): from the row to the column.

    Examples
    --------
    >>> legal_transitions(3).astype(int).tolist()  # nothing but I after O is illegal
    [[1, 1, 0], [1, 1, 1], [1, 1, 1]]
    """
    tags = np.arange(n_tags)
    before, after = tags[:, None], tags[None, :]
    continues = (before == after) | (before == after - 1)
    legal: NDArray[np.bool_] = ~is_inside(after) | continues
    return legal


def legal_scores(learned: NDArray[np.floating] | None, n_tags: int) -> Floats:
    """Return transition scores, float64, (H, K, K), with the illegal ones ruled out.

    *learned* is (H, K, K); None stands for one head that learned nothing.
    """
    if learned is None:
        learned = np.zeros((1, n_tags, n_tags))
    return np.where(legal_transitions(n_tags), learned.astype(np.float64), FORBIDDEN)


def best_paths(emissions: Floats, lengths: Ints, scores: Floats) -> NDArray[np.int8]:
    """Return the best legal tag path of each sequence, int8, (S, T).

    Parameters
    ----------
    emissions : float64, (S, T, K)
    lengths : int64, (S,)
        Tags past it are O.
    scores : float64, (H, K, K)
        Of `legal_scores`.
    """
    n_sequences, n_tokens, n_tags = emissions.shape
    steps = np.ascontiguousarray(emissions.transpose(1, 0, 2))
    between = _spread(scores, n_sequences)
    best = _start(steps[0])
    come_from = np.zeros((n_tokens, n_sequences, n_tags), np.int8)
    stays = np.arange(n_tags, dtype=np.int8)
    for token in range(1, n_tokens):
        is_live = (token < lengths)[:, None]
        paths = best[:, :, None] + between  # (S, K, K)
        come_from[token] = np.where(is_live, paths.argmax(axis=1), stays)
        best = np.where(is_live, paths.max(axis=1) + steps[token], best)
    rows = np.arange(n_sequences)
    tags = np.zeros((n_tokens, n_sequences), np.int8)
    tags[-1] = best.argmax(axis=1)
    for token in range(n_tokens - 1, 0, -1):
        tags[token - 1] = come_from[token, rows, tags[token]]
    tags[np.arange(n_tokens)[:, None] >= lengths[None, :]] = 0
    return np.ascontiguousarray(tags.T)


@dataclass(frozen=True, slots=True)
class ScoredChain:
    """Forward and backward sums of chains with scored transitions, log domain.

    Parameters
    ----------
    forward, backward : float64, (S, T, K)
        As in `ner_engine.models.decoding.Chain`.
    log_partition : float64, (S,)
    """

    emissions: Floats
    lengths: Ints
    between: Floats
    forward: Floats
    backward: Floats
    log_partition: Floats

    def span_log_probability(
        self, sequences: Ints, token_starts: Ints, token_ends: Ints, labels: Ints
    ) -> Floats:
        """Return log P(tags are B I .. I of the label, then not its I), exactly."""
        begin, inside = 2 * labels + 1, 2 * labels + 2
        n_inside = token_ends - token_starts - 1
        between = self.between[sequences]  # (P, K, K), P spans
        rows = np.arange(len(sequences))
        sums = np.cumsum(self.emissions[sequences, :, inside], axis=1)  # (P, T)
        middle = sums[rows, token_ends - 1] - sums[rows, token_starts]
        middle += (n_inside > 0) * between[rows, begin, inside]
        middle += np.maximum(n_inside - 1, 0) * between[rows, inside, inside]
        after = np.minimum(token_ends, self.emissions.shape[1] - 1)
        last = np.where(n_inside > 0, inside, begin)
        following = (
            between[rows, last]
            + self.emissions[sequences, after]
            + self.backward[sequences, after]
        )
        following[rows, inside] = FORBIDDEN
        is_last = token_ends >= self.lengths[sequences]
        rest = np.where(is_last, 0.0, np.logaddexp.reduce(following, axis=1))
        total: Floats = (
            self.forward[sequences, token_starts, begin]
            + middle
            + rest
            - self.log_partition[sequences]
        )
        return total


def run_scored_chain(emissions: Floats, lengths: Ints, scores: Floats) -> ScoredChain:
    """Run forward-backward over emissions (S, T, K) of the given lengths."""
    n_sequences, n_tokens, _ = emissions.shape
    steps = np.ascontiguousarray(emissions.transpose(1, 0, 2))
    between = _spread(scores, n_sequences)
    forward = np.empty_like(steps)
    backward = np.zeros_like(steps)
    forward[0] = _start(steps[0])
    for token in range(1, n_tokens):
        is_live = (token < lengths)[:, None]
        before = forward[token - 1]
        summed = np.logaddexp.reduce(before[:, :, None] + between, axis=1)
        forward[token] = np.where(is_live, summed + steps[token], before)
    for token in range(n_tokens - 2, -1, -1):
        is_live = (token + 1 < lengths)[:, None]
        after = (steps[token + 1] + backward[token + 1])[:, None, :]
        summed = np.logaddexp.reduce(between + after, axis=2)
        backward[token] = np.where(is_live, summed, 0.0)
    return ScoredChain(
        emissions=emissions,
        lengths=lengths,
        between=between,
        forward=forward.transpose(1, 0, 2),
        backward=backward.transpose(1, 0, 2),
        log_partition=np.logaddexp.reduce(forward[-1], axis=1),
    )


def _start(emissions: Floats) -> Floats:
    """Rule out inside tags at the start; emissions are (S, K)."""
    started = emissions.copy()
    started[:, is_inside(np.arange(emissions.shape[1]))] = FORBIDDEN
    return started


def _spread(scores: Floats, n_sequences: int) -> Floats:
    """Return the scores of each sequence's head, (S, K, K)."""
    return scores[np.arange(n_sequences) % len(scores)]
