"""``predict`` and ``bench`` as a user calls them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from ner_engine.acceleration import derive_graph
from ner_engine.bundle import digest, load_bundle
from ner_engine.cli.bench import make_notes
from ner_engine.cli.main import main
from ner_engine.data.jsonl import read_documents
from tests.tiny import one_thread, tiny_documents, write_jsonl


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture
def notes(tmp_path):
    documents = [
        *tiny_documents(3, seed=4, split="test"),
        *tiny_documents(2, seed=5, split="train"),
    ]
    return write_jsonl(tmp_path / "notes.jsonl", documents)


def test_predictions_have_confidence_and_keep_the_notes(tiny_bundle, notes, tmp_path):
    out, result = tmp_path / "out.jsonl", tmp_path / "result.json"
    status = main(
        ["predict", str(tiny_bundle), str(notes), str(out), "--json", str(result)]
    )
    assert status == 0
    given, marked = list(read_documents(notes)), list(read_documents(out))
    assert [(d.id, d.text, d.split) for d in marked] == [
        (d.id, d.text, d.split) for d in given
    ]
    spans = [span for document in marked for span in document.spans]
    assert spans
    assert all(0 < span.confidence <= 1 for span in spans)
    assert json.loads(result.read_text()) == {
        "event": "done",
        "digest": digest(tiny_bundle),
        "documents": 5,
        "spans": len(spans),
    }


def test_one_split_only(tiny_bundle, notes, tmp_path):
    out = tmp_path / "out.jsonl"
    assert (
        main(["predict", str(tiny_bundle), str(notes), str(out), "--split", "test"])
        == 0
    )
    assert len(list(read_documents(out))) == 3


def test_standard_input_to_standard_output(tiny_bundle, notes):
    done = subprocess.run(
        [sys.executable, "-m", "ner_engine", "predict", str(tiny_bundle), "-", "-"],
        input=notes.read_bytes(),
        capture_output=True,
        check=True,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in rows] == [d.id for d in read_documents(notes)]
    assert done.stderr == b""


def test_a_bad_row_leaves_no_half_file(tiny_bundle, notes, tmp_path, capsys):
    with notes.open("a", encoding="utf-8") as file:
        file.write('{"id": "z"}\n')
    out = tmp_path / "out.jsonl"
    assert main(["predict", str(tiny_bundle), str(notes), str(out)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {notes}:6: ")
    assert {path.name for path in tmp_path.iterdir()} == {"notes.jsonl"}


def test_no_bundle_is_one_line(notes, tmp_path, capsys):
    assert main(["predict", str(tmp_path), str(notes), str(tmp_path / "o")]) == 1
    assert "neither a bundle nor" in capsys.readouterr().err


@pytest.fixture(scope="module")
def derived(tiny_bundle, tmp_path_factory):
    """Options of the derived engine: other processes start without torch."""
    cache = tmp_path_factory.mktemp("cache")
    derive_graph(load_bundle(tiny_bundle), cache)
    return ["--engine", "onnx-int8", "--cache", str(cache)]


def test_processes_write_what_one_writes(tiny_bundle, notes, tmp_path, derived):
    outs = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for number, out in enumerate(outs, start=1):
        arguments = ["predict", str(tiny_bundle), str(notes), str(out), *derived]
        assert main([*arguments, "--processes", str(number)]) == 0
    one, two = (list(read_documents(out)) for out in outs)
    assert [d.spans for d in one] == [d.spans for d in two]
    assert any(d.spans for d in one)


def test_processes_tell_a_damaged_bundle_in_one_line(
    tiny_bundle, notes, tmp_path, capsys
):
    copy = shutil.copytree(tiny_bundle, tmp_path / "copy")
    (copy / "model.safetensors").write_bytes(b"short")
    arguments = [str(copy), str(notes), str(tmp_path / "o.jsonl"), "--processes", "2"]
    assert main(["predict", *arguments]) == 1
    assert "model.safetensors: 5 bytes" in capsys.readouterr().err


def test_bench_reports_the_agreed_figures(
    tiny_bundle, notes, tmp_path, capsys, derived
):
    result = tmp_path / "bench.json"
    arguments = ["bench", str(tiny_bundle), "--input", str(notes), *derived]
    assert main([*arguments, "--processes", "1", "--json", str(result)]) == 0
    values = json.loads(result.read_text())
    assert values["engine"] == "onnx-int8"
    shown = capsys.readouterr().out
    for name in (
        "words_per_second",
        "tokens_per_second",
        "p50_ms",
        "p95_ms",
        "load_seconds",
        "peak_rss_mb",
        "gemm_ratio",
    ):
        assert values[name] > 0
        assert name in shown
    assert values["gemm_ratio"] < 1
    assert values["pieces_computed"] >= values["pieces"]


def test_a_note_of_bench_has_400_words():
    notes = make_notes(6)
    assert {len(note.text.split()) for note in notes} == {400}
    assert notes == make_notes(6)
    assert [note.language for note in notes[:3]] == ["es", "fr", "en"]


def test_accelerate_says_what_will_serve(tiny_bundle, tmp_path, capsys):
    arguments = ["accelerate", str(tiny_bundle), "--cache", str(tmp_path / "cache")]
    assert main([*arguments, "--json", str(tmp_path / "result.json")]) == 0
    values = json.loads((tmp_path / "result.json").read_text())
    assert f"{values['engine']} will serve" in capsys.readouterr().out
    assert {t["engine"] for t in values["trials"]} == {
        "onnx-int8",
        "bfloat16",
        "float32",
    }


def test_a_label_map_renames_and_leaves_out(tiny_bundle, notes, tmp_path):
    out = tmp_path / "out.jsonl"
    names = ["--label-map", "MEDICATION=DRUG"]
    assert main(["predict", str(tiny_bundle), str(notes), str(out), *names]) == 0
    labels = {span.label for row in read_documents(out) for span in row.spans}
    assert labels == {"DRUG"}
