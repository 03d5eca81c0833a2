"""``train`` and ``encoder`` as a user and as the application call them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from ner_engine.bundle import digest, load_bundle
from ner_engine.cli.main import main
from ner_engine.models.encoder import load_encoder
from tests.tiny import one_thread, tiny_documents, write_jsonl


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture
def files(tmp_path):
    train = write_jsonl(
        tmp_path / "train.jsonl",
        [*tiny_documents(12, split="train"), *tiny_documents(3, seed=8, split="test")],
    )
    dev = write_jsonl(tmp_path / "dev.jsonl", tiny_documents(4, seed=2))
    return str(train), str(dev)


def arguments(init, files, out, *more):
    train, dev = files
    return [
        "train",
        "--recipe",
        "adapt",
        "--init",
        str(init),
        "--train",
        train,
        "--dev",
        dev,
        "--out",
        str(out),
        "--threads",
        "1",
        *more,
    ]


def spawn(arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "ner_engine", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_train_writes_a_bundle_and_its_result(tiny_encoder, files, tmp_path, capsys):
    sources = tmp_path / "sources.json"
    sources.write_text('[{"name": "templates", "licence": "Apache-2.0"}]')
    result = tmp_path / "result.json"
    status = main(
        arguments(
            tiny_encoder,
            files,
            tmp_path / "b",
            *("--epochs", "1", "--sources", str(sources), "--name", "mine"),
            *("--json", str(result)),
        )
    )
    assert status == 0
    bundle = load_bundle(tmp_path / "b")
    values = json.loads(result.read_text())
    assert values["digest"] == bundle.digest
    assert values["metrics"] == bundle.metrics
    # rows of other splits are left out, rows without a split are all used
    assert bundle.info.data["n_train"] == 12
    assert bundle.info.data["n_dev"] == 4
    assert bundle.info.name == "mine"
    assert bundle.info.sources[-1]["name"] == "templates"
    captured = capsys.readouterr()
    assert captured.out.split() == [str(tmp_path / "b"), bundle.digest]
    assert captured.err == ""


def test_limit_labels_and_seed_reach_the_run(tiny_bundle, files, tmp_path):
    out = tmp_path / "b"
    more = ("--epochs", "1", "--limit", "5", "--labels", "FINDING,NEW", "--seed", "9")
    assert main(arguments(tiny_bundle, files, out, *more)) == 0
    bundle = load_bundle(out)
    assert bundle.scheme.names == ("FINDING", "NEW")
    assert (bundle.info.data["n_train"], bundle.info.seed) == (5, 9)


def test_events_are_json_lines_in_the_agreed_form(tiny_bundle, files, tmp_path):
    out, checkpoints = tmp_path / "b", tmp_path / "checkpoints"
    more = ("--epochs", "2", "--events", "--checkpoints", str(checkpoints))
    child = spawn(arguments(tiny_bundle, files, out, *more))
    assert child.stdout is not None
    events = [json.loads(line) for line in child.stdout]
    child.communicate()
    assert child.returncode == 0
    assert [e["event"] for e in events if e["event"] != "step"] == [
        "start",
        "evaluation",
        "evaluation",
        "done",
    ]
    assert set(events[0]) == {"event", "steps", "epochs", "n_train", "n_dev"}
    steps = [e for e in events if e["event"] == "step"]
    assert set(steps[0]) == {
        "event",
        "step",
        "steps",
        "epoch",
        "loss",
        "learning_rate",
        "eta_seconds",
        "rss_mb",
    }
    assert steps[-1]["step"] == steps[-1]["steps"] == events[0]["steps"]
    evaluation = next(e for e in events if e["event"] == "evaluation")
    assert set(evaluation) == {
        "event",
        "epoch",
        "step",
        "f1",
        "precision",
        "recall",
        "labels",
    }
    assert evaluation["labels"]["FINDING"].keys() == {"f1"}
    assert events[-1]["digest"] == digest(out)


def test_child_ends_when_its_standard_input_closes(tiny_bundle, files, tmp_path):
    out = tmp_path / "b"
    child = spawn(arguments(tiny_bundle, files, out, "--epochs", "100000", "--events"))
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stderr is not None
    assert json.loads(child.stdout.readline())["event"] == "start"
    child.stdin.close()
    began = time.monotonic()
    for _ in child.stdout:
        pass
    assert child.wait(timeout=60) == 1
    assert time.monotonic() - began < 30
    error = child.stderr.read()
    child.stdout.close()
    child.stderr.close()
    assert error == "error: cancelled: standard input was closed\n"
    assert not out.exists()


def test_a_bad_row_is_one_line_with_file_and_line(tiny_encoder, files, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text(
        '{"id": "a", "text": "x", "language": "es", "entities": []}\n{"id"\n'
    )
    child = spawn(arguments(tiny_encoder, (str(bad), files[1]), tmp_path / "b"))
    out, error = child.communicate()
    assert (child.returncode, out) == (1, "")
    assert error.startswith(f"error: {bad}:2: not JSON")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--init", "nowhere"), "nowhere: no encoder"),
        (("--train", "nowhere.jsonl"), "nowhere.jsonl: cannot be read"),
        (("--labels", "OTHER"), "no usable entities of OTHER"),
        (("--sources", "nowhere.json"), "nowhere.json"),
    ],
)
def test_failures_are_one_line_and_status_one(
    tiny_encoder, files, tmp_path, capsys, change, message
):
    assert main(arguments(tiny_encoder, files, tmp_path / "b", *change)) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    "change",
    [("--recipe", "none"), ("--limit", "0"), ("--labels", "A,,B"), ("--what",)],
)
def test_bad_usage_is_status_two(tiny_encoder, files, tmp_path, change, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments(tiny_encoder, files, tmp_path / "b", *change))
    assert stopped.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_the_same_id_in_two_files_is_refused(tiny_encoder, files, tmp_path, capsys):
    twin = write_jsonl(tmp_path / "twin.jsonl", tiny_documents(2))
    more = ("--train", files[0], str(twin))
    assert main(arguments(tiny_encoder, files, tmp_path / "b", *more)) == 1
    assert "stands in" in capsys.readouterr().err


def test_encoder_folder_can_be_loaded_and_trained_from(tiny_encoder, tmp_path, capsys):
    result = tmp_path / "result.json"
    out = tmp_path / "copy"
    status = main(["encoder", str(tiny_encoder), str(out), "--json", str(result)])
    assert status == 0
    values = json.loads(result.read_text())
    parts = load_encoder(str(out))
    assert values["vocabulary"] == parts.tokenizer.get_vocab_size()
    assert str(values["parameters"]) in capsys.readouterr().out


def test_a_folder_that_is_no_encoder_is_refused(tmp_path, capsys):
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "model.safetensors").write_text("?")
    assert main(["encoder", str(tmp_path), str(tmp_path / "out")]) == 1
    assert "config.json" in capsys.readouterr().err


def test_settings_and_unlabelled_notes_reach_the_run(tiny_bundle, files, tmp_path):
    notes = write_jsonl(
        tmp_path / "notes.jsonl",
        [replace(document, spans=None) for document in tiny_documents(4, seed=6)],
    )
    more = ("--epochs", "1", "--unlabelled", str(notes), "--device", "cpu")
    more += ("--self-training-threshold", "0.5")
    more += ("--set", "heads=multi_crf", "--set", "ema_decay=0.9")
    assert main(arguments(tiny_bundle, files, tmp_path / "b", *more)) == 0
    bundle = load_bundle(tmp_path / "b")
    assert bundle.tagger.kind == "multi_crf"
    assert bundle.info.recipe["ema_decay"] == 0.9
    assert bundle.info.data["n_unlabelled"] == 4
    assert bundle.metrics["training"]["self_training_threshold"] == 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--set", "nonsense=1"), "unknown recipe setting nonsense; known:"),
        (("--set", "epochs=many"), "epochs: many is no int"),
        (("--set", "epochs"), "KEY=VALUE"),
    ],
)
def test_settings_that_cannot_be_are_one_line(
    tiny_bundle, files, tmp_path, change, message, capsys
):
    assert main(arguments(tiny_bundle, files, tmp_path / "b", *change)) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error


@pytest.mark.parametrize("value", ["0", "1.5", "high"])
def test_a_threshold_that_is_no_share_is_bad_usage(
    tiny_bundle, files, tmp_path, value, capsys
):
    more = ("--self-training-threshold", value)
    with pytest.raises(SystemExit) as stop:
        main(arguments(tiny_bundle, files, tmp_path / "b", *more))
    assert stop.value.code == 2
    assert "above 0 and up to 1" in capsys.readouterr().err
