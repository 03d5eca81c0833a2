"""Three plots as SVG, written by hand: a page must not need a plotting library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from ner_engine.evaluation.calibration import Bin

INK, ACCENT, PALE, RULE = "#1f2933", "#1b6ca8", "#9cc3e0", "#c8d0d8"
_FONT = 'font-family="sans-serif" font-size="12"'
# Told apart with any colour vision (Okabe and Ito 2008); after them dashes.
_LINE_INKS = (
    "#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
)  # fmt: skip


class Bar(NamedTuple):
    """A named value in [0, 1], with its interval where one is known."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


def bar_chart(bars: Sequence[Bar], *, title: str) -> str:
    """Draw horizontal bars on a scale from 0 to 1, intervals as whiskers."""
    left, width, row = 190, 360, 26
    height = row * len(bars) + 34
    parts = [_open(left + width + 70, height, title)]
    for tick in range(0, 11, 2):
        x = left + width * tick / 10
        parts.append(_line(x, 6, x, height - 24, RULE))
        parts.append(_text(x, height - 8, f"{tick / 10:.1f}", "middle"))
    for index, bar in enumerate(bars):
        y = 10 + row * index
        parts.append(_text(left - 8, y + 13, bar.name, "end"))
        parts.append(_rectangle(left, y + 2, width * bar.value, row - 10, PALE))
        end = bar.value
        if bar.low is not None and bar.high is not None:
            middle, low, high = y + row / 2 - 3, bar.low, bar.high
            parts.append(_line(left + width * low, middle, left + width * high, middle))
            for edge in (low, high):
                x = left + width * edge
                parts.append(_line(x, middle - 4, x, middle + 4))
            end = max(end, high)
        parts.append(_text(left + width * end + 6, y + 13, f"{bar.value:.3f}", "start"))
    return "".join([*parts, "</svg>"])


def reliability_plot(bins: Sequence[Bin], *, title: str) -> str:
    """Draw the share of right spans over the mean confidence of each bin.

    The area of a dot follows the number of its spans; dots on the diagonal are
    calibrated.
    """
    left, top, size = 52, 12, 300
    parts = [_open(left + size + 20, top + size + 48, title)]
    for tick in range(0, 11, 2):
        x, y = left + size * tick / 10, top + size - size * tick / 10
        parts.append(_line(x, top, x, top + size, RULE))
        parts.append(_line(left, y, left + size, y, RULE))
        parts.append(_text(x, top + size + 16, f"{tick / 10:.1f}", "middle"))
        parts.append(_text(left - 6, y + 4, f"{tick / 10:.1f}", "end"))
    parts.append(_line(left, top + size, left + size, top, INK, dashed=True))
    most = max((row.n_spans for row in bins), default=1)
    for row in bins:
        x, y = left + size * row.confidence, top + size * (1 - row.accuracy)
        radius = 2 + 6 * (row.n_spans / most) ** 0.5
        label = (
            f"{row.n_spans} spans: {row.confidence:.3f} said, {row.accuracy:.3f} right"
        )
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{ACCENT}"'
            f' fill-opacity="0.75"><title>{label}</title></circle>'
        )
    parts.append(_text(left + size / 2, top + size + 38, "confidence", "middle"))
    parts.append(
        f'<text x="14" y="{top + size / 2}" {_FONT} fill="{INK}" text-anchor="middle"'
        f' transform="rotate(-90 14 {top + size / 2})">share right</text>'
    )
    return "".join([*parts, "</svg>"])


class Curve(NamedTuple):
    """A named line with its interval: as many values as places."""

    name: str
    places: Sequence[float]
    values: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def line_chart(curves: Sequence[Curve], *, title: str, across: str, up: str) -> str:
    """Draw lines over a common axis, values on a scale from 0 to 1, intervals as bands.

    *across* and *up* name the axes.
    """
    left, top, width, height, legend = 52, 12, 520, 320, 210
    most = max((max(curve.places) for curve in curves), default=0.0) or 1.0
    parts = [_open(left + width + legend, top + height + 48, title)]
    for tick in range(0, 11, 2):
        x, y = left + width * tick / 10, top + height - height * tick / 10
        parts.append(_line(left, y, left + width, y, RULE))
        parts.append(_text(left - 6, y + 4, f"{tick / 10:.1f}", "end"))
        parts.append(_text(x, top + height + 16, f"{most * tick / 10:.0f}", "middle"))

    def points(places: Sequence[float], values: Sequence[float]) -> str:
        return " ".join(
            f"{left + width * place / most:.1f},{top + height * (1 - value):.1f}"
            for place, value in zip(places, values, strict=True)
        )

    for index, curve in enumerate(curves):
        ink = _LINE_INKS[index % len(_LINE_INKS)]
        dashes = ' stroke-dasharray="5 4"' if index >= len(_LINE_INKS) else ""
        if curve.low and curve.high:
            back = points(curve.places[::-1], curve.low[::-1])
            parts.append(
                f'<polygon points="{points(curve.places, curve.high)} {back}"'
                f' fill="{ink}" fill-opacity="0.08"/>'
            )
        parts.append(
            f'<polyline points="{points(curve.places, curve.values)}" fill="none"'
            f' stroke="{ink}" stroke-width="1.8"{dashes}>'
            f"<title>{escape(curve.name)}</title></polyline>"
        )
        y = top + 14 + 18 * index
        x = left + width + 16
        parts.append(_line(x, y - 4, x + 22, y - 4, ink, dashed=bool(dashes)))
        parts.append(_text(x + 28, y, curve.name, "start"))
    parts.append(_text(left + width / 2, top + height + 38, across, "middle"))
    parts.append(
        f'<text x="14" y="{top + height / 2}" {_FONT} fill="{INK}"'
        f' text-anchor="middle" transform="rotate(-90 14 {top + height / 2})">'
        f"{escape(up)}</text>"
    )
    return "".join([*parts, "</svg>"])


def _open(width: float, height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}"'
        f' height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">'
        f"<title>{escape(title)}</title>"
    )


def _line(
    x1: float, y1: float, x2: float, y2: float, ink: str = INK, *, dashed: bool = False
) -> str:
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        f' stroke="{ink}"{dashes}/>'
    )


def _rectangle(x: float, y: float, width: float, height: float, fill: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        f' fill="{fill}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" {_FONT} fill="{INK}"'
        f' text-anchor="{anchor}">{escape(text)}</text>'
    )
