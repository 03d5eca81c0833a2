"""What every generated document promises."""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import islice, pairwise

import pytest

from ner_engine.data.patterns import find_pattern_spans
from ner_engine.data.synthetic import (
    SYNTHETIC_LANGUAGES,
    generate_documents,
)
from ner_engine.labels import DEFAULT_LABELS


@pytest.fixture(scope="module", params=SYNTHETIC_LANGUAGES)
def documents(request):
    return tuple(generate_documents(request.param, 250, seed=5))


def test_mentions_are_trimmed_inside_and_on_one_line(documents):
    for document in documents:
        for span in document.spans:
            assert 0 <= span.start_char < span.end_char <= len(document.text)
            mention = span.mention(document.text)
            assert mention == mention.strip()
            assert "\n" not in mention


def test_spans_never_overlap(documents):
    for document in documents:
        ordered = sorted(document.spans)
        for left, right in pairwise(ordered):
            assert left.end_char <= right.start_char


def test_every_label_occurs_and_all_are_exhaustive(documents):
    labels = {span.label for document in documents for span in document.spans}
    assert labels == set(DEFAULT_LABELS)
    assert {document.exhaustive_for for document in documents} == {None}


def test_notes_and_dialogues_are_mixed_and_turns_lie_inside(documents):
    genres = {document.metadata["genre"] for document in documents}
    assert genres == {"note", "dialogue"}
    for document in documents:
        for turn in document.turns:
            assert 0 <= turn.start_char <= turn.end_char <= len(document.text)


def test_texts_differ(documents):
    texts = {document.text for document in documents}
    assert len(texts) >= 0.98 * len(documents)


def test_the_patterns_agree_with_the_generator_where_it_says_so(documents):
    """Silver and synthetic annotation follow one convention: else they would fight."""
    labels = ("DOSAGE", "FREQUENCY", "DURATION")
    n_agreed = n_generated = n_found = 0
    for document in documents:
        made = {span for span in document.spans if span.label in labels}
        found = set(find_pattern_spans(document.text, document.language))
        n_agreed += len(made & found)
        n_generated += len(made)
        n_found += len(found)
    assert n_agreed / n_generated > 0.95  # the rest is mistyped on purpose
    assert n_agreed / n_found > 0.97


@pytest.mark.parametrize("language", SYNTHETIC_LANGUAGES)
def test_the_same_seed_gives_the_same_documents(language):
    few = tuple(generate_documents(language, 20, seed=3))
    many = tuple(islice(generate_documents(language, 500, seed=3), 20))
    assert few == many
    assert few != tuple(generate_documents(language, 20, seed=4))


def test_unknown_language_is_refused():
    with pytest.raises(ValueError, match="no lexicon for language 'de'"):
        next(generate_documents("de", 1, seed=0))


def lexicon(name):
    source = files("ner_engine.data") / "lexicon" / name
    return json.loads(source.read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", SYNTHETIC_LANGUAGES)
def test_the_lexicon_is_wide_enough(language):
    words = lexicon(f"words.{language}.json")["words"]
    drugs = {*words["drug"], *words["brand"], *words["drug_class"]}
    findings = {
        finding
        for name, entries in words.items()
        if name.startswith("find") or name == "lay_plain"
        for finding in entries
    }
    assert len(drugs) >= 250
    assert len(findings) >= 350
    rules = lexicon(f"frames.{language}.json")["rules"]
    frames = ("hx", "current", "exam", "tests", "dx", "evol", "plan", "admin", "tele")
    assert sum(len(rules[rule]) for rule in frames) >= 80
