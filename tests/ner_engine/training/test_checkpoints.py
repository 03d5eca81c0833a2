"""Checkpoints: complete or not there, and readable or named."""

from __future__ import annotations

import pytest
import torch

from ner_engine.errors import TrainingError
from ner_engine.training.checkpoints import (
    Checkpoint,
    flatten_optimiser,
    latest_checkpoint,
    load_checkpoint,
    restore_optimiser,
    save_checkpoint,
)


def checkpoint(step, best=None):
    return Checkpoint(
        model={"w": torch.arange(4.0)},
        best=best,
        optimiser={"0.exp_avg": torch.ones(2)},
        state={"step": step, "note": "x"},
    )


def test_a_checkpoint_comes_back(tmp_path):
    path = save_checkpoint(tmp_path, checkpoint(3, best={"w": torch.zeros(4)}))
    back = load_checkpoint(path)
    assert back.state == {"step": 3, "note": "x"}
    assert torch.equal(back.model["w"], torch.arange(4.0))
    assert torch.equal(back.best["w"], torch.zeros(4))
    assert load_checkpoint(save_checkpoint(tmp_path, checkpoint(4))).best is None


def test_only_the_newest_stays_and_a_partial_one_does_not_count(tmp_path):
    save_checkpoint(tmp_path, checkpoint(9))
    newest = save_checkpoint(tmp_path, checkpoint(10))
    (tmp_path / ".partial-00000011").mkdir()
    assert latest_checkpoint(tmp_path) == newest
    assert newest.name == "step-00000010"
    again = save_checkpoint(tmp_path, checkpoint(11))
    assert [path.name for path in tmp_path.iterdir()] == [again.name]


@pytest.mark.parametrize(
    "name", ["state.json", "model.safetensors", "optimiser.safetensors"]
)
def test_damage_is_a_training_error(tmp_path, name):
    path = save_checkpoint(tmp_path, checkpoint(1))
    (path / name).write_bytes(b"{")
    with pytest.raises(TrainingError, match="not a readable checkpoint"):
        load_checkpoint(path)


def test_optimiser_state_comes_back_exactly():
    def take_steps(parameter, optimiser, n_steps):
        for _ in range(n_steps):
            (parameter**2).sum().backward()
            optimiser.step()
            optimiser.zero_grad()

    def make():
        parameter = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
        return parameter, torch.optim.AdamW([parameter], lr=0.1, fused=True)

    whole, whole_optimiser = make()
    take_steps(whole, whole_optimiser, 5)

    half, half_optimiser = make()
    take_steps(half, half_optimiser, 2)
    rest, rest_optimiser = make()
    rest.data.copy_(half.data)
    restore_optimiser(rest_optimiser, flatten_optimiser(half_optimiser))
    take_steps(rest, rest_optimiser, 3)
    assert torch.equal(rest, whole)
