"""What the scripts of this folder share: cells that are files, and the machine's name.

A cell is one measurement as a JSON file. It appears whole, so a script that was stopped
goes on with the cells that are missing.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from ner_engine.evaluation.scorer import Score


def name_cell(*parts: object) -> str:
    """Return the file name of a cell."""
    plain = ["".join(c if c.isalnum() else "-" for c in str(part)) for part in parts]
    return ".".join(plain) + ".json"


def write_cell(path: Path, cell: dict[str, Any]) -> None:
    """Write a cell's file, which appears by a rename."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(cell, indent=2) + "\n", encoding="utf-8")
    partial.rename(path)
    print(f"{path.name}: F1 {cell['f1']:.4f}", file=sys.stderr)


def read_cells(folder: Path) -> list[dict[str, Any]]:
    """Read all cells of a folder, in the order of their names."""
    return [
        json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))
    ]


def pool_scores(cells: Sequence[dict[str, Any]]) -> list[Score]:
    """Return a score a note: the counts of all cells together."""
    return [
        sum((Score(*counts) for counts in rows), Score())
        for rows in zip(*(cell["counts"] for cell in cells), strict=True)
    ]


def describe_hardware() -> str:
    """Name what the figures were measured on."""
    import torch

    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [
            line.partition(":")[2].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        name = models[0] if models else name
    memory = psutil.virtual_memory().total / 2**30
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{name}, {os.cpu_count()} cores, {memory:.0f} GiB, {gpu}"
