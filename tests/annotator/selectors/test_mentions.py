"""Same mentions: case, accents and number folded, words kept apart."""

from __future__ import annotations

import pytest

from annotator.selectors.mentions import find_same, is_same
from ner_engine.text.tokens import tokenize


@pytest.mark.parametrize(
    ("language", "mention", "same", "other"),
    [
        ("es", "lesión", ["lesiones", "LESIÓN", "lesion"], ["lesionar", "les"]),
        ("es", "hematíes", ["hematies"], ["hemat"]),
        ("es", "cicatriz", ["cicatrices", "Cicatriz"], ["cicatrizar"]),
        ("es", "año", ["años", "AÑO"], ["ano", "anos"]),
        ("es", "dolor torácico", ["dolores toracicos", "DOLOR  TORÁCICO"], ["dolor"]),
        ("es", "ß", ["ß"], ["s"]),
        ("fr", "mal", ["maux", "mals"], ["malade"]),
        ("fr", "fièvre", ["fievres"], ["fiévreux"]),
        ("fr", "genou", ["genoux"], ["gens"]),
        ("en", "allergy", ["allergies", "Allergy"], ["allergic"]),
        ("en", "mass", ["masses"], ["mas"]),
        ("en", "rash", ["rashes"], ["rashly"]),
        ("es", "1 g", ["1  g", "1\ng"], ["1 gs", "11 g"]),
        ("es", "500 mg", ["500 MG"], ["1500 mg"]),
    ],
)
def test_what_reads_alike(language, mention, same, other):
    assert [word for word in same if not is_same(word, mention, language)] == []
    assert [word for word in other if is_same(word, mention, language)] == []


@pytest.mark.parametrize(
    ("text", "mention", "found"),
    [
        (
            "Fiebre, fiebres y fiebre\u0301.",
            "fiebre",
            ["Fiebre", "fiebres", "fiebre\u0301"],
        ),
        ("Un an\u0303o, dos años, el ano.", "año", ["an\u0303o", "años"]),
        ("fiebre-alta y antifiebre", "fiebre", ["fiebre"]),
        ("tos\r\nseca y tos seca", "tos seca", ["tos\r\nseca", "tos seca"]),
        ("👩‍⚕️ tos 😀 tos", "tos", ["tos", "tos"]),
        ("nada", "  ", []),
    ],
)
def test_where_they_are_found(text, mention, found):
    tokens = [(t.start_char, t.end_char) for t in tokenize(text, "es")]
    ranges = find_same(text, tokens, mention, "es")
    assert [text[start:end] for start, end in ranges] == found
