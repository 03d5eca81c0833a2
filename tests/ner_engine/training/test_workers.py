"""Two processes train what one trains: the same batches, gradients added up."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest
import torch

from ner_engine.bundle import load_bundle
from ner_engine.errors import BadInput
from ner_engine.training.run import TrainingPlan, train_bundle
from ner_engine.training.workers import Workers
from tests.tiny import one_thread, tiny_documents, tiny_recipe, write_jsonl

SETTINGS = {
    "epochs": 2,
    "dropout": 0.0,
    "batch_size": 5,
    "heads": "multi_crf",
    "ema_decay": 0.8,
    "learning_rate": 3e-3,
    "head_learning_rate": 1e-2,
    "weight_decay": 0.0,
    "patience": 0,
    "max_pieces": 96,
    "freeze_embeddings": "false",
    "max_total_pieces": 0,
    "min_dev_spans": 1,
}


def launch(command, n_processes):
    """Start processes with what torchrun would give them; return what they print."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    children = [
        subprocess.Popen(
            command,
            env={
                **os.environ,
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(n_processes),
                "LOCAL_WORLD_SIZE": str(n_processes),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(n_processes)
    ]
    reports = [child.communicate(timeout=280) for child in children]
    for child, (_, errors) in zip(children, reports, strict=True):
        assert child.returncode == 0, errors[-2000:]
    return [report for report, _ in reports]


@pytest.mark.slow
def test_two_gloo_processes_train_what_one_trains(tiny_encoder, tmp_path):
    # 11 windows in batches of 5: the last one leaves a process without a window.
    train, dev = tiny_documents(11), tiny_documents(5, seed=2)
    files = (
        write_jsonl(tmp_path / "train.jsonl", train),
        write_jsonl(tmp_path / "dev.jsonl", dev),
    )
    out, checkpoints = tmp_path / "two", tmp_path / "checkpoints"
    settings = [*SETTINGS.items(), ("checkpoint_seconds", 0.0)]
    command = [
        *(sys.executable, "-m", "ner_engine", "train", "--recipe", "adapt"),
        *("--init", str(tiny_encoder), "--out", str(out), "--seed", "3"),
        *("--train", str(files[0]), "--dev", str(files[1]), "--device", "cpu"),
        *("--threads", "1", "--checkpoints", str(checkpoints)),
        *(part for name, value in settings for part in ("--set", f"{name}={value}")),
        *("--json", str(tmp_path / "result.json")),
    ]
    reports = launch(command, 2)
    assert str(out) in reports[0]
    assert reports[1] == ""  # one process reports
    metrics = json.loads((tmp_path / "result.json").read_text())["metrics"]
    assert metrics["training"]["n_processes"] == 2
    assert len(list(checkpoints.iterdir())) == 1

    alone = TrainingPlan(
        init=str(tiny_encoder),
        train=train,
        dev=dev,
        recipe=tiny_recipe(**{**SETTINGS, "freeze_embeddings": False}),
        out=tmp_path / "one",
        seed=3,
        threads=1,
        device="cpu",
    )
    with one_thread():
        *_, saved = train_bundle(alone)
    assert metrics["dev"] == saved.metrics["dev"]
    one = load_bundle(tmp_path / "one").tagger.state_dict()
    two = load_bundle(out).tagger.state_dict()
    # Sums of floats in another order, and a step of the 8-bit rows where they tip.
    for name, value in one.items():
        assert torch.allclose(value, two[name], atol=5e-3), name


def test_one_process_is_alone_and_first():
    team = Workers.join("cpu")
    assert (team.rank, team.n_processes, team.is_first) == (0, 1, True)
    assert team.share([1, 2, 3]) == team.gather([1, 2, 3], 3) == [1, 2, 3]
    assert team.add_up([], 0.25) == 0.25
    assert team.peak_cuda_mb is None


def test_windows_are_dealt_in_turn():
    dealt = [Workers(torch.device("cpu"), rank, 3).share(range(7)) for rank in range(3)]
    assert dealt == [[0, 3, 6], [1, 4], [2, 5]]


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(BadInput, match="device tpu"):
        Workers.join("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(BadInput, match="no GPU"):
            Workers.join("cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("heads", ["multi", "joint_crf"])
def test_the_same_code_trains_on_a_gpu(tiny_encoder, tmp_path, heads):
    plan = TrainingPlan(
        init=str(tiny_encoder),
        train=tiny_documents(60),
        dev=tiny_documents(10, seed=2),
        recipe=tiny_recipe(epochs=6, heads=heads, dropout=0.1, r_drop=0.5),
        out=tmp_path / "b",
        device="cuda",
    )
    *_, saved = train_bundle(plan)
    assert saved.metrics["training"]["device"] == "cuda"
    assert saved.metrics["training"]["peak_cuda_mb"] > 0
    assert saved.metrics["dev"]["f1"] > 0.8
