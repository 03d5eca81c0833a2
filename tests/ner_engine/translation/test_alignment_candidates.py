"""What speaks for a place in a translation, and how sure the scorer is."""

from __future__ import annotations

import numpy as np
import pytest

from ner_engine.translation.candidates import (
    FEATURES,
    Side,
    Weights,
    best_overlap,
    features,
    gather_evidence,
    mention_words,
    probabilities,
    windows,
)
from ner_engine.translation.lexicon import EMPTY
from ner_engine.translation.projection_weights import THRESHOLD, WEIGHTS
from ner_engine.translation.sentence_pairs import words_of

SOURCE = "insuficiencia renal (aguda), tos"
TARGET = "the acute (renal insufficiency), cough"


def side(text, language):
    return Side(text, language, words_of(text, language)[0])


@pytest.fixture
def evidence():
    source, target = side(SOURCE, "es"), side(TARGET, "en")
    nothing = np.zeros((len(source.words), len(target.words)))
    return gather_evidence(source, target, nothing, EMPTY)


def feature(values, name):
    return values[:, FEATURES.index(name)]


def test_every_feature_has_a_weight_and_every_window_every_feature(evidence):
    first, last = windows(evidence, [0, 1])

    values = features(evidence, [0, 1], first, last)

    assert values.shape == (len(first), len(FEATURES))
    assert np.isfinite(values).all()
    assert len(WEIGHTS.features) == len(FEATURES)
    assert 0 < THRESHOLD < 1


def test_a_run_of_words_is_chosen_by_coverage_and_purity_not_by_the_outermost_links():
    # The mention's two words align to columns 1 and 2; a stray link goes to column 5.
    alignment = np.zeros((3, 6))
    alignment[0, 1], alignment[1, 2], alignment[1, 5], alignment[2, 3] = (
        0.9,
        0.8,
        0.2,
        1,
    )

    assert best_overlap(alignment, [0, 1]) == (1, 3)
    assert best_overlap(np.zeros((2, 3)), [0]) is None
    assert best_overlap(np.zeros((2, 0)), [0]) is None


def test_form_tells_articles_brackets_and_cut_words_at_the_edges(evidence):
    words = evidence.target.surfaces
    ranges = [(0, 2), (1, 4), (3, 5), (2, words.index("insufficiency") + 1)]
    first, last = np.array(ranges, dtype=np.int64).T

    values = features(evidence, [0, 1], first, last)

    assert feature(values, "starts_function").tolist() == [1, 0, 0, 0]
    assert feature(values, "brackets").tolist() == [0, 1, 0, 1]
    assert feature(values, "starts_sign").tolist() == [0, 0, 0, 1]


def test_marks_and_lookups_count_for_the_places_that_agree_with_them(evidence):
    start = TARGET.index("renal")
    end = start + len("renal insufficiency")
    first, last = windows(evidence, [0, 1])

    values = features(
        evidence, [0, 1], first, last, alone=["renal", "failure"], marks=[(start, end)]
    )

    marked = np.flatnonzero(feature(values, "is_marked"))
    assert len(marked) == 1
    at = evidence.target.words
    assert (at[first[marked[0]]][0], at[last[marked[0]] - 1][1]) == (start, end)
    assert feature(values, "marked").argmax() == marked[0]
    assert feature(values, "lookup")[marked[0]] == pytest.approx(0.5, abs=0.3)


def test_probabilities_of_places_and_none_sum_to_one(evidence):
    first, last = windows(evidence, [0, 1])
    values = features(evidence, [0, 1], first, last)

    found = probabilities(values, WEIGHTS)
    doubtful = probabilities(values, Weights(WEIGHTS.features, none=50.0))

    assert found.sum() == pytest.approx(1)
    assert len(found) == len(first) + 1
    assert doubtful[-1] > 0.99


def test_a_range_inside_a_word_touches_that_word():
    assert mention_words(side(SOURCE, "es"), 2, 5) == [0]
    assert mention_words(side(SOURCE, "es"), 13, 14) == []
