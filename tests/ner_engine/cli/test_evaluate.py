"""``evaluate`` as a user calls it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ner_engine.cli.main import main
from ner_engine.data.jsonl import write_documents
from ner_engine.types import Document, Span

TEXT = "Toma aspirina 500mg c/8h por fiebre."
DRUG, DOSE, FEVER = (
    Span(5, 13, "MEDICATION"),
    Span(14, 19, "DOSAGE"),
    Span(29, 35, "FINDING"),
)


def write(path, *documents):
    write_documents(path, documents)
    return str(path)


@pytest.fixture
def gold(tmp_path):
    return write(
        tmp_path / "gold.jsonl",
        Document("a", TEXT, "es", (DRUG, DOSE, FEVER), split="test"),
        Document("b", TEXT, "es", (DRUG,), split="train"),
    )


@pytest.fixture
def predictions(tmp_path):
    sure = Span(5, 13, "MEDICATION", 0.9)
    return write(
        tmp_path / "predictions.jsonl",
        Document("a", TEXT, "es", (sure, Span(29, 35, "DOSAGE", 0.3))),
        Document("b", TEXT, "es", ()),
    )


def test_evaluate_predictions_of_a_split_writes_table_and_json(
    tmp_path, gold, predictions, capsys
):
    out = tmp_path / "report.json"
    arguments = ["evaluate", predictions, gold, "--split", "test", "--json", str(out)]
    assert main([*arguments, "--seed", "3"]) == 0
    report = json.loads(out.read_text())
    assert (report["n_documents"], report["n_gold"], report["seed"]) == (1, 3, 3)
    # one of two predictions is right, one of three gold spans was found
    assert report["micro"]["f1"] == pytest.approx(0.4)
    assert report["micro"]["interval"] == pytest.approx([0.4, 0.4])
    assert report["labels"]["MEDICATION"]["f1"] == 1.0
    assert report["ece"] == pytest.approx((0.1 + 0.3) / 2)
    assert report["enough"] is False
    printed = capsys.readouterr().out
    assert "micro" in printed
    assert "not enough to say" in printed


def test_evaluate_labels_and_all_rows(tmp_path, gold, predictions):
    out = tmp_path / "report.json"
    arguments = ["--labels", "MEDICATION", "--json", str(out)]
    assert main(["evaluate", predictions, gold, *arguments]) == 0
    report = json.loads(out.read_text())
    assert list(report["labels"]) == ["MEDICATION"]
    assert (report["n_documents"], report["micro"]["recall"]) == (2, 0.5)


def test_evaluate_against_another_file(tmp_path, gold, predictions):
    out = tmp_path / "report.json"
    arguments = ["--against", gold, "--split", "test", "--json", str(out)]
    assert main(["evaluate", predictions, gold, *arguments]) == 0
    report = json.loads(out.read_text())
    assert report["against"]["micro"]["f1"] == 1.0
    assert report["difference"]["f1"] == pytest.approx(-0.6)
    assert report["difference"]["labels"]["MEDICATION"]["f1"] == 0.0


@pytest.mark.parametrize(
    ("system", "extra", "reason"),
    [
        ("absent.jsonl", [], "absent.jsonl: cannot be read: No such file"),
        ("partial.jsonl", [], "partial.jsonl: document b has no prediction"),
        ("other.jsonl", [], "other.jsonl: document a was predicted on another text"),
        ("gold.jsonl", ["--split", "dev"], "gold.jsonl: no documents to score"),
        ("gold.jsonl", ["--labels", "DRUG"], "unknown label DRUG; known: DOSAGE"),
    ],
)
def test_evaluate_bad_input_is_one_line_and_status_one(
    tmp_path, gold, capsys, system, extra, reason
):
    write(tmp_path / "partial.jsonl", Document("a", TEXT, "es", ()))
    write(tmp_path / "other.jsonl", Document("a", TEXT + " ", "es", ()))
    assert main(["evaluate", str(tmp_path / system), gold, *extra]) == 1
    error = capsys.readouterr().err
    assert reason in error
    assert len(error.splitlines()) == 1


def test_evaluate_gold_that_nobody_annotated_is_refused(tmp_path, predictions, capsys):
    path = write(tmp_path / "raw.jsonl", Document("a", TEXT, "es"))
    assert main(["evaluate", predictions, path]) == 1
    assert "raw.jsonl: document a has no gold annotation" in capsys.readouterr().err


def test_evaluate_events_prints_the_result_as_one_line(gold, predictions):
    command = [sys.executable, "-m", "ner_engine", "evaluate", predictions, gold]
    # standard input stays open for as long as the parent lives
    with subprocess.Popen(
        [*command, "--events"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        lines = child.stdout.read().splitlines()
        assert child.wait() == 0
    assert [json.loads(line)["event"] for line in lines] == ["done"]
    assert json.loads(lines[0])["micro"]["f1"] == pytest.approx(2 / 6)


def test_evaluate_unknown_split_is_bad_usage(gold, predictions):
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", predictions, gold, "--split", "valid"])
    assert caught.value.code == 2


def test_evaluate_writes_markdown_and_a_page_without_text(tmp_path, gold, predictions):
    markdown, page = tmp_path / "r.md", tmp_path / "r.html"
    out = tmp_path / "r.json"
    arguments = ["--markdown", str(markdown), "--html", str(page), "--json", str(out)]
    training = ["--training", gold]
    assert main(["evaluate", predictions, gold, *arguments, *training]) == 0
    report = json.loads(out.read_text())
    assert "| MEDICATION |" in markdown.read_text()
    assert "<svg" in page.read_text()
    assert "aspirina" not in markdown.read_text() + page.read_text()
    # only document b is of split train: its one mention was seen
    assert report["breakdowns"]["training"]["seen"]["n_gold"] == 2
    assert report["ece_null"]["p95"] >= report["ece_null"]["mean"] > 0
    assert report["overlap"]["n_gold"] == 4
    assert (
        main(["evaluate", predictions, gold, "--html", str(page), "--show-text"]) == 0
    )
    assert "aspirina" in page.read_text()
    assert main(["evaluate", predictions, gold, "--show-text"]) == 2


def test_evaluate_several_systems_at_once(tmp_path, gold, predictions):
    out = tmp_path / "r.json"
    others = ["--compare", gold, "--compare", predictions]
    assert main(["evaluate", predictions, gold, *others, "--json", str(out)]) == 0
    first, second = json.loads(out.read_text())["comparisons"]
    assert (first["name"], second["name"]) == (gold, predictions)
    assert first["difference"]["f1"] < 0
    assert second["difference"]["p"] == 1


def test_evaluate_a_bundle_tells_brier_before_calibration(tmp_path, tiny_bundle):
    from tests.tiny import tiny_documents, write_jsonl

    gold = write_jsonl(tmp_path / "gold.jsonl", tiny_documents(6, seed=9))
    out = tmp_path / "r.json"
    assert main(["evaluate", str(tiny_bundle), str(gold), "--json", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report["micro"]["f1"] > 0.5
    assert 0 <= report["uncalibrated"]["brier"] <= 1
    labels = ["--label-map", "MEDICATION=MEDICATION,FINDING=FINDING"]
    assert (
        main(["evaluate", str(tiny_bundle), str(gold), *labels, "--json", str(out)])
        == 0
    )
    by_label = json.loads(out.read_text())["labels"]
    assert by_label["DOSAGE"]["n_predicted"] == 0
    assert by_label["MEDICATION"]["n_predicted"] > 0


@pytest.mark.parametrize("value", ["A", "A=", "=B", "A=B,", "A=B,C"])
def test_evaluate_label_map_that_is_none_is_bad_usage(gold, predictions, value):
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", predictions, gold, "--label-map", value])
    assert caught.value.code == 2


def test_evaluate_label_map_of_predictions_is_refused(gold, predictions, capsys):
    assert main(["evaluate", predictions, gold, "--label-map", "A=B"]) == 1
    assert "a label map is for systems" in capsys.readouterr().err
