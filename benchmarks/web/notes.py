"""Invented notes of an exact number of spans: no text of any corpus or patient.

The words are made up by this script; lengths and densities are those of the bars.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

DRUGS = ("Paracetamol", "Amoxicilina", "Omeprazol", "Enalapril", "Metformina")
DOSES = ("1 g", "500 mg", "20 mg", "10 mg", "850 mg")
TIMES = ("cada 8 horas", "cada 12 horas", "una vez al día", "por la noche")
PERIODS = ("durante 7 días", "durante 10 días", "durante un mes")
FINDINGS = (
    "dolor torácico",
    "disnea",
    "tos seca",
    "fiebre",
    "cefalea",
    "edema maleolar",
    "dolor abdominal",
    "mareo",
)
PLAIN = (
    "Se explica el plan a la paciente, que lo entiende y está de acuerdo.",
    "Acude acompañada de su hija a la consulta de control.",
    "Se revisa la tensión tomada en casa durante las últimas semanas.",
    "Camina a diario por el barrio y duerme bien la mayor parte de las noches.",
)
HEADINGS = ("MOTIVO DE CONSULTA", "ANTECEDENTES", "EXPLORACIÓN", "TRATAMIENTO", "PLAN")
# Nowhere else in a note: what the browser's find has to reach.
LAST_WORD = "colofón"
# What a spurious suggestion may stand on.
PLAIN_WORDS = ("plan", "barrio", "tensión", "control", "semanas")

Piece = tuple[str, str]


@dataclass(frozen=True, slots=True)
class InventedNote:
    """A text and its mentions as (start_char, end_char, label), in order."""

    text: str
    spans: tuple[tuple[int, int, str], ...]


def invent(
    n_chars: int, n_spans: int, *, seed: int = 7, is_complete: bool = False
) -> InventedNote:
    """Return a note of about *n_chars* characters with exactly *n_spans* mentions.

    With *is_complete* these are all that the text holds, and *n_spans* is even.
    """
    drawn = random.Random(seed)  # noqa: S311 - invented text
    end = f"Fin del {LAST_WORD}."
    parts: list[str] = []
    places: list[tuple[int, int, str]] = []
    length = 0
    number = 0
    while length < n_chars - len(end) - 40:
        if number % 9 == 0:
            pieces: list[Piece] = [(f"{HEADINGS[number // 9 % len(HEADINGS)]}\n", "")]
        else:
            pieces = _sentence(drawn, is_dense=n_spans * 90 > n_chars)
            while is_complete and len(places) + _n_mentions(pieces) > n_spans:
                pieces = _sentence(drawn, is_dense=False)
        number += 1
        for words, label in pieces:
            if label:
                places.append((length, length + len(words), label))
            parts.append(words)
            length += len(words)
    if len(places) < n_spans:
        raise ValueError(f"{len(places)} mentions in {length} characters")
    step = len(places) / n_spans
    chosen = tuple(places[int(index * step)] for index in range(n_spans))
    return InventedNote("".join(parts) + end, chosen)


def _n_mentions(pieces: list[Piece]) -> int:
    return sum(bool(label) for _, label in pieces)


def _sentence(drawn: random.Random, *, is_dense: bool) -> list[Piece]:
    kind = drawn.random()
    if kind < (0.55 if is_dense else 0.4):
        return [
            (drawn.choice(DRUGS), "MEDICATION"),
            (" ", ""),
            (drawn.choice(DOSES), "DOSAGE"),
            (" ", ""),
            (drawn.choice(TIMES), "FREQUENCY"),
            (" ", ""),
            (drawn.choice(PERIODS), "DURATION"),
            (".\n", ""),
        ]
    if kind < 0.9 if is_dense else kind < 0.7:
        first, second = drawn.sample(FINDINGS, 2)
        return [
            ("Refiere ", ""),
            (first, "FINDING"),
            (" y niega ", ""),
            (second, "FINDING"),
            (" en los últimos días.\n", ""),
        ]
    return [(f"{drawn.choice(PLAIN)}\n\n", "")]
