"""Writes the results as the table of this folder's README."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_BEGIN, _END = "<!-- results -->", "<!-- /results -->"
_SIZES = ("2k", "25k", "120k")
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
# (what, group, key, bars of the three sizes or one of all, unit)
_ROWS = (
    (
        "Open until painted and keys alive, median",
        "opening",
        "ready_ms",
        (300, 500, 1000),
        "ms",
    ),
    ("… first byte of the page", "opening", "first_byte_ms", (), "ms"),
    ("… processor time of the server", "opening", "cpu_ms", (), "ms"),
    ("… queries", "opening", "queries", (), ""),
    ("… received, cold cache", "opening", "received_kib", (350, 500, 1536), "KiB"),
    ("… requests", "opening", "n_requests", (), ""),
    ("Page heap, scripts and document", "opening", "heap_mb", (30, 30, 30), "MiB"),
    ("Find reaches the last word", "opening", "find_reaches_end", (), ""),
    (
        "Edit: key to first change on screen, median",
        "editing",
        "first_frame_ms",
        (),
        "ms",
    ),
    ("… to the answer painted, median", "editing", "painted_ms", (30, 40, 60), "ms"),
    ("… p95", "editing", "painted_ms_p95", (100, 100, 100), "ms"),
    ("… acknowledged, p95", "editing", "acknowledged_ms_p95", (100, 100, 100), "ms"),
    ("… the server's part, median", "editing", "server_ms", (), "ms"),
    ("… the server's part, p95", "editing", "server_ms_p95", (25, 25, 25), "ms"),
    ("… its processor time, median", "editing", "server_cpu_ms", (), "ms"),
    ("… requests, most", "editing", "requests_most", (1, 1, 1), ""),
    ("… bytes both ways, most", "editing", "bytes_most", (20_000,) * 3, ""),
    ("… queries, median", "editing", "queries_median", (), ""),
)


def write_table(results: Mapping[str, Any], path: Path) -> None:
    """Put the tables between the marks of the README, which keeps its own words."""
    text = path.read_text("utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    tables = "\n\n".join(
        _tables(name, results[name]) for name in _NAMES if name in results
    )
    path.write_text(f"{before}{_BEGIN}\n\n{tables}\n\n{_END}{after}", encoding="utf-8")


def _tables(database: str, result: Mapping[str, Any]) -> str:
    lines = [
        f"### {_NAMES[database]}",
        "",
        _conditions(result),
        "",
        "| | 2,000 characters, 30 spans | 25,000, 250 | 120,000, 1,000 | bars |",
        "|---|---|---|---|---|",
    ]
    for what, group, key, bars, unit in _ROWS:
        cells = [
            _cell(result[group][size][key], bars[n] if bars else None)
            for n, size in enumerate(_SIZES)
        ]
        bar = " / ".join(f"{bar:,}" for bar in dict.fromkeys(bars))
        lines.append(
            f"| {what}{f', {unit}' if unit else ''} | {' | '.join(cells)} | {bar} |"
        )
    lines += [
        "",
        "| thirty suggestions corrected | key presses | per entity |",
        "|---|---|---|",
    ]
    for way, row in result["correcting"].items():
        lines.append(
            f"| {way} | {', '.join(map(str, row['n_presses']))} |"
            f" {row['presses_per_entity']:.2f} |"
        )
    lines += [
        "",
        _soaked(result["soak"]),
    ]
    return "\n".join(lines)


def _cell(value: Any, bar: float | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    shown = (
        f"{value:,.1f}".removesuffix(".0") if isinstance(value, float) else f"{value:,}"
    )
    return f"**{shown}**" if bar is not None and value > bar else shown


def _conditions(result: Mapping[str, Any]) -> str:
    hardware, editing = result["hardware"], result["editing"]
    return (
        f"{hardware['cores']} cores of {hardware['processor']}, Chromium"
        f" {hardware['chromium']}, Python {hardware['python']},"
        f" {hardware['gunicorn_workers']} gunicorn workers. Load of the machine"
        f" {result['load_before']} before and {result['load_after']} after, nice"
        f" {hardware['nice']}. {result['opening']['2k']['n']} openings and"
        f" {editing['2k']['n']} to {editing['120k']['n']} edits a note."
    )


def _soaked(soak: Mapping[str, Any]) -> str:
    same = "equals" if soak["screen_is_database"] else "**differs from**"
    return (
        f"{soak['n_gestures']} gestures in a row: heap {soak['heap_before_mb']} MiB"
        f" before and {soak['heap_after_mb']} MiB after (ratio {soak['heap_ratio']},"
        f" bar 1.2); the screen {same} the database."
    )
