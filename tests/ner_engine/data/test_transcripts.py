"""TextGrid and SubRip files as dialogues, real ones where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ner_engine.data.archive import ArchiveFile
from ner_engine.data.catalogue import read_any, read_together
from ner_engine.data.subrip import subrip_document
from ner_engine.data.textgrid import group_textgrids, textgrid_document
from ner_engine.errors import BadInput

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 9.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "Doctora"
        xmin = 0
        xmax = 9.5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 2
            text = "¿Le ""duele"" <UNSURE>mucho</UNSURE>, algo?"
        intervals [2]:
            xmin = 2
            xmax = 4
            text = ""
        intervals [3]:
            xmin = 4
            xmax = 9.5
            text = "<UNIN/>"
    item [2]:
        class = "IntervalTier"
        name = "Paciente"
        xmin = 0
        xmax = 9.5
        intervals: size = 1
        intervals [1]:
            xmin = 1.5
            xmax = 3
            text = "No, ya
no."
"""
SHORT = (
    '"ooTextFile"\n"TextGrid"\n0\n2\n<exists>\n1\n"IntervalTier"\n"tier 1"\n0\n2\n1\n'
    '0\n2\n"Bonjour."\n'
)
SRT = (
    "1\r\n00:00:00,000 --> 00:00:02,500\r\n<i>Médecin : bonjour,</i>\r\nça va ?\r\n\r\n"
    "2\r\n00:00:02,600 --> 00:00:03,000\r\nPatient : non\r\n\r\n"
    "3\r\n00:00:03,100 --> 00:00:04,000\r\nMédecin : ah\r\n"
)


def grid(text: str, name: str = "visit.TextGrid") -> list[ArchiveFile]:
    return [ArchiveFile(name, text.encode())]


def told(document) -> list[tuple[str, str, str]]:
    return [
        (turn.speaker, turn.role, document.text[turn.start_char : turn.end_char])
        for turn in document.turns
    ]


def formats() -> Path:
    corpora = os.environ.get("GLOSA_CORPORA", "")
    folder = Path(corpora, "../formats/dialogue")
    if not corpora or not folder.is_dir():
        pytest.skip("GLOSA_CORPORA has no folder of formats beside it")
    return folder


def test_textgrid_tiers_are_speakers_in_the_order_of_time():
    document = textgrid_document(grid(LONG), "d", language="es")
    assert told(document) == [
        ("Doctora", "doctor", '¿Le "duele" mucho, algo?'),
        ("Paciente", "patient", "No, ya no."),
    ]
    assert document.text == 'Doctora: ¿Le "duele" mucho, algo?\nPaciente: No, ya no.'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_textgrid_encodings_that_praat_writes(encoding):
    files = [ArchiveFile("visit.TextGrid", LONG.encode(encoding))]
    assert len(textgrid_document(files, "d", language="es").turns) == 2


def test_textgrid_short_form_and_a_speaker_named_by_the_file():
    document = textgrid_document(grid(SHORT, "v_medecin.TextGrid"), "v", language="fr")
    assert told(document) == [("Medecin", "doctor", "Bonjour.")]


def test_group_textgrids_puts_the_speakers_of_one_talk_together():
    names = ["a_patient.TextGrid", "a_doctor.TextGrid", "a_b.TextGrid", "c.TextGrid"]
    assert group_textgrids(names) == {
        "a": ["a_patient.TextGrid", "a_doctor.TextGrid"],
        "a_b": ["a_b.TextGrid"],
        "c": ["c.TextGrid"],
    }


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("Bonjour", "not a TextGrid", 1),
        ('"ooTextFile"\n"Pitch"\n', "not a TextGrid", 1),
        (SHORT.replace("<exists>", "<absent>"), "a TextGrid without tiers", 5),
        (SHORT.replace('"Bonjour."', "7"), "a number where words", 14),
        (SHORT.replace('0\n2\n"Bonjour."\n', ""), "ends before its last tier", 11),
        (SHORT.replace('0\n2\n"Bon', '3\n2\n"Bon'), "ends before it begins", 13),
        (SHORT.replace("1\n0\n2\n", '1\n"x"\n2\n'), "words where a number", 12),
        (SHORT.replace("IntervalTier", "Layer"), "unknown class", 7),
        (SHORT.replace("Bonjour.", "<UNIN/>"), "nobody says anything", None),
    ],
)
def test_textgrid_bad_files_say_where(text, reason, line):
    with pytest.raises(BadInput, match=reason) as caught:
        textgrid_document(grid(text), "d", language="fr")
    assert caught.value.line == line
    assert "Bonjour" not in str(caught.value)


def test_subrip_speakers_in_front_of_the_words():
    document = subrip_document(SRT.encode(), "d", language="fr")
    assert told(document) == [
        ("Médecin", "doctor", "bonjour, ça va ?"),
        ("Patient", "patient", "non"),
        ("Médecin", "doctor", "ah"),
    ]


def test_subrip_without_speakers_is_a_turn_a_cue_or_dash():
    text = (
        "1\n00:00:00,000 --> 00:00:01,000\nallo ?\n\n"
        "2\n00:00:01,000 --> 00:00:02,000\n- oui\n- non\n"
    )
    document = subrip_document(text.encode(), "d", language="fr")
    assert document.text == "allo ?\noui\nnon"
    assert [turn.role for turn in document.turns] == ["other"] * 3


def test_subrip_a_few_numbers_behind_the_times_are_speakers():
    cues = [
        f"{n}\n00:00:0{n},000 --> 00:00:0{n},500 {n % 2 + 1}\nmot\n" for n in range(6)
    ]
    document = subrip_document("\n".join(cues).encode(), "d", language="fr")
    assert [turn.speaker for turn in document.turns][:2] == ["Speaker 1", "Speaker 2"]


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("1\nbonjour\n", "no times of a cue", 2),
        (SRT.replace("00:00:02,600", "00:00:09,600"), "ends before it begins", 7),
        (SRT.replace("00:00:03,100 --> ", ""), "no times of a cue", 11),
        ("", "nobody says anything", None),
    ],
)
def test_subrip_bad_files_say_where(text, reason, line):
    with pytest.raises(BadInput, match=reason) as caught:
        subrip_document(text.encode(), "d", language="fr")
    assert caught.value.line == line


def test_read_any_a_folder_names_the_file_and_line_of_what_is_wrong(tmp_path):
    (tmp_path / "v_doctor.TextGrid").write_text(SHORT)
    (tmp_path / "v_patient.TextGrid").write_text(SHORT.replace("Bonjour", "Salut"))
    (tmp_path / "w_doctor.TextGrid").write_text(SHORT)
    (tmp_path / "w_patient.TextGrid").write_text(SHORT.replace('"Bonjour."', "7"))
    (tmp_path / "x.srt").write_text("1\nbonjour\n")
    result = read_any(tmp_path, language="fr")
    assert [(d.id, len(d.turns)) for d in result.documents] == [("v", 2)]
    assert [(p.file, p.line) for p in result.problems] == [
        ("x.srt", 2),
        ("w_patient.TextGrid", 14),
    ]


def test_read_any_csv_with_a_column_of_dialogues(tmp_path):
    path = tmp_path / "talks.csv"
    path.write_text(
        "ID,section,dialogue\n"
        '7,HPI,"Doctor: Any pain? \n Patient: No.\nDoctor: Good."\n'
    )
    (document,) = read_any(path, language="en").documents
    assert document.id == "7"
    assert [turn.role for turn in document.turns] == ["doctor", "patient", "doctor"]
    assert document.metadata == {"section": "HPI"}


@pytest.mark.corpora
def test_real_textgrids_of_one_consultation_are_one_dialogue():
    files = sorted(formats().glob("day1_consultation*.TextGrid"))
    result = read_together(files, language="en")
    assert result.problems == ()
    both, doctor = result.documents
    assert {turn.role for turn in both.turns} == {"doctor", "patient"}
    assert {turn.role for turn in doctor.turns} == {"doctor"}
    assert len(both.turns) > 50
    assert "<" not in both.text + doctor.text


@pytest.mark.corpora
@pytest.mark.parametrize(
    ("name", "n_turns"),
    [("dj_2022_3_mois_paracetamol.srt", 30), ("dj_2022_arme_2.srt", 50)],
)
def test_real_subrip_files_are_a_turn_a_cue(name, n_turns):
    (document,), problems = read_any(formats() / name, language="fr")
    assert problems == ()
    assert len(document.turns) >= n_turns
    for turn in document.turns:
        assert document.text[turn.start_char : turn.end_char].strip()


@pytest.mark.corpora
def test_real_dialogue_csv_has_doctors_and_patients_in_nearly_every_row():
    (file,) = formats().glob("*.csv")
    result = read_any(file, language="en")
    assert result.problems == ()
    assert len(result.documents) == 100
    with_both = [
        document
        for document in result.documents
        if {turn.role for turn in document.turns} >= {"doctor", "patient"}
    ]
    assert len(with_both) >= 85
