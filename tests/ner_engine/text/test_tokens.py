"""Boundaries that clinical spans need, and totality over any Unicode text."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.text.sentences import LINE_BREAKS
from ner_engine.text.tokens import TOKENIZER_VERSION, primary_language, tokenize
from tests.ner_engine.strategies import clinical_text


def surfaces(text: str, language: str = "es") -> list[str]:
    return [
        text[token.start_char : token.end_char] for token in tokenize(text, language)
    ]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("500mg", "es", ["500", "mg"]),
        ("c/8h", "es", ["c", "/", "8", "h"]),
        ("1-0-1", "es", ["1", "-", "0", "-", "1"]),
        ("40mg/día", "es", ["40", "mg", "/", "día"]),
        ("0,5 y 1.000 mg.", "es", ["0,5", "y", "1.000", "mg", "."]),
        ("<5 ≥3% +++ +", "es", ["<", "5", "≥", "3", "%", "+++", "+"]),
        ("100µg/24h", "fr", ["100", "µg", "/", "24", "h"]),
        ("l'hypertension", "fr", ["l'", "hypertension"]),
        ("L’INR d'1 g", "fr", ["L’", "INR", "d'", "1", "g"]),
        ("aujourd'hui jusqu'à", "fr", ["aujourd'hui", "jusqu'", "à"]),
        ("patient's don't", "en", ["patient", "'s", "do", "n't"]),
        ("(AINEs)", "es", ["(", "AINEs", ")"]),
        ("HbA1c COVID-19", "en", ["HbA", "1", "c", "COVID", "-", "19"]),
        ("½ comp\u00a0v.o.", "es", ["½", "comp", "v", ".", "o", "."]),
        ("o\u0301n👩‍⚕️🇪🇸1️⃣", "es", ["o\u0301n", "👩‍⚕️", "🇪🇸", "1️⃣"]),
        ("漢字 ok", "zh", ["漢", "字", "ok"]),
        ("a\ud800b \udc00", "es", ["a", "\ud800", "b", "\udc00"]),
        ("", "es", []),
        (" \t\r\n\u2028\u00a0", "es", []),
    ],
)
def test_tokenize_clinical_text_reaches_its_boundaries(text, language, expected):
    assert surfaces(text, language) == expected


@given(clinical_text, st.sampled_from(["es", "fr", "en", "it", "xx"]))
def test_tokenize_any_text_puts_each_visible_character_in_one_token(text, language):
    covered: list[int] = []
    for token in tokenize(text, language):
        assert token.start_char < token.end_char
        covered.extend(range(token.start_char, token.end_char))
    assert covered == [i for i, char in enumerate(text) if not char.isspace()]


@given(clinical_text)
def test_tokenize_first_token_of_each_line_starts_a_sentence(text):
    previous_end = 0
    for index, token in enumerate(tokenize(text, "fr")):
        if index == 0 or not LINE_BREAKS.isdisjoint(
            text[previous_end : token.start_char]
        ):
            assert token.sentence_start
        previous_end = token.end_char


@given(clinical_text, clinical_text)
def test_tokenize_lines_apart_equals_lines_together(first, second):
    together = tokenize(f"{first}\n{second}", "es")
    shift = len(first) + 1
    apart = [(t.start_char, t.end_char) for t in tokenize(first, "es")]
    apart += [
        (t.start_char + shift, t.end_char + shift) for t in tokenize(second, "es")
    ]
    assert [(t.start_char, t.end_char) for t in together] == apart


@pytest.mark.parametrize(
    "language", ["zz", "ja", "zh", "th", "../os", "", "ES-mx", "x1"]
)
def test_tokenize_language_without_spacy_rules_falls_back(language):
    assert surfaces("l'hypertension 5mg", language)[-2:] == ["5", "mg"]


def test_primary_language_tag_with_region_keeps_the_language():
    assert [primary_language(tag) for tag in ("es-MX", "FR_ca", "en", "os.path")] == [
        "es",
        "fr",
        "en",
        "xx",
    ]


def test_tokenizer_version_names_rules_and_spacy():
    assert TOKENIZER_VERSION.startswith("glosa-1+spacy-3.")


def test_tokenize_long_note_is_fast():
    text = "Paracetamol 1 g c/8 h durante 7 días por fiebre (38,5 °C).\n" * 2_000
    tokenize(text[:100], "es")
    rates = []
    for _ in range(3):
        began = time.process_time()
        n_tokens = len(tokenize(text, "es"))
        rates.append(n_tokens / (time.process_time() - began))
    # About 700,000 tokens a second on the Spanish case reports when nothing else ran.
    # Contention slows processor time too, so the best of three is asked for a seventh.
    assert max(rates) > 100_000


def test_tokenize_text_without_apostrophes_leaves_spacy_unimported():
    code = (
        "import sys\nfrom ner_engine.text.tokens import tokenize\n"
        "tokenize('Niega fiebre. 500mg c/8h', 'es')\nprint('spacy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.corpora
@pytest.mark.parametrize("name", ["clinical-cases-sp.es", "e3c.fr", "maccrobat.en"])
def test_tokenize_gold_boundaries_fall_between_tokens(name):
    folder = os.environ.get("GLOSA_CORPORA")
    if not folder:
        pytest.skip("GLOSA_CORPORA is not set")
    n_boundaries = n_reached = 0
    with (Path(folder) / f"{name}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            tokens = tokenize(row["text"], row["language"])
            starts = {token.start_char for token in tokens}
            ends = {token.end_char for token in tokens}
            gold = [e for e in row["entities"] if e["mapped"] is not None]
            n_boundaries += 2 * len(gold)
            n_reached += sum(e["start"] in starts for e in gold)
            n_reached += sum(e["end"] in ends for e in gold)
    assert n_reached / n_boundaries >= 0.99


def test_tokenize_same_text_twice_gives_equal_tokens():
    text = "L'aspirine, d'abord. M. Roux n'a pas d'allergie."
    assert tokenize(text, "fr") == tokenize(text, "fr")
    starts = [t.start_char for t in tokenize(text, "fr")]
    assert all(a < b for a, b in itertools.pairwise(starts))
