"""Dialogues in the formats of transcribers, through the service and the page."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from annotator.enums import Genre, Role
from annotator.models import Job, Note
from annotator.services import imports
from tests.annotator.factories import make_member, make_project
from tests.ner_engine.data.test_transcripts import SHORT, SRT

pytestmark = pytest.mark.django_db

DIALOGUE = (
    "Doctora: Buenos días, ¿qué le pasa?\n"
    "Paciente: Tengo tos desde hace tres días.\n"
    "Doctora: ¿Ha tenido fiebre?\n"
    "Paciente: No, fiebre no.\n"
)


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path / "data"


@pytest.fixture
def project():
    return make_project("visitas", language="fr", genre=Genre.DIALOGUE)


def told(note: Note) -> list[tuple[str, str]]:
    return [(t["role"], note.text[t["start"] : t["end"]]) for t in note.turns]


@pytest.mark.parametrize("genre", ["note", "dialogue"])
def test_import_dialogue_text_gets_turns(tmp_path, genre):
    path = tmp_path / "visita.txt"
    path.write_text(DIALOGUE, encoding="utf-8")

    imports.import_paths(project=make_project(genre=genre), actor=None, paths=[path])

    turns = Note.objects.get().turns
    assert [(turn["speaker"], turn["role"]) for turn in turns] == [
        ("Doctora", "doctor"),
        ("Paciente", "patient"),
    ] * 2
    assert DIALOGUE[turns[1]["start"] : turns[1]["end"]].startswith("Tengo tos")


def test_import_jsonl_turns_from_the_file_or_recognised(project, tmp_path):
    given = [{"speaker": "A", "role": "nurse", "start": 0, "end": 7}]
    rows = [
        {"id": "given", "text": DIALOGUE, "turns": given},
        {"id": "found", "text": DIALOGUE + "Fin."},
    ]
    path = tmp_path / "visitas.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    imports.import_paths(project=project, actor=None, paths=[path])

    assert Note.objects.get(external_id="given").turns == given
    assert len(Note.objects.get(external_id="found").turns) == 4


def test_import_a_file_a_speaker_makes_one_note(project, tmp_path):
    doctor, patient = tmp_path / "v_doctor.textgrid", tmp_path / "v_patient.textgrid"
    doctor.write_text(SHORT)
    patient.write_text(SHORT.replace("Bonjour", "Salut"))

    report = imports.import_paths(project=project, actor=None, paths=[patient, doctor])

    assert report.problems == []
    # they begin at the same moment: the files' names decide
    assert told(Note.objects.get()) == [("doctor", "Bonjour."), ("patient", "Salut.")]
    assert report.files == [{"file": f"{patient.name}, {doctor.name}", "notes": 1}]


def test_import_notes_command_reads_subrip_and_names_the_line_of_a_bad_file(
    project, tmp_path, capsys
):
    good, bad = tmp_path / "a.srt", tmp_path / "b.srt"
    good.write_text(SRT)
    bad.write_text(SRT.replace("00:00:03,100 --> ", ""))

    with pytest.raises(CommandError, match="not everything was imported"):
        call_command("import_notes", str(good), str(bad), project=project.slug)

    assert told(Note.objects.get()) == [
        ("doctor", "bonjour, ça va ?"),
        ("patient", "non"),
        ("doctor", "ah"),
    ]
    assert "b.srt:11: no times of a cue" in capsys.readouterr().err


@pytest.mark.integration
def test_import_page_takes_transcripts(client, project):
    client.force_login(make_member(project, Role.ADMIN))
    names = ["v_doctor.TextGrid", "v_patient.TextGrid", "w.srt"]
    uploads = [SimpleUploadedFile(name, SHORT.encode()) for name in names]

    client.post(f"/p/{project.slug}/import/", {"uploads": uploads, "entities": "gold"})

    assert Job.objects.get().parameters["files"] == [
        "0/v_doctor.textgrid",
        "1/v_patient.textgrid",
        "2/w.srt",
    ]
