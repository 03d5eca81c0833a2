"""The learning curve as points of an SVG, so that the page needs no script for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 48, 60, 16, 32


@dataclass(frozen=True, slots=True)
class Mark:
    """A value on the plot, in SVG units."""

    x: float
    y: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """Loss and development F1 over the epochs, ready to draw."""

    rows: Sequence[dict[str, Any]]
    loss: list[Mark]
    f1: list[Mark]
    epochs: list[Mark]
    f1_scale: list[Mark]
    loss_scale: list[Mark]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    base: int = HEIGHT - BOTTOM
    foot: int = HEIGHT - BOTTOM + 20

    @property
    def loss_points(self) -> str:
        return " ".join(f"{mark.x},{mark.y}" for mark in self.loss)

    @property
    def f1_points(self) -> str:
        return " ".join(f"{mark.x},{mark.y}" for mark in self.f1)

    @property
    def last(self) -> dict[str, Any]:
        return self.rows[-1]


def draw_curve(details: dict[str, Any]) -> Curve | None:
    """Lay out ``details["curve"]`` of a training job; None before the first epoch."""
    rows = [row for row in details.get("curve", []) if row.get("loss") is not None]
    if not rows:
        return None
    n_epochs = max(int(details.get("epochs") or 0), *(int(r["epoch"]) for r in rows))
    top_loss = max(float(row["loss"]) for row in rows) or 1.0
    scored = [row for row in rows if row.get("f1") is not None]
    return Curve(
        rows=rows,
        loss=[
            Mark(_x(r["epoch"], n_epochs), _y(r["loss"], top_loss), f"{r['loss']:.3f}")
            for r in rows
        ],
        f1=[
            Mark(_x(r["epoch"], n_epochs), _y(r["f1"], 1.0), f"{100 * r['f1']:.1f}")
            for r in scored
        ],
        epochs=[Mark(_x(n, n_epochs), 0, str(n)) for n in _ticks(n_epochs)],
        f1_scale=[Mark(0, _y(v / 100, 1.0), str(v)) for v in (0, 25, 50, 75, 100)],
        loss_scale=[
            Mark(0, _y(share * top_loss, top_loss), f"{share * top_loss:.2f}")
            for share in (0.0, 0.5, 1.0)
        ],
    )


def _x(epoch: float, n_epochs: int) -> float:
    """Place an epoch; a single one stands in the middle."""
    span = WIDTH - LEFT - RIGHT
    if n_epochs < 2:
        return round(LEFT + span / 2, 1)
    return round(LEFT + span * (float(epoch) - 1) / (n_epochs - 1), 1)


def _y(value: float, top: float) -> float:
    """Place a value between the base line (0) and the top."""
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * float(value) / top, 1)


def _ticks(n_epochs: int) -> list[int]:
    """Choose at most a dozen epochs to name."""
    step = -(-n_epochs // 12)
    return list(range(1, n_epochs + 1, step))
