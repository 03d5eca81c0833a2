"""What training reports while it runs. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Started:
    """Training is about to take its first step.

    ``stage`` is ``teacher`` for the first of the two trainings of self-training.
    """

    steps: int
    epochs: int
    n_train: int
    n_dev: int
    stage: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the event as it stands on a line of ``--events``."""
        values: dict[str, Any] = {
            "event": "start",
            "steps": self.steps,
            "epochs": self.epochs,
            "n_train": self.n_train,
            "n_dev": self.n_dev,
        }
        return {**values, "stage": self.stage} if self.stage else values


@dataclass(frozen=True, slots=True)
class StepDone:
    """An optimiser step was taken; ``step`` counts from 1."""

    step: int
    steps: int
    epoch: int
    loss: float
    learning_rate: float
    eta_seconds: float
    rss_mb: float

    def to_json(self) -> dict[str, Any]:
        """Return the event as it stands on a line of ``--events``."""
        return {
            "event": "step",
            "step": self.step,
            "steps": self.steps,
            "epoch": self.epoch,
            "loss": round(self.loss, 6),
            "learning_rate": self.learning_rate,
            "eta_seconds": round(self.eta_seconds, 1),
            "rss_mb": round(self.rss_mb, 1),
        }


@dataclass(frozen=True, slots=True)
class EvalDone:
    """The dev documents were scored: exact span and label, micro-averaged."""

    epoch: int
    step: int
    f1: float
    precision: float
    recall: float
    labels: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the event as it stands on a line of ``--events``."""
        return {
            "event": "evaluation",
            "epoch": self.epoch,
            "step": self.step,
            "f1": round(self.f1, 6),
            "precision": round(self.precision, 6),
            "recall": round(self.recall, 6),
            "labels": {name: {"f1": round(f1, 6)} for name, f1 in self.labels.items()},
        }


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """A checkpoint is complete on disk."""

    step: int
    path: Path

    def to_json(self) -> dict[str, Any]:
        """Return the event as it stands on a line of ``--events``."""
        return {"event": "checkpoint", "step": self.step, "path": str(self.path)}


@dataclass(frozen=True, slots=True)
class Finished:
    """The loop is over and the tagger holds the weights to keep.

    Parameters
    ----------
    seconds : float
        Of this run: what was done before it was resumed is not in it.
    peak_rss_mb : float
        Most memory the process ever held, in MiB.
    peak_cuda_mb : float, optional
        Most memory its GPU held for it, in MiB; None without one.
    """

    steps: int
    epochs: int
    best_epoch: int
    seconds: float
    metrics: dict[str, Any]
    peak_rss_mb: float = 0.0
    peak_cuda_mb: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the event as it stands on a line of ``--events``."""
        return {
            "event": "finished",
            "steps": self.steps,
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "seconds": round(self.seconds, 1),
            "peak_rss_mb": round(self.peak_rss_mb, 1),
            "peak_cuda_mb": self.peak_cuda_mb,
            "metrics": self.metrics,
        }


@dataclass(frozen=True, slots=True)
class BundleSaved:
    """The bundle is complete on disk: always the last event."""

    bundle: Path
    digest: str
    metrics: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the event as it stands on a line of ``--events``."""
        return {
            "event": "done",
            "bundle": str(self.bundle),
            "digest": self.digest,
            "metrics": self.metrics,
        }


Event = Started | StepDone | EvalDone | CheckpointSaved | Finished | BundleSaved
