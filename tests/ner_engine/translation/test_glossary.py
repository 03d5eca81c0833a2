"""A glossary is read with its errors, finds its terms and puts their translations."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.errors import BadInput
from ner_engine.translation.cache import TranslationCache
from ner_engine.translation.glossary import Glossary, Term, exchange, read_glossary
from ner_engine.translation.run import TranslationRun
from ner_engine.types import Document, Span
from tests.ner_engine.translation.words import WordTranslator


def glossary(*terms):
    return Glossary("es", "en", tuple(Term(*term) for term in terms))


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def found(terms, text):
    return [text[hit.start : hit.end] for hit in terms.find(text)]


def note(text, *words):
    spans = tuple(
        Span(text.index(word), text.index(word) + len(word), "DOSAGE") for word in words
    )
    return Document("a", text, "es", spans)


def translated(translator, terms, document, when, **options):
    run = TranslationRun(translator, glossary=terms, when=when, **options)
    (translation,) = run.translate([document])
    spans = translation.carried
    surfaces = spans and [span.mention(translation.target_text) for span in spans]
    return translation.target_text, surfaces, run.counts


def test_terms_are_whole_words_and_the_longest_wins():
    terms = glossary(("dolor", "pain"), ("dolor torácico", "chest pain"), ("3 mg", "x"))

    text = "Dolor, DOLOR  torácico, indoloro y 13 mg o 3 mg."

    assert found(terms, text) == ["Dolor", "DOLOR  torácico", "3 mg"]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("anycase", ["año", "AÑO", "an\u0303o"]),
        ("exact", ["año", "an\u0303o"]),
        ("loose", ["año", "AÑO", "an\u0303o", "ano"]),
    ],
)
def test_case_and_accents_count_as_the_file_says(match, expected):
    terms = Glossary("es", "en", (Term("año", "year", (), match),))

    assert found(terms, "año AÑO an\u0303o ano") == expected


@given(st.text("aáAÁß ñn\u0303🙂.", max_size=40))
def test_found_terms_stand_where_they_say(text):
    terms = glossary(("á", "x"), ("ñ a", "y"), ("ß", "z"))

    for hit in terms.find(text):
        wanted = unicodedata.normalize("NFC", text[hit.start : hit.end]).casefold()
        folded = unicodedata.normalize("NFC", hit.term.source).casefold()
        assert wanted.split() == folded.split()


def test_before_a_term_is_put_and_its_mark_stays():
    terms = glossary(("diarios", "daily"))
    document = note("Toma 20 mg Diarios y tos.", "20 mg", "Diarios", "tos")

    text, surfaces, counts = translated(WordTranslator(), terms, document, "before")

    assert text == "Takes 20 mg Daily and cough."
    assert surfaces == ["20 mg", "Daily", "cough"]
    assert counts["glossary_applied"] == 1


@pytest.mark.parametrize(
    ("shield", "takes_html"), [("element", True), ("none", True), ("none", False)]
)
def test_before_with_the_other_shields(shield, takes_html):
    terms = glossary(("diarios", "<5 & daily"))
    translator = WordTranslator(shield=shield, takes_html=takes_html)

    text, _, _ = translated(translator, terms, note("Toma diarios."), "before")

    assert text == "Takes <5 & daily."


def test_before_a_term_across_the_edge_of_a_span_stays_and_is_counted():
    terms = glossary(("mg diarios", "mg daily"), ("tos", "COUGH"))
    document = note("20 mg diarios, tos", "20 mg")

    text, surfaces, counts = translated(WordTranslator(), terms, document, "before")

    assert (text, surfaces) == ("20 mg newspapers, COUGH", ["20 mg"])
    assert counts["glossary_skipped"] == 1


def test_before_a_lost_stand_in_means_translation_without_the_glossary():
    class Eater(WordTranslator):
        def _translate(self, text):
            return super()._translate(text).replace("Qzxaxzq", "")

    terms = glossary(("diarios", "daily"))

    text, surfaces, counts = translated(
        Eater(), terms, note("Toma diarios.", "diarios"), "before"
    )

    assert (text, surfaces) == ("Takes newspapers.", ["newspapers"])
    assert (counts["glossary_lost"], counts["glossary_applied"]) == (1, 0)


def test_after_what_the_backend_made_of_the_term_is_exchanged():
    terms = glossary(("diarios", "daily"))
    document = note("Diarios. Toma diarios. Newspapers y tos.", "diarios", "tos")

    text, surfaces, counts = translated(WordTranslator(), terms, document, "after")

    # The third sentence does not have the term.
    assert text == "Daily. Takes daily. Newspapers and cough."
    assert surfaces == ["daily", "cough"]
    assert counts["glossary_applied"] == 2


def test_after_with_wrong_translations_named_by_the_file():
    terms = Glossary("es", "en", (Term("diarios", "daily", ("papers", "newspapers")),))
    translator = WordTranslator(takes_html=False)

    text, _, counts = translated(translator, terms, note("Toma diarios."), "after")

    assert text == "Takes daily."
    assert translator.batches == [["Toma diarios."]]
    assert counts["glossary_skipped"] == 0


def test_after_a_right_translation_stays_and_one_not_found_is_counted():
    terms = Glossary("es", "en", (Term("tos", "cough"), Term("toma", "drinks", ("x",))))

    text, _, counts = translated(WordTranslator(), terms, note("Toma tos."), "after")

    assert text == "Takes cough."
    assert (counts["glossary_applied"], counts["glossary_skipped"]) == (0, 1)


def test_the_cache_serves_a_changed_glossary(tmp_path):
    cache = TranslationCache(tmp_path)
    document = note("Toma diarios.")
    translated(
        WordTranslator(),
        glossary(("diarios", "daily")),
        document,
        "before",
        cache=cache,
    )

    translator = WordTranslator()
    text, _, _ = translated(
        translator, glossary(("diarios", "a day")), document, "before", cache=cache
    )

    assert text == "Takes a day."
    assert translator.batches == []


@given(
    st.text("abc", min_size=12, max_size=12),
    st.lists(st.text("xyz", max_size=4), min_size=3, max_size=3),
)
def test_exchange_moves_spans(text, news):
    changes = [(1, 3, news[0]), (5, 5, news[1]), (8, 10, news[2])]
    spans = (Span(0, 1, "A"), Span(1, 3, "B"), Span(3, 11, "C"), Span(11, 12, "D"))

    changed, moved = exchange(text, spans, changes)

    assert [span.mention(changed) for span in moved] == [
        text[0],
        news[0],
        text[3:5] + news[1] + text[5:8] + news[2] + text[10],
        text[11],
    ]


def test_a_file_is_read_in_either_direction(tmp_path):
    path = write(
        tmp_path / "terms.tsv",
        "\ufeffes\ten\twrong\tmatch\n# a comment\n\ndiarios\tdaily\tnewspapers|papers\n"
        "EPOC\tCOPD\n",
    )

    terms, problems = read_glossary(path)

    assert problems == ()
    assert terms.terms == (
        Term("diarios", "daily", ("newspapers", "papers"), "anycase"),
        Term("EPOC", "COPD", (), "exact"),
    )
    assert terms.for_direction("es", "en") == terms
    back = terms.for_direction("en", "es")
    assert [(term.source, term.target) for term in back.terms] == [
        ("daily", "diarios"),
        ("COPD", "EPOC"),
    ]
    with pytest.raises(BadInput, match="for es-en, not fr-en"):
        terms.for_direction("fr", "en")


def test_a_csv_file_quotes_its_commas(tmp_path):
    path = write(
        tmp_path / "terms.csv", 'source,target\n"dolor, agudo","pain, acute"\n'
    )

    terms, problems = read_glossary(path)

    assert (terms.terms, problems) == ((Term("dolor, agudo", "pain, acute"),), ())
    assert terms.for_direction("fr", "en") == terms


def test_every_bad_line_is_told_with_its_number(tmp_path):
    path = tmp_path / "terms.tsv"
    path.write_bytes(
        b"es\ten\tmatch\n"
        b"tos\tcough\n"
        b"fiebre\n"
        b"a\tb\tc\td\n"
        b"%\tpercent\n"
        b"tos\tcoughing\n"
        b"dolor\tpain\tfuzzy\n"
        b"\xff\tx\n"
    )

    terms, problems = read_glossary(path)

    assert [term.source for term in terms.terms] == ["tos"]
    assert [(problem.line, problem.reason) for problem in problems] == [
        (3, "the translation is missing"),
        (4, "4 cells for 3 columns"),
        (5, "the term must begin with a letter or a digit"),
        (6, "the term stands on line 2 already"),
        (7, "match is one of anycase, exact, loose"),
        (8, "the line is not UTF-8"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the glossary is empty"),
        ("tos\tcough\n", "names no two languages"),
        ("es\ten\tnote\n", "unknown columns"),
    ],
)
def test_a_file_without_columns_is_refused(tmp_path, text, reason):
    with pytest.raises(BadInput, match=reason):
        read_glossary(write(tmp_path / "terms.tsv", text))
