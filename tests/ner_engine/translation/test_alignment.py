"""Word alignment from similarities: one to one, sure where it can be, never past 1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ner_engine.translation.alignment import (
    ALIGNERS,
    cosine,
    mutual_argmax,
    sharpen,
    transport,
)

SIMILARITIES = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    elements=st.floats(-1, 1),
)


@given(SIMILARITIES)
def test_links_are_one_to_one_and_best_of_row_and_column(similarity):
    links = mutual_argmax(similarity)

    assert links.sum(axis=0).max() <= 1
    assert links.sum(axis=1).max() <= 1
    assert links.sum() >= 1  # the best of all is always mutual
    for row, column in np.argwhere(links):
        assert similarity[row, column] == similarity[row].max()
        assert similarity[row, column] == similarity[:, column].max()


@pytest.mark.parametrize("name", sorted(ALIGNERS))
@given(similarity=SIMILARITIES)
def test_every_aligner_keeps_shape_and_range(name, similarity):
    found = ALIGNERS[name](similarity)

    assert found.shape == similarity.shape
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-9


@pytest.mark.parametrize("name", sorted(ALIGNERS))
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_a_side_without_words_aligns_to_nothing(name, shape):
    assert ALIGNERS[name](np.zeros(shape)).shape == shape


@pytest.mark.parametrize("align", [sharpen, transport])
def test_sharpening_finds_a_permutation_and_cooling_makes_it_surer(align):
    order = [2, 0, 3, 1]
    similarity = np.full((4, 4), 0.7)
    similarity[np.arange(4), order] = 0.8

    cold, warm = (align(similarity, temperature=value) for value in (0.01, 0.1))

    assert cold.argmax(axis=1).tolist() == order
    assert cold[np.arange(4), order].min() > 0.95
    assert warm[np.arange(4), order].max() < cold[np.arange(4), order].min()


@given(SIMILARITIES)
def test_transport_gives_every_word_of_the_longer_side_the_same_weight(similarity):
    plan = transport(similarity, temperature=0.5, steps=200)

    axis = 1 if similarity.shape[0] >= similarity.shape[1] else 0
    assert plan.sum(axis=axis) == pytest.approx(1.0, abs=1e-3)


def test_transport_takes_a_word_away_that_two_would_have():
    # Both rows like column 0 best; the second has an alternative, the first has none.
    similarity = np.array([[0.9, 0.1], [0.8, 0.7]])

    assert transport(similarity, temperature=0.05)[1].argmax() == 1
    assert sharpen(similarity, temperature=0.05)[1, 0] < 0.5


def test_cosines_are_of_directions_and_zeros_are_like_nothing():
    found = cosine([[1.0, 0.0], [0.0, 0.0]], [[5.0, 0.0], [0.0, 2.0], [-3.0, 0.0]])

    assert found == pytest.approx(np.array([[1.0, 0.0, -1.0], [0.0, 0.0, 0.0]]))
