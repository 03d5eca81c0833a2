"""The palette is legible and its labels keep apart: computed from the CSS itself."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

CSS = Path(settings.BASE_DIR) / "static" / "css"
TEXT = "\n".join((CSS / name).read_text() for name in ("tokens.css", "labels.css"))
THEMES = ("light", "dark")
SLOTS = range(1, 13)
COLOUR = r"(#[0-9a-f]{6})(?:[0-9a-f]{2})?"
PAIRS = {
    name: dict(zip(THEMES, (light, dark), strict=True))
    for name, light, dark in re.findall(
        rf"--([\w-]+): light-dark\({COLOUR}, {COLOUR}\)", TEXT
    )
}
# What dichromats see, in linear light: Machado, Oliveira and Fernandes (2009), table 1
# of the supplement, severity 1.0.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(
        values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4
    )


def contrast(first: str, second: str) -> float:
    """WCAG 2.2 contrast ratio."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    a, b = sorted((float(linear(c) @ weights) for c in (first, second)), reverse=True)
    return (a + 0.05) / (b + 0.05)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Björn Ottosson (2020), "A perceptual color space for image processing"."""
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return to_lab @ np.cbrt(to_lms @ np.clip(rgb, 0, 1))


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_palette_has_three_colours_for_each_slot():
    names = {f"label-{n}-{part}" for n in SLOTS for part in ("tint", "line", "ink")}
    assert names <= PAIRS.keys()
    assert all(f".label-{n} {{" in TEXT for n in SLOTS)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("slot", SLOTS)
def test_label_colours_pass_contrast(slot, theme):
    paper = PAIRS["paper"][theme]
    tint, line, ink = (
        PAIRS[f"label-{slot}-{part}"][theme] for part in ("tint", "line", "ink")
    )
    assert contrast(ink, paper) >= 4.5
    assert contrast(ink, tint) >= 4.5
    assert contrast(line, paper) >= 4.5
    # The note's own text on the tint of an annotation.
    assert contrast(PAIRS["ink"][theme], tint) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sight", SIGHT)
def test_label_lines_keep_apart(sight, theme):
    seen = {
        n: oklab(SIGHT[sight] @ linear(PAIRS[f"label-{n}-line"][theme])) for n in SLOTS
    }
    gaps = {
        (a, b): float(np.linalg.norm(seen[a] - seen[b]))
        for a, b in itertools.combinations(SLOTS, 2)
    }
    # 0.02 is about the smallest difference that is seen side by side; the five of the
    # default scheme stand next to each other on every page.
    assert min(gaps.values()) >= 0.06
    assert min(gap for (_a, b), gap in gaps.items() if b <= 5) >= 0.11


TEXT_PAIRS = [
    (ink, ground)
    for ink in ("ink", "ink-quiet", "accent", "success", "warning", "danger")
    for ground in ("paper", "desk", "sunken")
] + [
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("on-danger", "danger"),
    ("accent", "accent-tint"),
]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS)
def test_text_passes_contrast(ink, ground, theme):
    assert contrast(PAIRS[ink][theme], PAIRS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("line", ["focus", "rule-strong"])
@pytest.mark.parametrize("ground", ["paper", "desk"])
def test_edges_of_controls_pass_contrast(line, ground, theme):
    assert contrast(PAIRS[line][theme], PAIRS[ground][theme]) >= 3
