"""Measures of what a model does not know. Pure functions over arrays.

Letters as in `ner_engine.active_learning.pool`; in marginals T tokens, H heads, K tags,
P passes or members.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ner_engine.active_learning.pool import Floats, Ints, Pool


def entropy(probabilities: NDArray[np.floating]) -> Floats:
    """Return the entropy over the last axis, nats; 0 log 0 is 0."""
    values = np.asarray(probabilities, np.float64)
    safe = np.where(values > 0, values, 1.0)
    total: Floats = -(values * np.log(safe)).sum(axis=-1)
    return total


def binary_entropy(probabilities: NDArray[np.floating]) -> Floats:
    """Return the entropy of right against wrong, nats, elementwise.

    Examples
    --------
    >>> binary_entropy(np.array([0.0, 0.5, 1.0])).round(4).tolist()
    [0.0, 0.6931, 0.0]
    """
    values = np.asarray(probabilities, np.float64)
    return entropy(np.stack([values, 1 - values], axis=-1))


def normalised_log_probability(log_probability: Floats, n_tokens: Ints) -> Floats:
    """Return minus the mean log-probability of a token's tags on the best path, (N,).

    Maximum normalised log-probability: without the division by length, the longest
    notes would always be the least probable. Higher is less sure.

    Source: Shen et al. (2017), "Deep active learning for named entity recognition".
    """
    score: Floats = -log_probability / np.maximum(n_tokens, 1)
    return score


def mean_token_entropy(pool: Pool) -> Floats:
    """Return the mean entropy of a token's tags, summed over heads, (N,); nats.

    Source: Settles and Craven (2008), "An analysis of active learning strategies for
    sequence labeling tasks", token entropy.
    """
    total: Floats = pool.need("token_entropy")
    mean: Floats = total / np.maximum(pool.n_tokens, 1)
    return mean


def span_entropy(pool: Pool) -> Floats:
    """Return the entropy of right against wrong, summed over a note's spans, (N,).

    What annotators decide about are spans, so it counts decisions in doubt; a note
    without suggestions has none, whatever it hides. Missed ones enter as the expected
    number of spans that are not suggested, each a decision in full doubt.

    Source: the span-level form of token entropy (Settles and Craven 2008); the
    posteriors are the exact ones of the chain, uncalibrated.
    """
    doubt = pool.sum_spans(binary_entropy(pool.span_probabilities))
    total: Floats = doubt + np.log(2) * expected_misses(pool).sum(axis=1)
    return total


def expected_misses(pool: Pool) -> Floats:
    """Return how many spans of each label a note holds that were not suggested, (N, L).

    The expectation of the number of spans less that of the suggested ones that are
    right: exact under the model, since each span either was suggested or was not.
    """
    expected: Floats = pool.need("expected_spans")
    found = np.zeros_like(expected)
    np.add.at(found, (pool.span_notes, pool.span_labels), pool.span_probabilities)
    missed: Floats = np.maximum(expected - found, 0.0)
    return missed


def tag_margins(marginals: NDArray[np.floating]) -> Floats:
    """Return the gap between the two likeliest tags of each token, (T,).

    *marginals* are (T, H, K); of the heads the least sure one counts.

    Source: Scheffer, Decomain and Wrobel (2001), "Active hidden Markov models for
    information extraction".
    """
    values = np.sort(np.asarray(marginals, np.float64), axis=-1)
    gaps: Floats = (values[..., -1] - values[..., -2]).min(axis=1)
    return gaps


def entity_weighted_entropy(marginals: NDArray[np.floating]) -> float:
    """Return the mean entropy of tokens, weighted by how likely each is in a span.

    *marginals* are (T, H, K) with tag 0 outside. Most tokens are surely outside and
    would drown the few that matter.

    Source: after Sapci et al. (2023), "Focusing on potential named entities during
    active label acquisition".
    """
    values = np.asarray(marginals, np.float64)
    weights = 1 - values[..., 0].prod(axis=1)  # (T,)
    total = float(weights.sum())
    if total <= 0:
        return 0.0
    return float((weights * entropy(values).sum(axis=1)).sum() / total)


def mutual_information(passes: NDArray[np.floating]) -> float:
    """Return the disagreement of passes with different dropout, mean over tokens; nats.

    *passes* are tag marginals, (P, T, H, K). The entropy of the mean less the mean of
    the entropies: high where each pass is sure of something else, low where all are
    unsure together.

    Source: Houlsby et al. (2011), "Bayesian active learning by disagreement"; Gal,
    Islam and Ghahramani (2017), "Deep Bayesian active learning with image data".
    """
    values = np.asarray(passes, np.float64)
    if values.shape[1] == 0:
        return 0.0
    gain = entropy(values.mean(axis=0)) - entropy(values).mean(axis=0)  # (T, H)
    return float(max(gain.sum(axis=1).mean(), 0.0))


def vote_entropy(members: Sequence[Iterable[Hashable]]) -> float:
    """Return the disagreement of a committee on the spans of one note; nats.

    Parameters
    ----------
    members : sequence of iterable
        Of each member (a model version, a dictionary) the spans it proposes, as
        ``(start_char, end_char, label)`` or `Span`.

    Returns
    -------
    float
        Summed over the spans that anybody proposed: the entropy of the share of
        members for it. 0 when all agree or nobody proposes anything.

    Raises
    ------
    ValueError
        With fewer than two members.

    Source: Engelson and Dagan (1996), "Minimizing manual annotation cost in supervised
    training from corpora", on spans instead of words.
    """
    if len(members) < 2:
        raise ValueError("a committee needs at least two members")
    votes = Counter(span for member in members for span in set(member))
    shares = np.array(list(votes.values()), np.float64) / len(members)
    return float(binary_entropy(shares).sum())
