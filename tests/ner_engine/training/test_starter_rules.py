"""Each rule that brings another scheme to the starter's conventions."""

from __future__ import annotations

import pytest

from ner_engine.training.starter_rules import (
    add_silver,
    apply_rules,
    drop_normal_findings,
    keep_labels,
    refit_maccrobat,
)
from ner_engine.types import Document, Span


def _marked(text, language="en", exhaustive=None, **mentions):
    spans = tuple(
        Span(text.index(mention), text.index(mention) + len(mention), label)
        for label, found in mentions.items()
        for mention in found
    )
    return Document("d", text, language, spans, exhaustive_for=exhaustive)


def _mentions(document):
    return [(span.mention(document.text), span.label) for span in document.spans]


@pytest.mark.parametrize(
    "mention", ["afebril", "función renal normal", "sin soplos", "Asintomático"]
)
def test_findings_that_say_nothing_is_wrong_are_dropped(mention):
    document = _marked(f"Paciente: {mention}.", "es", FINDING=[mention])
    assert drop_normal_findings(document).spans == ()


@pytest.mark.parametrize("mention", ["fiebre", "hormona anormal", "neumonía"])
def test_findings_that_name_illness_stay(mention):
    document = _marked(f"Paciente: {mention}.", "es", FINDING=[mention])
    assert _mentions(drop_normal_findings(document)) == [(mention, "FINDING")]


def test_silver_is_added_as_exhaustive_beside_the_gold():
    document = _marked(
        "litio 400 mg cada 12 horas", "es", frozenset({"MEDICATION"}),
        MEDICATION=["litio"],
    )  # fmt: skip
    silver = add_silver(document)
    assert _mentions(silver) == [
        ("litio", "MEDICATION"),
        ("400 mg", "DOSAGE"),
        ("cada 12 horas", "FREQUENCY"),
    ]
    assert silver.exhaustive_for == {"MEDICATION", "DOSAGE", "FREQUENCY", "DURATION"}


def test_silver_on_a_text_nobody_annotated_is_exhaustive_for_three():
    silver = add_silver(Document("d", "pendant 3 jours", "fr"))
    assert _mentions(silver) == [("3 jours", "DURATION")]
    assert silver.exhaustive_for == {"DOSAGE", "FREQUENCY", "DURATION"}


def test_keep_labels_drops_the_others_and_their_exhaustiveness():
    document = _marked(
        "lithium 400 mg", "en", frozenset({"DOSAGE"}),
        MEDICATION=["lithium"], DOSAGE=["400 mg"],
    )  # fmt: skip
    kept = keep_labels("MEDICATION")(document)
    assert _mentions(kept) == [("lithium", "MEDICATION")]
    assert kept.exhaustive_for == frozenset()


def test_a_dose_that_holds_its_frequency_is_split():
    document = _marked("prednisone 60 mg daily", DOSAGE=["60 mg daily"])
    assert _mentions(refit_maccrobat(document)) == [
        ("60 mg", "DOSAGE"),
        ("daily", "FREQUENCY"),
    ]


def test_a_duration_loses_its_preposition_and_its_history():
    document = _marked("pain for 3 weeks", DURATION=["for 3 weeks"])
    assert _mentions(refit_maccrobat(document)) == [("3 weeks", "DURATION")]
    document = _marked("a six-season history", DURATION=["six-season history"])
    assert _mentions(refit_maccrobat(document)) == []


def test_rules_apply_in_order():
    document = _marked("fever, afebrile", FINDING=["fever", "afebrile"])
    both = apply_rules(document, (drop_normal_findings, add_silver))
    assert _mentions(both) == [("fever", "FINDING")]
