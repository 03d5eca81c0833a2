"""Kappas on the worked examples that they were published with."""

from __future__ import annotations

import pytest

from ner_engine.evaluation.kappa import cohen_kappa, fleiss_kappa, token_categories
from ner_engine.types import Span, Token

# Fleiss (1971), table 1: 30 patients, six psychiatrists, five diagnoses.
PATIENTS = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006
10050 11040 03300 10050 02031 00501 30012 51000 02040 10203
00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""


def test_cohen_kappa_worked_example():
    # Fleiss (1981), "Statistical Methods for Rates and Proportions", table 13.1: 100
    # subjects, two raters; agreement 0.89, by chance 0.66, kappa 0.68.
    table = {
        ("psychotic", "psychotic"): 75,
        ("psychotic", "neurotic"): 1,
        ("psychotic", "organic"): 4,
        ("neurotic", "psychotic"): 5,
        ("neurotic", "neurotic"): 4,
        ("neurotic", "organic"): 1,
        ("organic", "organic"): 10,
    }
    pairs = [pair for pair, count in table.items() for _ in range(count)]
    kappa = cohen_kappa([first for first, _ in pairs], [second for _, second in pairs])
    assert kappa == pytest.approx((0.89 - 0.66) / (1 - 0.66), abs=0.005)
    assert round(kappa, 2) == 0.68


def test_fleiss_kappa_worked_example():
    rows = [
        [
            name
            for name, count in zip("ABCDE", row, strict=True)
            for _ in range(int(count))
        ]
        for row in PATIENTS.split()
    ]
    assert {len(row) for row in rows} == {6}
    assert fleiss_kappa(rows) == pytest.approx(0.430, abs=0.0005)


def test_kappa_of_one_category_or_nothing_says_nothing():
    assert cohen_kappa(["O", "O"], ["O", "O"]) is None
    assert cohen_kappa([], []) is None
    assert fleiss_kappa([["O", "O"]]) is None
    assert fleiss_kappa([]) is None


def test_kappa_full_agreement_and_full_disagreement():
    assert cohen_kappa(["A", "B"], ["A", "B"]) == 1
    assert cohen_kappa(["A", "B"], ["B", "A"]) == -1
    assert fleiss_kappa([["A", "A"], ["B", "B"]]) == 1


def test_kappa_items_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="2 and 1 items do not pair"):
        cohen_kappa(["A", "B"], ["A"])
    with pytest.raises(ValueError, match="same number of annotators"):
        fleiss_kappa([["A", "A"], ["A"]])


def test_token_categories_join_labels_that_overlap():
    tokens = [Token(0, 2), Token(3, 5), Token(6, 8)]
    spans = [Span(0, 5, "B"), Span(3, 5, "A")]
    assert token_categories(tokens, spans) == ["B", "A+B", "O"]
