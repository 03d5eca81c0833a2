"""The command ``simulate``: files, events, and what it refuses."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from ner_engine.cli.main import main
from tests.tiny import one_thread, tiny_documents, write_jsonl


@pytest.fixture
def plan(tmp_path, tiny_encoder):
    train = tiny_documents(8, seed=3, languages=("fr",), split="train")
    test = tiny_documents(4, seed=4, languages=("fr",), split="test")
    write_jsonl(tmp_path / "tiny.fr.jsonl", [*train, *test])
    values = {
        "corpora": [{"name": "tiny.fr", "file": "tiny.fr.jsonl"}],
        "starts": [{"name": "cold", "init": str(tiny_encoder)}],
        "strategies": ["random", "span_entropy"],
        "seeds": [0, 1, 2],
        "settings": ["learning_rate=0.003", "epochs=1", "min_epochs=1"],
        "batches": [3, 3, 2],
        "threads": 1,
        "quick": {"seeds": [0], "batches": [2, 2]},
    }
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(values))
    return path


def simulate(plan, out, *options):
    with one_thread():
        return main(["simulate", "--plan", str(plan), "--out", str(out), *options])


def test_a_quick_run_writes_cells_report_and_plot_without_note_text(
    plan, tmp_path, capsys
):
    out = tmp_path / "out"

    assert simulate(plan, out, "--quick", "--json", str(tmp_path / "r.json")) == 0

    assert {path.name for path in (out / "cells").iterdir()} == {
        "tiny.fr--cold--full--0.json",
        "tiny.fr--cold--random--0.json",
        "tiny.fr--cold--span_entropy--0.json",
    }
    result = json.loads((tmp_path / "r.json").read_text())
    (group,) = result["groups"]
    assert set(group["strategies"]) == {"random", "span_entropy"}
    assert "## tiny.fr, from cold" in (out / "report.md").read_text()
    drawing = ET.parse(out / "tiny.fr--cold.svg").getroot()  # noqa: S314 - ours
    assert len(drawing.findall("{http://www.w3.org/2000/svg}polyline")) == 2
    words = {
        word
        for document in tiny_documents(8, seed=3, languages=("fr",))
        for word in document.text.split()
        if len(word) > 8
    }
    files = [path for path in out.rglob("*.*") if "encoders" not in path.parts]
    written = "".join(path.read_text() for path in files if path.is_file())
    assert not [word for word in words if word in written]


def test_report_only_runs_nothing(plan, tmp_path):
    assert simulate(plan, tmp_path / "out", "--quick", "--report-only") == 0

    assert not (tmp_path / "out" / "cells").exists()
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["groups"] == []


def test_a_plan_that_is_no_json_is_one_line_of_error(tmp_path, capsys):
    (tmp_path / "plan.json").write_text("{")

    assert simulate(tmp_path / "plan.json", tmp_path / "out") == 1

    assert capsys.readouterr().err.strip().endswith("plan.json: not JSON")


def test_no_plan_is_bad_usage():
    with pytest.raises(SystemExit) as caught:
        main(["simulate"])

    assert caught.value.code == 2
