"""The report's JSON, its table, and what it says of small sets."""

from __future__ import annotations

import json

import pytest

from ner_engine.evaluation.report import build_report
from ner_engine.types import Document, Span

TEXT = "y" * 50


def document(number, *spans, exhaustive_for=None):
    return Document(f"d{number}", TEXT, "es", spans, exhaustive_for=exhaustive_for)


def pairs(n_documents=20, n_spans=6, n_right=4):
    """Gold of n spans a document; the prediction has the first of them and one more."""
    found = []
    for number in range(n_documents):
        gold = [Span(i * 5, i * 5 + 3, "A" if i % 2 else "B") for i in range(n_spans)]
        right = [Span(s.start_char, s.end_char, s.label, 0.8) for s in gold[:n_right]]
        wrong = Span(45, 48, "A", 0.4)
        found.append((document(number, *gold), document(number, *right, wrong)))
    return found


def test_build_report_json_has_the_contract_s_keys_and_hand_counts():
    report = build_report(pairs(), seed=5).to_json()
    json.dumps(report)
    # a document: 4 right, 1 wrong, 2 missed
    assert (report["n_documents"], report["n_gold"], report["seed"]) == (20, 120, 5)
    assert report["enough"] is True
    micro = report["micro"]
    assert micro["precision"] == pytest.approx(0.8)
    assert micro["recall"] == pytest.approx(4 / 6)
    assert micro["f1"] == pytest.approx(8 / 11)
    assert micro["interval"] == pytest.approx([8 / 11, 8 / 11])
    assert list(report["labels"]) == ["A", "B"]
    assert report["labels"]["A"] == {
        "f1": pytest.approx(2 / 3),
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "n_gold": 60,
        "n_predicted": 60,
        "interval": pytest.approx([2 / 3, 2 / 3]),
    }
    # equal-mass bins with ties: 0.4 never right, 0.8 always: 0.2 * 0.4 + 0.8 * 0.2
    assert report["ece"] == pytest.approx(0.24)
    assert report["brier"] == pytest.approx(0.8 * 0.04 + 0.2 * 0.16)
    assert report["errors"] == {
        "label": 0,
        "boundary": 0,
        "boundary_and_label": 0,
        "missed": 40,
        "spurious": 20,
    }
    assert "against" not in report


def test_build_report_against_another_system():
    report = build_report(
        pairs(n_right=4), against=[("b", pairs(n_right=2))], seed=1
    ).to_json()
    assert report["against"]["micro"]["f1"] == pytest.approx(4 / 9)
    expected = 8 / 11 - 4 / 9
    assert report["difference"]["f1"] == pytest.approx(expected)
    assert report["difference"]["low"] == pytest.approx(expected)
    assert report["difference"]["high"] == pytest.approx(expected)
    assert set(report["difference"]["labels"]) == {"A", "B"}
    assert set(report["against"]["labels"]) == {"A", "B"}


@pytest.mark.parametrize(
    ("n_documents", "n_spans", "enough"),
    [(15, 7, True), (14, 8, False), (15, 6, False), (0, 0, False)],
)
def test_build_report_enough_is_fifteen_documents_and_a_hundred_spans(
    n_documents, n_spans, enough
):
    report = build_report(pairs(n_documents, n_spans, 2))
    assert report.enough is enough
    assert ("not enough to say" in report.to_table()) is not enough


def test_build_report_without_documents_has_no_interval():
    report = build_report([]).to_json()
    assert report["micro"]["interval"] is None
    assert report["ece"] is None
    assert report["labels"] == {}


def test_build_report_two_systems_without_documents_have_no_difference():
    report = build_report([], labels=["A"], against=[("b", [])])
    assert report.to_json()["difference"] is None
    assert "F1 against" in report.to_table()


def test_build_report_predictions_of_partial_labels_are_left_out_everywhere():
    gold = document(1, Span(0, 3, "A"), exhaustive_for=frozenset({"A"}))
    predicted = document(1, Span(0, 3, "A", 1.0), Span(5, 8, "B", 1.0))
    report = build_report([(gold, predicted)], against=[("b", [(gold, predicted)])])
    assert report.to_json()["ece"] == 0
    assert report.to_json()["errors"]["spurious"] == 0
    assert list(report.to_json()["labels"]) == ["A"]


def test_to_table_shows_figures_and_comparison():
    table = build_report(
        pairs(n_right=4), against=[("b", pairs(n_right=2))], seed=1
    ).to_table()
    rows = [line.split() for line in table.splitlines()]
    micro = ["micro", "0.727", "0.727-0.727", "0.800", "0.667", "120", "100"]
    assert micro in rows
    assert "20 documents, seed 1" in table
    # three tests: A, B, both; the smallest p there can be is 1/10001
    compared = ["micro", "0.444", "+0.283", "+0.283..+0.283", "0.0001", "0.0003"]
    assert compared in rows


def test_build_report_several_systems_share_one_correction():
    others = [("b", pairs(n_right=2)), ("c", pairs(n_right=3))]
    report = build_report(pairs(n_right=4), against=others).to_json()
    assert [row["name"] for row in report["comparisons"]] == ["b", "c"]
    assert report["difference"] == report["comparisons"][0]["difference"]
    # the family: two systems times (both labels and all together)
    assert report["difference"]["p"] == pytest.approx(1 / 10001)
    assert report["difference"]["p_holm"] == pytest.approx(6 / 10001)


def test_build_report_counts_overlap_characters_and_macro():
    gold = document(1, Span(0, 10, "A"), Span(20, 24, "B"))
    found = document(1, Span(0, 8, "A"), Span(20, 24, "B"))
    report = build_report([(gold, found)]).to_json()
    assert report["micro"]["f1"] == pytest.approx(0.5)
    assert report["overlap"]["f1"] == 1
    # 8 + 4 characters of 14 were found, nothing else
    assert report["characters"]["recall"] == pytest.approx(12 / 14)
    assert report["macro"]["f1"] == pytest.approx(0.5)  # A 0, B 1


def test_build_report_brier_before_calibration():
    gold = document(1, Span(0, 3, "A"))
    raw = document(1, Span(0, 3, "A", 0.5), Span(5, 8, "A", 0.9))
    better = document(1, Span(0, 3, "A", 0.8), Span(5, 8, "A", 0.4))
    report = build_report([(gold, better)], uncalibrated=[(gold, raw)]).to_json()
    assert report["brier"] == pytest.approx((0.04 + 0.16) / 2)
    assert report["uncalibrated"]["brier"] == pytest.approx((0.25 + 0.81) / 2)
