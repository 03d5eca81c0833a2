"""``convert`` as a user calls it."""

from __future__ import annotations

import json

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


def test_convert_jsonl_to_conll_and_back_keeps_spans(tmp_path, gold, capsys):
    conll, back = tmp_path / "out.conll", tmp_path / "back.jsonl"
    assert main(["convert", gold, str(conll)]) == 0
    assert conll.read_text().startswith("# id = a\nToma\tO\naspirina\tB-MEDICATION\n")
    assert main(["convert", str(conll), str(back), "--language", "es"]) == 0
    rows = [json.loads(line) for line in back.read_text().splitlines()]
    surfaces = [
        [row["text"][e["start"] : e["end"]] for e in row["entities"]] for row in rows
    ]
    assert surfaces == [["aspirina", "500 mg", "fiebre"], ["aspirina"]]
    assert capsys.readouterr().out.splitlines()[-1] == "2 documents, 4 spans"


def test_convert_reports_what_was_lost(tmp_path, capsys):
    nested = Document("a", TEXT, "es", (Span(5, 19, "MEDICATION"), DRUG))
    path = write(tmp_path / "in.jsonl", nested)
    out = tmp_path / "losses.json"
    arguments = ["convert", path, str(tmp_path / "out.conll"), "--json", str(out)]
    assert main(arguments) == 0
    report = json.loads(out.read_text())
    assert report["losses"] == {"overlap": 1}
    assert report["lost_spans"] == [
        {
            "document": "a",
            "start": 5,
            "end": 13,
            "label": "MEDICATION",
            "reason": "overlap",
        }
    ]
    assert "1 spans" in capsys.readouterr().err


def test_convert_txt_folder_and_csv(tmp_path, gold):
    folder, table = tmp_path / "texts", tmp_path / "out.csv"
    assert main(["convert", gold, str(folder), "--to", "txt"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "b.txt"]
    assert main(["convert", str(folder), str(table), "--language", "es"]) == 0
    assert table.read_text().splitlines()[1] == f"a,{TEXT},es,,"


def test_convert_ids_that_would_share_a_file_write_nothing(tmp_path, capsys):
    path = write(
        tmp_path / "in.jsonl",
        Document("A/1", TEXT, "es"),
        Document("a_1", TEXT, "es"),
    )
    folder = tmp_path / "texts"
    assert main(["convert", path, str(folder), "--to", "txt"]) == 1
    assert "document a_1 would share its file" in capsys.readouterr().err
    assert not folder.exists()


def test_convert_bad_rows_write_nothing_unless_told_to(tmp_path, gold, capsys):
    path = tmp_path / "gold.jsonl"
    path.write_text(path.read_text() + "{\n[]\n")
    out = tmp_path / "out.csv"
    assert main(["convert", gold, str(out)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert [error.split(": ")[1] for error in errors[:2]] == [
        f"{path}:3",
        f"{path}:4",
    ]
    assert errors[2] == "error: 2 bad rows; nothing was written"
    assert not out.exists()
    assert main(["convert", gold, str(out), "--skip-bad"]) == 0
    assert len(out.read_text().splitlines()) == 3


def test_convert_without_language_or_format_is_bad_usage(tmp_path, gold, capsys):
    assert main(["convert", gold, str(tmp_path / "out.docx")]) == 2
    assert main(["convert", str(tmp_path), str(tmp_path / "out.csv")]) == 2
    assert "--language" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["convert", gold, "x", "--to", "docx"])
