"""Forms that must share a key, and words that must not."""

from __future__ import annotations

import pytest

from ner_engine.suggesters.folding import fold_word


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("es", "Dolor", "dolores"),
        ("es", "fiebre", "FIEBRES"),
        ("es", "hipertensión", "hipertension"),
        ("es", "lápiz", "lápices"),
        ("es", "comprimido", "comprimidos"),
        ("fr", "céphalée", "cephalees"),
        ("fr", "journal", "journaux"),
        ("fr", "niveau", "niveaux"),
        ("fr", "comprimé", "Comprimés"),
        ("en", "allergy", "allergies"),
        ("en", "disease", "diseases"),
        ("en", "box", "boxes"),
        ("en", "headache", "headaches"),
    ],
)
def test_forms_of_a_word_share_a_key(language, first, second):
    assert fold_word(first, language) == fold_word(second, language)


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("es", "mes", "me"),
        ("es", "tos", "to"),
        ("en", "stress", "stres"),
        ("en", "virus", "viru"),
        ("es", "vez", "veces"),  # too short to be cut
        ("es", "B12", "b1"),
        ("de", "Kopf", "Kopfs"),
    ],
)
def test_other_words_do_not(language, first, second):
    assert fold_word(first, language) != fold_word(second, language)
