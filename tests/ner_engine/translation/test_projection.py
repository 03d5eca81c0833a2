"""Projection puts spans on the words of the translation, or leaves them out."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.errors import BadInput
from ner_engine.models.encoder import load_encoder
from ner_engine.translation.candidates import Side
from ner_engine.translation.projection import (
    METHODS,
    Projector,
    learn_from,
    project_documents,
    translate_alone,
)
from ner_engine.translation.sentence_pairs import pair_sentences, words_of
from ner_engine.translation.types import Translation
from ner_engine.translation.word_vectors import WordEncoder
from ner_engine.types import Document, Span

SPANISH = (
    "Paciente con hipotiroidismo subclínico y fibrilación auricular."
    " Se inicia tratamiento con levotiroxina 50 mg y heparina."
)
ENGLISH = (
    "Patient with subclinical hypothyroidism and atrial fibrillation."
    " Treatment with levothyroxine 50 mg and heparin is started."
)
PLACES = {
    "hipotiroidismo subclínico": "subclinical hypothyroidism",
    "fibrilación auricular": "atrial fibrillation",
    "levotiroxina": "levothyroxine",
    "heparina": "heparin",
}


def spans_of(text, mentions, label="FINDING"):
    return tuple(Span(text.index(m), text.index(m) + len(m), label) for m in mentions)


def translation(**values):
    source = Document("a", SPANISH, "es", spans_of(SPANISH, PLACES), split="train")
    return Translation(source, ENGLISH, "en", **values)


def mentions(found, text=ENGLISH):
    return [None if span is None else span.mention(text) for span in found]


def test_cognates_alone_place_medical_words_without_an_encoder():
    found = Projector("combined").project(translation())

    assert mentions(found) == list(PLACES.values())
    assert all(0 < span.confidence <= 1 for span in found)


def test_what_is_not_in_the_translation_is_left_out_and_not_forced():
    source = Document("a", "Toma heparina y naproxeno.", "es")
    source = Document(
        "a", source.text, "es", spans_of(source.text, ["heparina", "naproxeno"])
    )
    short = Translation(source, "He takes heparin.", "en")

    found = Projector("combined").project(short)

    assert mentions(found, short.target_text) == ["heparin", None]


def test_a_threshold_of_one_trusts_nothing():
    assert Projector("combined", threshold=1.0).project(translation()) == (None,) * 4


def test_marks_are_taken_as_they_were_carried():
    carried = spans_of(ENGLISH, ["levothyroxine", "heparin"])

    found = Projector("marks").project(translation(carried=carried))

    assert {span for span in found if span is not None} == set(carried)
    with pytest.raises(BadInput, match="document a: the backend carried no marks"):
        Projector("marks").project(translation())


def test_a_mark_decides_between_places_that_are_equally_good():
    text = "Dolor. Tos y tos."
    source = Document("a", text, "es", (Span(7, 10, "FINDING"),))
    target = "Pain. Hust and hust."
    mark = Span(15, 19, "FINDING")

    found = Projector("combined", threshold=0.0).project(
        Translation(source, target, "en", carried=(mark,))
    )

    assert found == (mark,)


def test_lookup_finds_inflected_unaccented_mentions_and_each_place_once():
    text = "Diabetes tipo 2, tos y tos."
    spans = (Span(0, 15, "FINDING"), Span(17, 20, "FINDING"), Span(23, 26, "FINDING"))
    source = Document("a", text, "es", spans)
    target = "Type 2 diabetes, cough and COUGH."
    alone = {"Diabetes tipo 2": "diabete type 2", "tos": "cough"}

    found = Projector("lookup", alone=alone).project(Translation(source, target, "en"))

    assert mentions(found, target)[0] == "Type 2 diabetes"
    assert sorted(mentions(found, target)[1:]) == ["COUGH", "cough"]


def test_mentions_are_translated_once():
    asked = []

    def translate(texts):
        asked.extend(texts)
        return [text.upper() for text in texts]

    alone = translate_alone([translation(), translation()], translate)

    assert sorted(asked) == sorted(PLACES)
    assert alone["heparina"] == "HEPARINA"


def test_statistics_of_the_corpus_place_words_that_are_spelt_differently():
    words = {"tos": "cough", "fiebre": "fever", "dolor": "pain", "mareo": "vertigo"}
    pairs = [
        Translation(
            Document(f"{a}{b}", text, "es", spans_of(text, [a, b])),
            f"the {words[a]} with {words[b]}",
            "en",
        )
        for a, b in combinations(words, 2)
        for text in [f"{a} {b}"]
    ]

    projector = Projector("lexicon", lexicon=learn_from(pairs))

    for pair in pairs:
        expected = [words[s.mention(pair.source.text)] for s in pair.source.spans]
        assert mentions(projector.project(pair), pair.target_text) == expected


@pytest.mark.parametrize("method", ["argmax", "softmax", "transport", "combined"])
def test_a_text_is_aligned_with_itself(method, tiny_encoder):
    encoder = WordEncoder(load_encoder(str(tiny_encoder)), layer=0)
    source = Document("a", SPANISH, "es", spans_of(SPANISH, PLACES))

    found = Projector(method, encoder=encoder, lexicon=learn_from([])).project(
        Translation(source, SPANISH, "es")
    )

    assert mentions(found, SPANISH) == list(PLACES)


def test_segments_bound_the_search():
    text, target = "Heparina.\n\nHeparina.", "Heparin.\n\nHeparin."
    source = Document("a", text, "es", (Span(11, 19, "MEDICATION"),))
    segments = ((0, 9, 0, 8), (11, 20, 10, 18))

    found = Projector("combined").project(
        Translation(source, target, "en", segments=segments)
    )

    assert found == (Span(10, 17, "MEDICATION"),)


def test_documents_keep_what_they_were_and_unannotated_ones_stay_so():
    bare = Translation(Document("b", "Fiebre.", "es"), "Fever.", "en")

    first, second = project_documents([translation(), bare], Projector("combined"))

    assert (first.id, first.language, first.split) == ("a", "en", "train")
    assert mentions(first.spans) == sorted(PLACES.values(), key=ENGLISH.index)
    assert second.spans is None


@given(st.data())
def test_places_lie_in_the_text_and_of_apart_spans_apart(data):
    words = st.sampled_from(["tos", "fever", "de", ",", "heparina", "50", "(", "Ñ"])
    text = " ".join(data.draw(st.lists(words, min_size=1, max_size=14)))
    target = " ".join(data.draw(st.lists(words, max_size=14)))
    ranges = data.draw(
        st.lists(st.tuples(st.integers(0, len(text) - 1), st.integers(1, 9)))
    )
    spans = tuple(
        sorted({Span(a, min(a + n, len(text)), "FINDING") for a, n in ranges})
    )
    pair = Translation(Document("a", text, "es", spans), target, "en")

    found = Projector("combined", threshold=0.0).project(pair)

    assert len(found) == len(spans)
    placed = [(s, f) for s, f in zip(spans, found, strict=True) if f is not None]
    for _, span in placed:
        assert 0 <= span.start_char < span.end_char <= len(target)
    for (s, f), (t, g) in combinations(placed, 2):
        assert s.overlaps(t) or not f.overlaps(g)


def test_unknown_methods_and_missing_needs_are_refused():
    with pytest.raises(BadInput, match="unknown method guess; known: marks"):
        Projector("guess")
    with pytest.raises(BadInput, match="method transport needs an encoder"):
        Projector("transport")
    with pytest.raises(BadInput, match="needs mentions translated alone"):
        Projector("lookup")
    assert "combined" in METHODS


def test_sentences_are_paired_across_merged_and_missing_ones():
    text = "Ingresa por fiebre. Se da 500 mg de amoxicilina. Alta el día 12. Revisión."
    target = "Admitted for fever and given 500 mg of amoxicillin. Discharged on day 12."
    sides = []
    for value, language in ((text, "es"), (target, "en")):
        words, starts = words_of(value, language)
        sides.append((Side(value, language, words), starts))
    (ours, starts), (theirs, heads) = sides

    blocks = pair_sentences(ours, theirs, starts, heads)

    def block_of(side, word, which):
        number = side.surfaces.index(word)
        return next(
            at for at, b in enumerate(blocks) if b[which][0] <= number < b[which][1]
        )

    assert block_of(ours, "amoxicilina", 0) == block_of(theirs, "amoxicillin", 1)
    assert block_of(ours, "12", 0) == block_of(theirs, "12", 1)
    assert block_of(ours, "500", 0) != block_of(ours, "12", 0)
    assert [b.source_words[0] for b in blocks[1:]] == [
        b.source_words[1] for b in blocks[:-1]
    ]
    assert blocks[-1].source_words[1] == len(ours.words)
    assert blocks[-1].target_words[1] == len(theirs.words)
