"""Apertium carries spans along. Left out where it is not installed."""

from __future__ import annotations

import shutil
import sys

import pytest

from ner_engine.errors import NerEngineError
from ner_engine.translation import apertium
from ner_engine.translation.apertium import ApertiumOptions, ApertiumTranslator
from ner_engine.translation.backends import TranslatorMissing
from ner_engine.translation.glossary import Glossary, Term
from ner_engine.translation.run import TranslationRun
from ner_engine.types import Document, Span

installed = pytest.mark.skipif(
    shutil.which("apertium") is None, reason="apertium is not installed"
)


@installed
def test_spanish_gold_becomes_french_silver():
    text = "El paciente presenta fiebre y dolor abdominal < 38 °C & toma paracetamol."
    spans = tuple(
        Span(text.index(word), text.index(word) + len(word), label)
        for word, label in (
            ("fiebre", "FINDING"),
            ("dolor abdominal", "FINDING"),
            ("paracetamol", "MEDICATION"),
        )
    )
    document = Document(id="a", text=text, language="es", spans=spans, split="train")

    (french,) = apertium.translate_documents([document], target="fr")

    assert (french.id, french.language, french.split) == ("a", "fr", "train")
    assert "< 38 °C &" in french.text
    assert [span.label for span in french.spans] == [
        "FINDING",
        "FINDING",
        "MEDICATION",
    ]
    assert french.spans[0].mention(french.text) == "fièvre"
    assert french.spans[1].mention(french.text).startswith("douleur")


@installed
def test_more_documents_than_a_batch_come_back_in_order(monkeypatch):
    monkeypatch.setattr(apertium, "BATCH_CHARS", 200)
    documents = [
        Document(id=str(number), text=f"Tos {number}.\n\nFiebre.", language="es")
        for number in range(60)
    ]

    translated = list(apertium.translate_documents(documents, target="fr"))

    assert [document.id for document in translated] == [d.id for d in documents]
    assert all(str(number) in d.text for number, d in enumerate(translated))
    assert {document.spans for document in translated} == {None}


def test_unknown_pair_names_the_known_ones():
    document = Document(id="a", text="x", language="eu")

    with pytest.raises(NerEngineError, match="no pair eu-fr; known: en-es"):
        list(apertium.translate_documents([document], target="fr"))


@installed
def test_french_goes_through_spanish_and_keeps_marks_inside_marks():
    text = "Le patient a une fièvre et une douleur abdominale. Il prend du paracétamol."
    words = ("fièvre", "douleur abdominale", "douleur", "paracétamol")
    spans = tuple(
        Span(text.index(word), text.index(word) + len(word), "FINDING")
        for word in words
    )
    run = TranslationRun(ApertiumTranslator("fr", "en"))

    (english,) = run.translate([Document("a", text, "fr", spans)])

    (place,) = [s for s in english.carried if s.mention(english.target_text) == "fever"]
    outer, inner = sorted(
        (s for s in english.carried if s != place),
        key=lambda s: (s.start_char, -s.end_char),
    )[:2]
    assert outer.start_char <= inner.start_char < inner.end_char <= outer.end_char
    assert len(english.segments) == 2
    assert run.translator.counts["processes"] == 2
    assert run.counts["spans_carried"] == 4


@installed
def test_a_glossary_mends_what_apertium_gets_wrong():
    text = "Toma 20 mg DIARIOS y 5 mg diarios por EPOC [grave] ^x$."
    terms = (Term("diarios", "daily"), Term("EPOC", "COPD", (), "exact"))
    spans = (Span(11, 18, "FREQUENCY"), Span(26, 33, "FREQUENCY"))
    run = TranslationRun(
        ApertiumTranslator("es", "en"), glossary=Glossary("es", "en", terms)
    )

    (english,) = run.translate([Document("a", text, "es", spans)])

    surfaces = [span.mention(english.target_text) for span in english.carried]
    assert surfaces == ["DAILY", "daily"]
    assert "COPD [" in english.target_text
    assert "] ^x$." in english.target_text
    assert run.counts["glossary_applied"] == 3


def test_without_the_program_the_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(
        TranslatorMissing,
        match=r"apt-get install apertium apertium-eng-spa aper.*-fr-es",
    ):
        ApertiumTranslator("fr", "en").translate(["toux"])


@installed
def test_without_the_pair_its_package_is_named(tmp_path):
    (tmp_path / "modes").mkdir()
    options = ApertiumOptions(directory=str(tmp_path))

    with pytest.raises(TranslatorMissing, match=r"apt-get install apertium-eng-spa"):
        ApertiumTranslator("es", "en", options).translate(["tos"])


def write_program(folder, script):
    """Put a program of the name on the path: what Apertium does when it goes wrong."""
    path = folder / "apertium"
    path.write_text(f"#!{sys.executable}\nimport sys\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def test_a_lost_rule_between_texts_is_noticed_and_the_halves_asked(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    write_program(
        tmp_path,
        "text = sys.stdin.read().replace('<hr id=\"glosa\"/>\\nEATS', 'EATS')\n"
        "sys.stdout.write(text.upper().replace('<HR ID=\"GLOSA\"/>',"
        " '<hr id=\"glosa\">'))",
    )

    answers = ApertiumTranslator("es", "en").translate(["tos", "EATS", "alta"])

    assert answers == ["TOS", "EATS", "ALTA"]


def test_a_program_that_fails_is_an_error_without_text(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    write_program(tmp_path, "sys.exit(sys.stdin.read() + ' is bad')")

    with pytest.raises(NerEngineError, match=r"^apertium spa-eng ended with status 1$"):
        ApertiumTranslator("es", "en").translate(["tos"])
