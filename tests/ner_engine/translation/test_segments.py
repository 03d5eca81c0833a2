"""Texts are cut for a translator and come together again exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.errors import BadInput
from ner_engine.translation.segments import cut, join, move_turns
from ner_engine.translation.types import Translation, translation_of
from ner_engine.types import Document, Span, Turn

TEXTS = st.text(st.sampled_from("abZé.;, \n\t\r\u2028🙂"), max_size=120)


def pieces(document, **options):
    return [document.text[start:end] for start, end in cut(document, **options)]


@given(TEXTS, st.integers(1, 30), st.sampled_from(["sentence", "paragraph"]), st.data())
def test_what_is_cut_is_short_whole_and_joins_to_the_same_text(
    text, max_chars, unit, data
):
    document = Document("a", text, "es")
    ranges = cut(document, unit=unit, max_chars=max_chars)
    parts = [text[start:end] for start, end in ranges]

    assert all(0 < len(part) <= max_chars and part == part.strip() for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert join(text, ranges, parts)[0] == text

    others = [data.draw(st.text("xy", max_size=5)) for _ in ranges]
    translated, segments = join(text, ranges, others)
    assert [translated[start:end] for _, _, start, end in segments] == others
    assert [(start, end) for start, end, _, _ in segments] == ranges


def test_sentences_and_paragraphs():
    document = Document("a", "Tiene tos. No fiebre.\n\n  Alta.\nDr. Ruiz", "es")

    assert pieces(document, unit="sentence", max_chars=100) == [
        "Tiene tos.",
        "No fiebre.",
        "Alta.",
        "Dr. Ruiz",
    ]
    assert pieces(document, unit="paragraph", max_chars=100) == [
        "Tiene tos. No fiebre.",
        "Alta.",
        "Dr. Ruiz",
    ]
    assert pieces(document, unit="paragraph", max_chars=15)[:2] == [
        "Tiene tos.",
        "No fiebre.",
    ]


def test_a_long_sentence_is_cut_behind_punctuation_then_at_blanks():
    text = "tos seca y fiebre; disnea, dolor y malestar general"
    document = Document("a", text, "es")

    assert pieces(document, unit="sentence", max_chars=28) == [
        "tos seca y fiebre;",
        "disnea, dolor y malestar",
        "general",
    ]


def test_no_cut_goes_through_a_span():
    text = "Toma aas. Y dos. Fin."
    span = Span(text.index("aas"), text.index("dos") + 3, "MEDICATION")
    document = Document("a", text, "es", (span,))

    assert pieces(document, unit="sentence", max_chars=100) == [
        "Toma aas. Y dos.",
        "Fin.",
    ]
    assert pieces(document, unit="sentence", max_chars=12)[:2] == [
        "Toma",
        "aas. Y dos.",
    ]


def test_prefixes_of_speakers_are_not_translated_and_turns_move_along():
    text = "Informe\nD: ¿Tos? Sí.\nP: No"
    turns = (Turn("D", "doctor", 11, 20), Turn("P", "patient", 24, 26))
    document = Document("a", text, "es", turns=turns)
    ranges = cut(document, unit="paragraph", max_chars=100)

    assert [text[start:end] for start, end in ranges] == [
        "Informe",
        "¿Tos? Sí.",
        "No",
    ]
    translated, segments = join(text, ranges, ["Report", "Cough? Yes.", "None"])
    moved = move_turns(turns, segments)
    assert translated == "Report\nD: Cough? Yes.\nP: None"
    assert [translated[t.start_char : t.end_char] for t in moved] == [
        "Cough? Yes.",
        "None",
    ]


def test_a_translation_survives_its_document():
    source = Document("a", "tos\nalta", "es", (Span(0, 3, "FINDING"),), split="train")
    translation = Translation(
        source,
        "cough\nhome",
        "en",
        (Span(0, 5, "FINDING"),),
        ((0, 3, 0, 5), (4, 8, 6, 10)),
    )

    document = translation.document(backend="apertium")

    assert (document.language, document.split) == ("en", "train")
    assert translation_of(source, document) == translation
    assert "translation" not in source.metadata


@pytest.mark.parametrize("row", [[0, 9, 0, 1], [0, 1, 0], "0123", [0, 1, 3, 2]])
def test_segments_outside_the_texts_are_refused(row):
    source = Document("a", "tos", "es")
    details = {"segments": [row]}
    translated = Document("a", "cough", "en", metadata={"translation": details})

    with pytest.raises(BadInput, match="document a: a segment"):
        translation_of(source, translated)
