"""Turns the events of a training into the job's progress, curve and log.

The log keeps what an event says and not a sentence: pages say it in the reader's
language (``templatetags/house.py``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from annotator.services.jobs import JobContext

N_LOG_LINES = 20

Event = dict[str, Any]


class TrainingProgress:
    """Collects what the page shows: curve per epoch, time left, memory, last lines.

    ``details`` of the job: ``{"stage", "curve": [{"epoch", "loss", "f1"}], "log":
    [{"event", ...}], "eta_seconds", "rss_mb", "steps", "epochs"}``.
    """

    def __init__(self, context: JobContext) -> None:
        details = context.job.details
        self.bundle_digest: str | None = None
        self._context = context
        self._step = 0
        self._steps = 0
        # A resumed training goes on with the curve of the attempt before.
        self._curve: dict[int, dict[str, Any]] = {
            point["epoch"]: point for point in details.get("curve", [])
        }
        self._log: deque[Event] = deque(details.get("log", []), maxlen=N_LOG_LINES)
        self._losses: dict[int, list[float]] = {}
        self._handlers: dict[str, Callable[[Event], dict[str, Any]]] = {
            "start": self._start,
            "step": self._step_done,
            "evaluation": self._evaluation,
            "checkpoint": self._checkpoint,
            "done": self._done,
        }

    def report(self, event: Event) -> None:
        """Take one event; kinds that a later engine may add are left alone."""
        handler = self._handlers.get(str(event.get("event")))
        if handler is None:
            return
        details = handler(event)
        self._context.progress(
            self._step,
            self._steps,
            stage="training",
            curve=[self._curve[epoch] for epoch in sorted(self._curve)],
            log=list(self._log),
            **details,
        )

    def scoring(self) -> None:
        """Say that training is over and the held-out notes are being scored."""
        self._context.report(self._steps, self._steps, stage="scoring", eta_seconds=0)
        self._context.check()
        self._context.write()

    def _start(self, event: Event) -> dict[str, Any]:
        self._steps = int(event["steps"])
        self._note(event, "n_train", "n_dev", "epochs", "steps")
        return {"epochs": event["epochs"], "steps": event["steps"]}

    def _step_done(self, event: Event) -> dict[str, Any]:
        self._step, self._steps = int(event["step"]), int(event["steps"])
        epoch = int(event["epoch"])
        losses = self._losses.setdefault(epoch, [])
        losses.append(float(event["loss"]))
        self._point(epoch)["loss"] = round(sum(losses) / len(losses), 4)
        self._note(event, "epoch", "step", "steps", "loss")
        return {"eta_seconds": event["eta_seconds"], "rss_mb": event["rss_mb"]}

    def _evaluation(self, event: Event) -> dict[str, Any]:
        self._point(int(event["epoch"]))["f1"] = round(float(event["f1"]), 4)
        self._note(event, "epoch", "f1", "precision", "recall")
        return {}

    def _checkpoint(self, event: Event) -> dict[str, Any]:
        self._note(event, "step")
        return {}

    def _done(self, event: Event) -> dict[str, Any]:
        self.bundle_digest = str(event["digest"])
        self._note(event, "digest")
        return {"eta_seconds": 0}

    def _note(self, event: Event, *names: str) -> None:
        """Keep the event's kind and the values that its sentence needs."""
        self._log.append({name: event[name] for name in ("event", *names)})

    def _point(self, epoch: int) -> dict[str, Any]:
        return self._curve.setdefault(epoch, {"epoch": epoch, "loss": None, "f1": None})
