"""Kinds of mention on a note written for it; groups add up to the whole."""

from __future__ import annotations

import pytest

from ner_engine.evaluation.breakdowns import (
    Case,
    TrainingMemory,
    break_down,
    context_of_errors,
    is_abbreviation,
)
from ner_engine.evaluation.scorer import Score, score_spans
from ner_engine.types import Document, Span

TEXT = (
    "Paciente con HTA y cáncer de pulmón de células pequeñas. Vive en Soria."
    " Toma enalapril. Control de HTA con enalapril."
)


def at(mention, label, nth=0):
    start = -1
    for _ in range(nth + 1):
        start = TEXT.index(mention, start + 1)
    return Span(start, start + len(mention), label)


GOLD = (
    at("HTA", "FINDING"),
    at("cáncer de pulmón de células pequeñas", "FINDING"),
    at("enalapril", "MEDICATION"),
    at("HTA", "FINDING", 1),
    at("enalapril", "MEDICATION", 1),
)
PREDICTED = (
    at("HTA", "FINDING"),
    at("Soria", "FINDING"),
    at("enalapril", "MEDICATION"),
    at("HTA", "FINDING", 1),
    at("Control", "FINDING"),
)
CASE = Case(Document("d", TEXT, "es", GOLD), GOLD, PREDICTED)


def totals(groups):
    return {name: sum(scores, Score()) for name, scores in groups.items()}


def test_break_down_by_length_repetition_abbreviation_and_phrase():
    found = {name: totals(groups) for name, groups in break_down([CASE]).items()}
    assert found["length"] == {
        "1 token": Score(3, 2, 1),
        "6 tokens or more": Score(0, 0, 1),
    }
    assert found["repetition"] == {
        "first in the note": Score(2, 2, 1),
        "occurred earlier in the note": Score(1, 0, 1),
    }
    assert found["abbreviation"] == {
        "abbreviation": Score(2, 0, 0),
        "other": Score(1, 2, 2),
    }
    assert found["noun phrase"] == {
        "long noun phrase": Score(0, 0, 1),
        "other": Score(3, 2, 1),
    }


def test_break_down_by_what_training_showed():
    known = Document(
        "t", "hta, cáncer, Soria", "es", (Span(0, 3, "FINDING"), Span(13, 18, "DOSAGE"))
    )
    found = break_down([CASE], TrainingMemory([known]))
    assert totals(found["training"]) == {
        "seen": Score(2, 0, 0),
        "seen under another label": Score(0, 1, 0),
        "unseen": Score(1, 1, 2),
    }
    assert totals(found["vocabulary"]) == {
        "all words known": Score(2, 1, 0),
        "all words unknown": Score(1, 1, 1),
        "some words unknown": Score(0, 0, 1),
    }


def test_break_down_groups_add_up_to_the_whole_in_every_document():
    empty = Case(Document("e", TEXT, "es", ()), (), PREDICTED[:1])
    cases = [CASE, empty]
    for groups in break_down(cases).values():
        for row, case in enumerate(cases):
            total = sum((scores[row] for scores in groups.values()), Score())
            assert total == score_spans(case.gold, case.predicted)


def test_context_of_errors_counts_sentences_without_mentions():
    context = context_of_errors([CASE])
    # Soria stands in the one sentence without a mention, Control does not
    assert (context.n_spurious, context.n_outside) == (2, 1)
    assert context.n_sentences_outside == 1


def test_context_of_errors_leaves_unfinished_documents_out():
    document = Document("d", TEXT, "es", GOLD, exhaustive_for=frozenset({"FINDING"}))
    context = context_of_errors([Case(document, GOLD, PREDICTED)])
    assert (context.n_spurious, context.n_sentences_outside) == (0, 0)


@pytest.mark.parametrize(
    ("mention", "answer"),
    [
        ("HTA", True), ("pCO2", True), ("IgG", True), ("p.o.", True), ("Dr.", True),
        ("Aspirina", False), ("HIPERTENSIÓN", False), ("HTA leve", False),
        ("mg", False), ("500", False), ("E", False),
    ],
)  # fmt: skip
def test_is_abbreviation(mention, answer):
    assert is_abbreviation(mention) is answer
