"""Sentence starts by rule."""

from __future__ import annotations

import pytest

from ner_engine.text.tokens import tokenize


def sentences(text: str, language: str = "es") -> list[str]:
    starts = [t.start_char for t in tokenize(text, language) if t.sentence_start]
    return [
        text[start:end].strip()
        for start, end in zip(starts, [*starts[1:], len(text)], strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sin fiebre. Alta.", ["Sin fiebre.", "Alta."]),
        ("¿Dolor? Sí. ¡Mucho!", ["¿Dolor?", "Sí.", "¡Mucho!"]),
        ("Afebril\nEupneico", ["Afebril", "Eupneico"]),
        ("Afebril\r\n\r\nEupneico", ["Afebril", "Eupneico"]),
        ("Visto por Dr. Gil y Dra. Paz.", ["Visto por Dr. Gil y Dra. Paz."]),
        ("Toma 1 comp. Amoxicilina.", ["Toma 1 comp. Amoxicilina."]),
        ("p.ej. Ibuprofeno o aprox. Mil", ["p.ej. Ibuprofeno o aprox. Mil"]),
        ("M. Roux et Mme. Petit", ["M. Roux et Mme. Petit"]),
        ("Dr. J. M. Ruiz firma", ["Dr. J. M. Ruiz firma"]),
        ("Déficit de vitamina K. Se trata.", ["Déficit de vitamina K.", "Se trata."]),
        ("Anda 5 m. Luego para.", ["Anda 5 m.", "Luego para."]),
        (
            "Náuseas, vómitos, etc. Se ingresa.",
            ["Náuseas, vómitos, etc.", "Se ingresa."],
        ),
        ("Alta del hospital.Se va.", ["Alta del hospital.", "Se va."]),
        ("E.E.G. normal", ["E.E.G. normal"]),
        ("Dijo «no.» Después calló.", ["Dijo «no.»", "Después calló."]),
        ("Toma 1.000 mg. y 0.5 más.", ["Toma 1.000 mg. y 0.5 más."]),
        ("Bueno... Sigue igual", ["Bueno...", "Sigue igual"]),
        (". Abc", [".", "Abc"]),
        ("Mejor. («", ["Mejor. («"]),
        ("Fiebre . Tos", ["Fiebre .", "Tos"]),
    ],
)
def test_sentence_starts_clinical_text(text, expected):
    assert sentences(text) == expected
