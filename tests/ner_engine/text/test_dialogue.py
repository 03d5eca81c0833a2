"""Which texts are dialogues, and where their turns lie."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given

from ner_engine.text.dialogue import parse_turns, role_of
from tests.ner_engine.strategies import clinical_text


def told(text: str) -> list[tuple[str, str, str]]:
    return [
        (turn.speaker, turn.role, text[turn.start_char : turn.end_char])
        for turn in parse_turns(text)
    ]


def test_parse_turns_plain_prefixes_leaves_them_out_of_the_range():
    text = "Doctora: ¿Qué le pasa?\nPaciente: Me duele.\nDoctora: ¿Dónde?\n"
    assert told(text) == [
        ("Doctora", "doctor", "¿Qué le pasa?"),
        ("Paciente", "patient", "Me duele."),
        ("Doctora", "doctor", "¿Dónde?"),
    ]


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u202f", ""])
def test_parse_turns_french_blank_before_the_colon(blank):
    text = f"Médecin{blank}: Bonjour.\nPatiente{blank}: J'ai mal."
    assert told(text) == [
        ("Médecin", "doctor", "Bonjour."),
        ("Patiente", "patient", "J'ai mal."),
    ]


def test_parse_turns_brackets_numbers_and_crlf():
    text = "[doctor] hi\r\n[patient_1] hello: fine\r\n[guest_family] me too"
    assert told(text) == [
        ("doctor", "doctor", "hi"),
        ("patient_1", "patient", "hello: fine"),
        ("guest_family", "relative", "me too"),
    ]


def test_parse_turns_continuation_lines_join_the_turn_before():
    text = "Visita\nMédico: Tome esto\ncada 8 horas.  \n\nPaciente: Vale.\nMédico: Eso."
    assert told(text) == [
        ("Médico", "doctor", "Tome esto\ncada 8 horas."),
        ("Paciente", "patient", "Vale."),
        ("Médico", "doctor", "Eso."),
    ]


def test_parse_turns_unknown_names_that_recur_are_speakers():
    text = "Dra. Ruiz: Pase.\nSra. Peña: Voy.\nDra. Ruiz: Diga.\nSra. Peña: Mal."
    assert [turn.role for turn in parse_turns(text)] == ["doctor", "other"] * 2


def test_parse_turns_time_stamps_before_the_speaker():
    text = "[00:12] Nurse: Hello\n00:15 Patient: Hi"
    assert told(text) == [("Nurse", "nurse", "Hello"), ("Patient", "patient", "Hi")]


def test_parse_turns_wrapped_transcript_of_two_known_people():
    wrapped = "una línea\notra línea\nmás"
    text = "\n".join(f"{who}: {wrapped}" for who in ["Médico", "Paciente"] * 2)
    assert len(parse_turns(text)) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Niega fiebre.",
        "Doctor: Hola",
        "Motivo: dolor\nTratamiento: reposo\nPlan: alta",
        "Plan: a\nConstantes: b\nPlan: c\nConstantes: d",
        "Paciente: Ana Gil\nMédico: Dra. Paz\nDolor torácico de dos días.",
        "TA: 120/80\nFC: 80\nTA: 130/80\nFC: 90",
        "Ingresa a las 10:30\nSale a las 11:45",
        "El paciente refiere: dolor\ny después: mareo\nAlta.",
    ],
)
def test_parse_turns_note_with_headings_is_not_a_dialogue(text):
    assert parse_turns(text) == ()


@pytest.mark.parametrize(
    ("speaker", "role"),
    [
        ("MÉDICO REGULADOR", "doctor"),
        ("D", "doctor"),
        ("P", "patient"),
        ("Madre del paciente", "relative"),
        ("Ward Pharmacist", "pharmacist"),
        ("Infirmière", "nurse"),
        ("Sage-femme", "nurse"),
        ("Grand-mère", "relative"),
        ("Guest_clinician", "doctor"),
        ("Interpreter", "other"),
        ("Ana", "other"),
        ("", "other"),
    ],
)
def test_role_of_speaker_words_in_three_languages(speaker, role):
    assert role_of(speaker) == role


@given(clinical_text)
def test_parse_turns_any_text_gives_ordered_ranges(text):
    lines = f"Doctor: {text}\nPatient: {text}\nDoctor: x"
    end = 0
    for turn in parse_turns(lines):
        assert end <= turn.start_char <= turn.end_char <= len(lines)
        end = turn.end_char


@pytest.mark.corpora
@pytest.mark.parametrize(
    ("name", "is_dialogue"),
    [
        ("unlabelled/simsamu.fr", True),
        ("unlabelled/primock57.en", True),
        ("unlabelled/aci-bench.en", True),
        ("clinical-cases-sp.es", False),
        ("e3c.fr", False),
        ("maccrobat.en", False),
    ],
)
def test_parse_turns_real_corpora(name, is_dialogue):
    folder = os.environ.get("GLOSA_CORPORA")
    if not folder:
        pytest.skip("GLOSA_CORPORA is not set")
    with (Path(folder) / f"{name}.jsonl").open(encoding="utf-8") as lines:
        found = [bool(parse_turns(json.loads(line)["text"])) for line in lines]
    assert found == [is_dialogue] * len(found)
