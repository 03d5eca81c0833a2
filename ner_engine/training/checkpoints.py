"""Checkpoints from which training goes on as if it had never stopped.

A checkpoint is a folder that appears by a rename, so one that can be seen is complete.
Tensors are safetensors, the rest is JSON: no pickle.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ner_engine.errors import TrainingError

_PREFIX = "step-"
_STATE = "state.json"
_MODEL = "model.safetensors"
_BEST = "best.safetensors"
_OPTIMISER = "optimiser.safetensors"
_AVERAGE = "average.safetensors"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a run needs to go on: weights, optimiser and plain counters."""

    model: dict[str, Tensor]
    best: dict[str, Tensor] | None
    optimiser: dict[str, Tensor]
    state: dict[str, Any]
    average: dict[str, Tensor] | None = None


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint and remove the older ones; return its path.

    Raises
    ------
    TrainingError
        When it cannot be written whole (a full disk); the older one stays.
    """
    step = int(checkpoint.state["step"])
    target = folder / f"{_PREFIX}{step:08d}"
    partial = folder / f".partial-{step:08d}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir()
        _write(partial, checkpoint)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise TrainingError(f"{target}: cannot be written: {error}") from error
    if target.exists():
        shutil.rmtree(target)
    partial.rename(target)
    for other in folder.glob(f"{_PREFIX}*"):
        if other != target:
            shutil.rmtree(other)
    return target


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    save_file(checkpoint.model, str(folder / _MODEL))
    save_file(checkpoint.optimiser, str(folder / _OPTIMISER))
    for name, tensors in ((_BEST, checkpoint.best), (_AVERAGE, checkpoint.average)):
        if tensors is not None:
            save_file(tensors, str(folder / name))
    (folder / _STATE).write_text(json.dumps(checkpoint.state), encoding="utf-8")
    for path in folder.iterdir():
        _flush(path)


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the newest complete checkpoint of a folder, or None."""
    found = sorted(path for path in folder.glob(f"{_PREFIX}*") if path.is_dir())
    return found[-1] if found else None


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint back."""
    try:
        return Checkpoint(
            model=load_file(str(path / _MODEL)),
            best=_load_if_there(path / _BEST),
            average=_load_if_there(path / _AVERAGE),
            optimiser=load_file(str(path / _OPTIMISER)),
            state=json.loads((path / _STATE).read_text(encoding="utf-8")),
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise TrainingError(f"{path}: not a readable checkpoint") from error


def _load_if_there(path: Path) -> dict[str, Tensor] | None:
    return load_file(str(path)) if path.is_file() else None


def flatten_optimiser(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's tensors under flat names."""
    state: dict[int, dict[str, Tensor]] = optimiser.state_dict()["state"]
    return {
        f"{index}.{name}": value.clone()
        for index, values in state.items()
        for name, value in values.items()
    }


def restore_optimiser(
    optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]
) -> None:
    """Set what `flatten_optimiser` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for flat, value in tensors.items():
        index, _, name = flat.partition(".")
        state.setdefault(int(index), {})[name] = value
    whole = optimiser.state_dict()
    whole["state"] = state
    optimiser.load_state_dict(whole)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
