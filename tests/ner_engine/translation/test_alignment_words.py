"""What tells that two words translate each other: spelling, statistics, vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.models.encoder import load_encoder
from ner_engine.translation.cognates import skeleton, spelling_similarity
from ner_engine.translation.lexicon import learn_lexicon
from ner_engine.translation.word_vectors import WordEncoder, piece_shares

PAIRS = [
    (["fiebre", "alta"], ["high", "fever"]),
    (["fiebre", "y", "tos"], ["fever", "and", "cough"]),
    (["tos", "seca"], ["dry", "cough"]),
    (["dolor", "y", "fiebre"], ["pain", "and", "fever"]),
]


def test_greek_words_of_three_languages_have_like_skeletons():
    assert skeleton("hipotiroidismo")[:8] == skeleton("hypothyroidism")[:8]
    assert skeleton("phénylcétonurie")[:8] == skeleton("fenilcetonuria")[:8]


@pytest.mark.parametrize(
    ("ours", "theirs", "other"),
    [
        ("hipotiroidismo", "hypothyroidism", "hypertension"),
        ("succinilcolina", "succinylcholine", "insulin"),
        ("fibrilación", "fibrillation", "function"),
    ],
)
def test_cognates_are_more_alike_than_other_words(ours, theirs, other):
    assert spelling_similarity(ours, theirs) > 0.5
    assert spelling_similarity(ours, theirs) > 2 * spelling_similarity(ours, other)


def test_numbers_are_alike_only_when_they_are_the_same():
    assert spelling_similarity("500", "500") == 1.0
    assert spelling_similarity("500", "50") == 0.0


@given(st.text(max_size=12), st.text(max_size=12))
def test_similarity_is_symmetric_and_a_share(first, second):
    found = spelling_similarity(first, second)

    assert 0.0 <= found <= 1.0
    assert found == spelling_similarity(second, first)


def test_statistics_tell_words_apart_that_always_stand_together():
    lexicon = learn_lexicon(PAIRS)

    found = lexicon.matrix(["Fiebre", "tos"], ["cough", "fever", "unseen"])

    assert found.argmax(axis=1).tolist() == [1, 0]
    assert found.max() <= 1
    assert found[:, 2].tolist() == [0.0, 0.0]


def test_nothing_to_learn_from_is_an_empty_lexicon():
    lexicon = learn_lexicon([([], ["fever"]), ([], [])])

    assert lexicon.matrix(["tos"], ["cough"]).tolist() == [[0.0]]


def test_pieces_are_averaged_into_the_words_that_they_touch():
    shares = piece_shares([(0, 0), (0, 3), (3, 6), (7, 9)], [(0, 6), (7, 9), (10, 12)])

    assert shares.tolist() == [[0, 0.5, 0.5, 0], [0, 0, 0, 1], [0, 0, 0, 0]]


def test_words_have_vectors_also_where_the_text_is_longer_than_the_encoder(
    tiny_encoder,
):
    encoder = WordEncoder(load_encoder(str(tiny_encoder)), layer=1)
    n_words = 700
    text = " ".join(["fiebre"] * n_words)
    words = [(7 * at, 7 * at + 6) for at in range(n_words)]

    found = encoder.vectors(text, words)

    assert found.shape[0] == n_words
    assert np.linalg.norm(found, axis=1).min() > 0
    assert encoder.vectors("", []).shape[0] == 0
