"""Documents go through cache and backend and come back whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ner_engine.errors import BadInput, NerEngineError
from ner_engine.translation.cache import TranslationCache
from ner_engine.translation.run import BudgetSpent, TranslationRun
from ner_engine.types import Document, Span, Turn
from tests.ner_engine.translation.words import WordTranslator

TEXT = "Tos seca.\n\n  No fiebre.\n38,5\nToma aas y < 3 & más."


def note(number=0, text=TEXT, words=("Tos", "fiebre", "38,5", "aas y < 3")):
    spans = tuple(
        Span(text.index(word), text.index(word) + len(word), "FINDING")
        for word in words
    )
    return Document(f"n{number}", text, "es", spans, split="train")


def one(run, document):
    (translation,) = run.translate([document])
    return translation


def mentions(translation):
    return [span.mention(translation.target_text) for span in translation.carried]


def test_text_lines_and_spans_come_through():
    run = TranslationRun(WordTranslator())

    found = one(run, note())

    assert (
        found.target_text
        == "Cough dry.\n\n  Not fever.\n38,5\nTakes aas and < 3 & más."
    )
    assert mentions(found) == ["Cough", "fever", "38,5", "aas and < 3"]
    assert run.counts["spans"] == run.counts["spans_carried"] == 4
    source_pieces = [TEXT[a:b] for a, b, _, _ in found.segments]
    assert source_pieces == ["Tos seca.", "No fiebre.", "38,5", "Toma aas y < 3 & más."]
    assert [found.target_text[a:b] for _, _, a, b in found.segments][1] == "Not fever."
    assert found.document().split == "train"


def test_a_text_nobody_annotated_stays_so():
    assert (
        one(TranslationRun(WordTranslator()), replace(note(), spans=None)).carried
        is None
    )


def test_a_backend_without_marks_says_so_in_the_counts():
    run = TranslationRun(WordTranslator(takes_html=False))

    found = one(run, note())

    assert found.carried is None
    assert found.target_text.endswith("and < 3 & más.")
    assert (run.counts["spans_unmarked"], run.counts["spans_carried"]) == (4, 0)


def test_every_span_is_accounted_for():
    class Careless(WordTranslator):
        def _translate(self, text):
            return super()._translate(text).replace('<b id="0">', "")

    text = "tos seca y fiebre"
    spans = (Span(0, 8, "A"), Span(4, 10, "A"), Span(11, 17, "A"))
    run = TranslationRun(Careless())

    found = one(run, Document("a", text, "es", spans))

    counts = run.counts
    assert (counts["marks_lost"], counts["spans_crossing"]) == (1, 1)
    assert mentions(found) == ["fever"]
    assert (
        counts["spans"]
        == 3
        == sum(
            counts[name]
            for name in ("spans_carried", "marks_lost", "spans_crossing", "spans_cut")
        )
    )


def test_a_span_longer_than_any_piece_is_counted_as_cut():
    run = TranslationRun(WordTranslator(max_chars=10))

    found = one(run, Document("a", "tos seca y fiebre", "es", (Span(0, 17, "A"),)))

    assert found.carried == ()
    assert run.counts["spans_cut"] == 1


def test_turns_of_a_dialogue_move_along():
    text = "P: Tos seca.\nD: Toma y no."
    turns = (Turn("P", "patient", 3, 12), Turn("D", "doctor", 16, 26))

    found = one(
        TranslationRun(WordTranslator()), Document("a", text, "es", turns=turns)
    )

    assert [found.target_text[t.start_char : t.end_char] for t in found.turns] == [
        "Cough dry.",
        "Takes and not.",
    ]


def test_a_text_is_sent_once(tmp_path):
    translator = WordTranslator()
    run = TranslationRun(translator, cache=TranslationCache(tmp_path))

    list(run.translate([note(0), note(1)]))
    again = WordTranslator()
    list(TranslationRun(again, cache=TranslationCache(tmp_path)).translate([note(2)]))

    sent = [text for batch in translator.batches for text in batch]
    assert len(sent) == len(set(sent)) == 3
    assert again.batches == []


@pytest.mark.parametrize(
    "change", [{"version": "2"}, {"takes_html": False}], ids=["version", "form"]
)
def test_another_version_or_form_is_asked_again(tmp_path, change):
    cache = TranslationCache(tmp_path)
    list(TranslationRun(WordTranslator(), cache=cache).translate([note()]))
    other = WordTranslator(**change)
    plain = replace(note(), spans=None)

    list(TranslationRun(other, cache=cache).translate([plain]))

    assert len([text for batch in other.batches for text in batch]) == 3


def test_an_interrupted_run_goes_on_where_it_was(tmp_path):
    texts = [f"Tos {number}. Fiebre {number}." for number in range(6)]
    notes = [Document(str(n), text, "es") for n, text in enumerate(texts)]
    broken = WordTranslator(fails_after=3)
    with pytest.raises(KeyboardInterrupt):
        list(TranslationRun(broken, cache=TranslationCache(tmp_path)).translate(notes))

    rest = WordTranslator()
    resumed = TranslationRun(rest, cache=TranslationCache(tmp_path))
    results = [t.target_text for t in resumed.translate(notes)]

    whole = [t.target_text for t in TranslationRun(WordTranslator()).translate(notes)]
    assert results == whole
    assert len(broken.batches) + len(rest.batches) == 6
    assert resumed.counts["cached"] == 6


def test_an_estimate_equals_what_is_then_sent(tmp_path):
    cache = TranslationCache(tmp_path)
    list(TranslationRun(WordTranslator(), cache=cache).translate([note()]))
    notes = [note(), Document("b", "Fiebre seca. Fiebre seca.", "es")]
    translator = WordTranslator(price_per_million=20.0)
    run = TranslationRun(translator, cache=cache)

    estimate = run.estimate(notes)
    assert translator.batches == []
    list(run.translate(notes))

    assert estimate.characters == len(TEXT) + 25
    assert estimate.characters_to_send == run.counts["sent_characters"] == 12
    assert estimate.price_usd == pytest.approx(12 * 20 / 1e6)
    assert (estimate.documents, estimate.segments_cached) == (2, 3)


def test_no_more_is_sent_than_allowed(tmp_path):
    texts = [f"Tos {number}. Fiebre {number}." for number in range(4)]
    notes = [Document(str(n), text, "es") for n, text in enumerate(texts)]
    cache = TranslationCache(tmp_path)
    run = TranslationRun(WordTranslator(), cache=cache, max_characters=40)

    with pytest.raises(BudgetSpent, match="30 of at most 40 characters"):
        list(run.translate(notes))

    more = TranslationRun(WordTranslator(), cache=cache, max_characters=40)
    assert len(list(more.translate(notes))) == 4


def test_a_refused_text_costs_its_document_only():
    notes = [Document(str(n), f"Tos {n}. Fiebre {n}.", "es") for n in range(4)]
    run = TranslationRun(WordTranslator(refuses="Fiebre 2"))

    found = [translation.source.id for translation in run.translate(notes)]

    assert found == ["0", "1", "3"]
    assert run.refused == [("2", "the text was refused (400)")]


def test_what_came_back_empty_is_counted_and_asked_again(tmp_path):
    cache = TranslationCache(tmp_path)
    document = Document("a", "tos\nseca", "es")
    run = TranslationRun(WordTranslator(words={"tos": " "}), cache=cache)
    assert one(run, document).target_text == "\ndry"
    assert run.counts["empty"] == 1

    again = TranslationRun(WordTranslator(), cache=cache)

    assert one(again, document).target_text == "cough\ndry"


def test_another_number_of_answers_is_an_error():
    class Short(WordTranslator):
        def translate(self, texts):
            return super().translate(texts)[1:]

    with pytest.raises(NerEngineError, match="words gave back 1 texts for 2"):
        list(TranslationRun(Short()).translate([note()]))


def test_a_document_of_another_language_is_refused():
    with pytest.raises(BadInput, match="document n0 is in fr, not es"):
        list(
            TranslationRun(WordTranslator()).translate([replace(note(), language="fr")])
        )
