"""What term lists and token patterns find in notes."""

from __future__ import annotations

import json

import pytest

from ner_engine.errors import BadInput
from ner_engine.suggesters.matching import PatternMatcher, TokenPattern, read_patterns
from ner_engine.suggesters.terms import Term

TERMS = (
    Term("FINDING", "dolor abdominal"),
    Term("FINDING", "dolor"),
    Term("MEDICATION", "ácido fólico"),
)


def found(matcher, text):
    return [(span.mention(text), span.label) for span in matcher.find(text)]


def test_terms_match_whatever_case_accents_and_plural():
    matcher = PatternMatcher("es", terms=TERMS)

    text = "DOLORES ABDOMINALES; toma Acido  folico. Sin dolor."

    assert found(matcher, text) == [
        ("DOLORES ABDOMINALES", "FINDING"),
        ("Acido  folico", "MEDICATION"),
        ("dolor", "FINDING"),
    ]


def test_a_term_is_no_part_of_a_longer_word():
    assert found(PatternMatcher("es", terms=TERMS), "indoloro y doloroso") == []


def test_offsets_are_code_points():
    (span,) = PatternMatcher("es", terms=TERMS).find("😀 dolor")

    assert (span.start_char, span.end_char) == (2, 7)


def test_terms_of_different_labels_may_overlap():
    matcher = PatternMatcher("es", terms=[*TERMS, Term("PLACE", "abdominal")])

    assert found(matcher, "dolor abdominal") == [
        ("dolor abdominal", "FINDING"),
        ("abdominal", "PLACE"),
    ]


def test_token_patterns_match_as_spacy_has_it():
    rule = TokenPattern("DOSAGE", ({"LIKE_NUM": True}, {"LOWER": {"IN": ["mg", "g"]}}))
    matcher = PatternMatcher("es", terms=TERMS, patterns=[rule])

    assert found(matcher, "Da 500 MG y dos g por dolor") == [
        ("500 MG", "DOSAGE"),
        ("dos g", "DOSAGE"),
        ("dolor", "FINDING"),
    ]


def test_many_notes_leave_nothing_in_the_vocabulary():
    matcher = PatternMatcher("es", terms=TERMS)
    matcher.find("dolor")
    before = len(matcher._vocab.strings)

    for number in range(50):
        matcher.find(f"paciente{number} con dolor")

    assert len(matcher._vocab.strings) == before
    assert found(matcher, "dolor") == [("dolor", "FINDING")]


def test_an_empty_matcher_and_an_empty_note_find_nothing():
    assert PatternMatcher("fr").find("fièvre") == ()
    assert PatternMatcher("es", terms=TERMS).find(" \n") == ()


def test_a_language_that_spacy_lacks_still_matches():
    matcher = PatternMatcher("qq", terms=[Term("A", "kuku")])

    assert found(matcher, "KUKU") == [("KUKU", "A")]


def write(tmp_path, *rows):
    path = tmp_path / "patterns.jsonl"
    path.write_text(
        "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    )
    return path


def test_patterns_are_read_in_the_form_of_the_entity_ruler(tmp_path):
    path = write(
        tmp_path,
        {"label": "DRUG", "pattern": "aspirina", "id": "a1"},
        "",
        {"label": "DOSE", "pattern": [{"IS_DIGIT": True}, {"LOWER": "mg"}]},
    )

    terms, patterns = read_patterns(path)

    assert terms == (Term("DRUG", "aspirina"),)
    assert [(rule.label, len(rule.tokens), rule.line) for rule in patterns] == [
        ("DOSE", 2, 3)
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "no label"),
        ({"pattern": "a"}, "no label"),
        ({"label": "A"}, "no pattern"),
        ({"label": "A", "pattern": []}, "no pattern"),
        ({"label": "A", "pattern": ["a"]}, "no object"),
        ({"label": "A", "pattern": [{"POS": "NOUN"}]}, "POS"),
        ({"label": "A", "pattern": [{"LOWER": 3}]}, "not a token pattern"),
    ],
)
def test_a_bad_pattern_is_refused_with_its_line(tmp_path, row, reason):
    path = write(tmp_path, {"label": "A", "pattern": "a"}, row)

    with pytest.raises(BadInput, match=reason) as caught:
        read_patterns(path)

    assert caught.value.line == 2
