"""Which lines of a note begin a section."""

from __future__ import annotations

import pytest
from hypothesis import given

from ner_engine.text.sections import find_sections, section_at
from tests.ner_engine.strategies import clinical_text


def told(text: str) -> list[tuple[str, str]]:
    return [(section.kind, section.title) for section in find_sections(text)]


def test_find_sections_spanish_note():
    text = (
        "MOTIVO DE CONSULTA\nDolor torácico.\n\nAntecedentes: HTA.\n"
        "AF: padre con IAM.\nTratamiento habitual: enalapril\nEF: normal.\n"
        "Exploraciones complementarias\nECG normal.\nJuicio clínico.- Angina.\n"
        "TRATAMIENTO:\nAAS 100 mg\nPlan: cita en un mes."
    )
    assert told(text) == [
        ("reason", "Motivo de consulta"),
        ("history", "Antecedentes"),
        ("family_history", "AF"),
        ("medication", "Tratamiento habitual"),
        ("exam", "EF"),
        ("tests", "Exploraciones complementarias"),
        ("diagnosis", "Juicio clínico"),
        ("treatment", "Tratamiento"),
        ("plan", "Plan"),
    ]


def test_find_sections_french_note():
    text = (
        "Motif d’hospitalisation : dyspnée\r\nATCD : HTA\r\n"
        "Antécédents familiaux\r\nRAS\r\nHistoire de la maladie :\r\nToux.\r\n"
        "EXAMEN CLINIQUE\r\nApyrétique.\r\nConduite à tenir : repos\r\n"
        "Traitement de sortie\r\nParacétamol\r\nConclusion : bronchite"
    )
    assert [kind for kind, _ in told(text)] == [
        "reason",
        "history",
        "family_history",
        "illness",
        "exam",
        "treatment",
        "treatment",
        "conclusion",
    ]


def test_find_sections_english_note():
    text = "CC: cough\nHPI: three days\nPMH: gout\nAssessment and Plan\nRest."
    assert [kind for kind, _ in told(text)] == [
        "reason",
        "illness",
        "history",
        "diagnosis",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Tratamiento:",
        "TRATAMIENTO",
        "## Tratamiento",
        "**Tratamiento**",
        "**Tratamiento:** enalapril",
        "3. Tratamiento",
        "IV) Tratamiento: enalapril",
        "- Tratamiento: enalapril",
        "Tratamiento\n-----------",
        "  tratamiento : enalapril",
        "TRATAMIENTO.- Enalapril",
    ],
)
def test_find_sections_forms_of_a_heading(line):
    (section,) = find_sections(line)
    assert section.kind == "treatment"
    found = line[section.start_char : section.heading_end]
    assert found.lower() == "tratamiento"


@pytest.mark.parametrize(
    "line",
    [
        "El tratamiento fue bien tolerado.",
        "Plan terapéutico sin cambios hoy",
        "Presión arterial: 120/80",
        "af",
        "Enalapril 20 mg:",
        "HTA, DM2",
        "-----",
        "",
    ],
)
def test_find_sections_what_is_no_heading(line):
    found = [section for section in find_sections(line) if section.kind != "other"]
    assert found == []


def test_find_sections_an_unknown_heading_alone_on_its_line_is_other():
    text = (
        "INFORME DE ALTA\nTexto.\nValoración nutricional:\nBien.\nAvisos\n=====\nFin."
    )
    assert told(text) == [
        ("other", "Informe de alta"),
        ("other", "Valoración nutricional"),
        ("other", "Avisos"),
    ]


def test_find_sections_each_ends_where_the_next_begins():
    text = "Nombre\nAP: HTA\nPlan: alta"
    first, second = find_sections(text)
    assert text[first.start_char : first.end_char] == "AP: HTA\n"
    assert text[second.start_char : second.end_char] == "Plan: alta"
    assert section_at((first, second), 3) is None
    assert section_at((first, second), text.index("HTA")) == first
    assert section_at((first, second), text.index("alta")) == second


@given(clinical_text)
def test_find_sections_are_in_order_and_inside_the_text(text):
    sections = find_sections(text)
    edges = [
        edge
        for section in sections
        for edge in (section.start_char, section.heading_end)
    ]
    assert edges == sorted(edges)
    assert all(section.title for section in sections)
    assert all(0 <= edge <= len(text) for edge in edges)
