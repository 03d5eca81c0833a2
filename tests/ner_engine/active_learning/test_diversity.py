"""Clusters, cores and density on points whose answer can be seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.active_learning.diversity import (
    k_center,
    k_means,
    mean_similarity,
    nearest_distances,
    unit_rows,
)

# Three directions: five rows, three rows, one row.
AXES = np.eye(3, dtype=np.float32)
CLOUD = np.concatenate([AXES[[0]]] * 5 + [AXES[[1]]] * 3 + [AXES[[2]]])


def test_unit_rows_keeps_rows_of_zeros():
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))

    assert rows == pytest.approx(np.array([[0.6, 0.8], [0.0, 0.0]]))


def test_mean_similarity_equals_the_mean_of_all_pairs():
    vectors = unit_rows(
        np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    )

    pairs = (vectors @ vectors.T).mean(axis=1)

    assert mean_similarity(vectors) == pytest.approx(pairs, abs=1e-5)


def test_nearest_distances_equals_brute_force_over_blocks():
    rng = np.random.default_rng(1)
    vectors = unit_rows(rng.normal(size=(1500, 4)).astype(np.float32))
    others = unit_rows(rng.normal(size=(7, 4)).astype(np.float32))

    brute = np.linalg.norm(vectors[:, None] - others[None], axis=2).min(axis=1)

    assert nearest_distances(vectors, others) == pytest.approx(brute, abs=1e-3)


def test_k_center_visits_each_direction_before_any_twice():
    picks, away = k_center(CLOUD, 4)

    assert {tuple(CLOUD[pick]) for pick in picks[:3]} == {tuple(row) for row in AXES}
    assert away[1:3] == pytest.approx([np.sqrt(2)] * 2)
    assert away[3] == pytest.approx(0.0)


def test_k_center_begins_away_from_what_is_annotated():
    picks, _ = k_center(CLOUD, 2, covered=AXES[[0, 1]])

    assert picks[0] == 8  # the only row of the third direction


@given(
    n_notes=st.integers(1, 40),
    n_picks=st.integers(0, 50),
    is_equal=st.booleans(),
    seed=st.integers(0, 99),
)
def test_k_center_picks_distinct_rows_even_among_equal_ones(
    n_notes, n_picks, is_equal, seed
):
    rng = np.random.default_rng(seed)
    rows = np.ones((n_notes, 3)) if is_equal else rng.normal(size=(n_notes, 3))

    picks, _ = k_center(unit_rows(rows.astype(np.float32)), n_picks)

    assert len(set(picks.tolist())) == min(n_notes, n_picks)


def test_k_means_finds_separate_directions():
    clusters = k_means(CLOUD, 3, np.random.default_rng(0))

    assert sorted(clusters.sizes.tolist()) == [1, 3, 5]
    assert clusters.centrality == pytest.approx(np.ones(9))


def test_k_means_with_more_clusters_than_directions_leaves_none_empty():
    clusters = k_means(CLOUD, 8, np.random.default_rng(0))

    assert sorted(clusters.sizes.tolist()) == [1, 3, 5]
