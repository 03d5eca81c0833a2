"""How notes lie to each other: clusters, cores and density of embeddings.

All work on unit vectors, where the squared distance is two less twice the cosine. Cost
grows with notes times width; nothing holds all pairs of notes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ner_engine.active_learning.pool import Floats, Ints, Singles

_BLOCK = 1024
_MAX_ROUNDS = 25


def unit_rows(vectors: Singles) -> Singles:
    """Return the rows at length 1; rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Singles = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled


def mean_similarity(vectors: Singles) -> Floats:
    """Return each unit row's mean cosine to all rows, (N,), in [-1, 1].

    The mean of products is the product with the mean: no pairs are formed.
    """
    return np.asarray(vectors @ vectors.mean(axis=0), np.float64)


def nearest_distances(vectors: Singles, others: Singles | None) -> Floats:
    """Return each unit row's distance to the nearest of *others*, (N,); 2 without."""
    nearest = np.full(len(vectors), 2.0)
    if others is None or len(others) == 0:
        return nearest
    for start in range(0, len(vectors), _BLOCK):
        part = slice(start, start + _BLOCK)
        closest = (vectors[part] @ others.T).max(axis=1)
        nearest[part] = np.sqrt(np.maximum(2 - 2 * closest.astype(np.float64), 0))
    return nearest


def k_center(
    vectors: Singles, n_picks: int, *, covered: Singles | None = None
) -> tuple[Ints, Floats]:
    """Pick greedily the row that lies farthest from all picked and covered ones.

    Parameters
    ----------
    vectors : float32, (N, D)
        Unit rows.
    covered : float32, (A, D), optional
        Unit rows of what is annotated. Without any, the first pick is the row nearest
        to the mean: an outlier would be a poor place to begin.

    Returns
    -------
    picks : int64, (min(n_picks, N),)
    distances : float64, the same shape
        To the nearest picked or covered row at the moment of the pick.

    Source: Sener and Savarese (2018), "Active learning for convolutional neural
    networks: a core-set approach", the greedy 2-approximation.
    """
    n_picks = min(n_picks, len(vectors))
    nearest = nearest_distances(vectors, covered)
    is_first = covered is None or len(covered) == 0
    picks = np.zeros(n_picks, np.int64)
    distances = np.zeros(n_picks)
    for number in range(n_picks):
        if is_first and number == 0:
            pick = int(mean_similarity(vectors).argmax())
        else:
            pick = int(nearest.argmax())
        picks[number] = pick
        distances[number] = max(nearest[pick], 0.0)
        to_pick = vectors @ vectors[pick]
        away = np.sqrt(np.maximum(2 - 2 * to_pick.astype(np.float64), 0))
        nearest = np.minimum(nearest, away)
        nearest[pick] = -1  # never again, not even among equal rows
    return picks, distances


@dataclass(frozen=True, slots=True)
class Clusters:
    """A partition of rows.

    Parameters
    ----------
    members : int64, (N,)
        Cluster of each row; every cluster has at least one.
    centrality : float64, (N,)
        Cosine of each row to its cluster's centre.
    """

    members: Ints
    centrality: Floats

    @property
    def sizes(self) -> Ints:
        """Number of rows of each cluster."""
        return np.bincount(self.members)


def k_means(vectors: Singles, n_clusters: int, rng: np.random.Generator) -> Clusters:
    """Part unit rows into clusters by the cosine; empty ones are dropped.

    Source: Arthur and Vassilvitskii (2007), "k-means++", for the start; Lloyd's rounds
    on the unit sphere after it.
    """
    n_clusters = min(n_clusters, len(vectors))
    centres = _spread_centres(vectors, n_clusters, rng)
    members = np.full(len(vectors), -1, np.int64)
    for _ in range(_MAX_ROUNDS):
        changed = (vectors @ centres.T).argmax(axis=1)
        if np.array_equal(changed, members):
            break
        members = changed
        sums = np.zeros_like(centres)
        np.add.at(sums, members, vectors)
        is_used = np.bincount(members, minlength=len(centres)) > 0
        centres[is_used] = unit_rows(sums[is_used])
    used, members = np.unique(members, return_inverse=True)
    centrality = np.einsum("nd,nd->n", vectors, centres[used][members])
    return Clusters(members.astype(np.int64), centrality.astype(np.float64))


def _spread_centres(
    vectors: Singles, n_clusters: int, rng: np.random.Generator
) -> Singles:
    picks = [int(rng.integers(len(vectors)))]
    squared = np.full(len(vectors), np.inf)
    while len(picks) < n_clusters:
        to_last = (vectors @ vectors[picks[-1]]).astype(np.float64)
        squared = np.minimum(squared, np.maximum(2 - 2 * to_last, 0))
        squared[picks] = 0
        total = squared.sum()
        if total <= 0:  # all that is left equals a centre
            break
        picks.append(int(rng.choice(len(vectors), p=squared / total)))
    return vectors[picks].copy()
