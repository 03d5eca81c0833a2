"""The demo data is what sample_data/README.md says it is."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from ner_engine import DEFAULT_LABELS

FOLDER = Path(__file__).resolve().parents[2] / "sample_data"
FILES = {
    "notes.es.jsonl": (20, {"es"}),
    "notes.fr.jsonl": (20, {"fr"}),
    "dialogues.jsonl": (12, {"es", "fr", "en"}),
}


def rows(name: str) -> list[dict]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


ALL_ROWS = [row for name in FILES for row in rows(name)]


@pytest.mark.parametrize("name", FILES)
def test_each_file_has_its_size_and_languages(name):
    least, languages = FILES[name]
    documents = rows(name)

    assert len(documents) >= least
    assert {document["language"] for document in documents} == languages


@pytest.mark.parametrize("name", FILES)
def test_at_least_half_of_each_file_is_gold(name):
    documents = rows(name)

    assert sum("entities" in document for document in documents) * 2 >= len(documents)


def test_every_language_has_sixty_gold_spans_of_each_label():
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in ALL_ROWS:
        for entity in row.get("entities", ()):
            counts[row["language"]][entity["label"]] += 1

    short = {
        (language, label): counts[language][label]
        for language in ("es", "fr", "en")
        for label in DEFAULT_LABELS
        if counts[language][label] < 60
    }
    assert short == {}


def test_entities_lie_inside_the_text_on_trimmed_mentions():
    for row in ALL_ROWS:
        for entity in row.get("entities", ()):
            mention = row["text"][entity["start"] : entity["end"]]
            assert mention, row["id"]
            assert mention == mention.strip(), row["id"]
            assert entity["label"] in DEFAULT_LABELS


def test_no_sentence_stands_in_two_texts():
    seen: dict[str, set[str]] = defaultdict(set)
    for row in ALL_ROWS:
        text = row["text"]
        for turn in row.get("turns", ()):
            assert text[turn["start"] : turn["end"]].strip(), row["id"]
        bare = re.sub(r"(?m)^[^:\n]{1,30}: ", "", text) if row.get("turns") else text
        for sentence in re.split(r"(?<=[.!?])\s+|\n+", bare):
            words = re.sub(r"\W+", " ", sentence).strip().lower()
            if len(words) >= 25:
                seen[words].add(row["id"])

    assert {tuple(ids) for ids in seen.values() if len(ids) > 1} == set()


def test_lengths_differ_as_in_a_real_week():
    for name in ("notes.es.jsonl", "notes.fr.jsonl"):
        lengths = [len(row["text"]) for row in rows(name)]

        assert min(lengths) < 150
        assert max(lengths) > 8000


def test_dialogues_have_turns_with_known_roles():
    roles = {"doctor", "nurse", "pharmacist", "patient", "relative", "other"}
    for row in rows("dialogues.jsonl"):
        assert len(row["turns"]) >= 2
        assert {turn["role"] for turn in row["turns"]} <= roles
