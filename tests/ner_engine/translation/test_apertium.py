"""Apertium carries spans along. Left out where it is not installed."""

from __future__ import annotations

import shutil

import pytest

from ner_engine.errors import NerEngineError
from ner_engine.translation import apertium
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
def test_more_documents_than_a_batch_come_back_in_order():
    documents = [
        Document(id=str(number), text=f"Tos {number}.\n\nFiebre.", language="es")
        for number in range(apertium.BATCH + 3)
    ]

    translated = list(apertium.translate_documents(documents, target="fr"))

    assert [document.id for document in translated] == [d.id for d in documents]
    assert all(str(number) in d.text for number, d in enumerate(translated))
    assert {document.spans for document in translated} == {None}


def test_unknown_pair_names_the_known_ones():
    document = Document(id="a", text="x", language="eu")

    with pytest.raises(NerEngineError, match="no pair eu-fr; known: en-es"):
        list(apertium.translate_documents([document], target="fr"))
