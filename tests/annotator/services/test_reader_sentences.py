"""What the engine's readers say of a bad file is said in the reader's language."""

from __future__ import annotations

import ast
import inspect
import json
import zipfile

import pytest
from django.utils.translation import override

from annotator import engine
from annotator.services.import_problems import UNREADABLE, Problem, words_of
from annotator.services.reader_sentences import in_readers_language
from ner_engine.data import (
    archive,
    brat,
    catalogue,
    checks,
    conll,
    csv_files,
    formats,
    jsonl,
    problems,
    subrip,
    text_files,
    textgrid,
    transcripts,
)

READERS = (
    archive,
    brat,
    catalogue,
    checks,
    conll,
    csv_files,
    formats,
    jsonl,
    problems,
    subrip,
    text_files,
    textgrid,
    transcripts,
)
# Said of documents that are written, in no import.
WRITERS = ("would share", "discontinuous mention")
GRID = 'File type = "ooTextFile"\nObject class = "TextGrid"\n'
BAD_FILES = {
    "empty.txt": b" \n",
    "latin.txt": "Paciente con neumonía".encode("latin-1"),
    "nul.txt": b"a\0b",
    "no_text.csv": b"id,words\n1,fiebre\n",
    "cells.csv": b"id,text\n1,fiebre,alta\n",
    "quote.csv": b'id,text\n1,"fiebre\n',
    "rows.jsonl": b"\n".join(
        [
            b"{",
            b"[1]",
            b"\xff",
            b"NaN",
            b'{"id": "a"}',
            b'{"id": 1, "text": "x"}',
            b'{"id": "", "text": "x"}',
            b'{"id": "a\\u0001", "text": "x"}',
            b'{"id": "' + b"a" * 999 + b'", "text": "x"}',
            b'{"id": "s", "text": "x", "split": "all"}',
            b'{"id": "e", "text": "x", "entities": {}}',
            b'{"id": "e", "text": "x", "entities": [null]}',
            b'{"id": "e", "text": "x", "entities": [{"start": 0, "end": 1}]}',
            b'{"id": "e", "text": "x", "entities": [{"label": "A"}]}',
            b'{"id": "e", "text": "x", "entities": [%s]}'
            % b'{"label": "A", "start": 0, "end": 99}',
            b'{"id": "e", "text": "x", "entities": [%s]}'
            % b'{"label": "A", "start": 0, "end": 1, "confidence": 2}',
            b'{"id": "e", "text": "x", "entities": [%s]}'
            % b'{"label": "A", "start": 0, "end": 1, "attributes": "negated"}',
            b'{"id": "t", "text": "x", "turns": [true]}',
            b'{"id": "t", "text": "x", "turns": [{}]}',
            b'{"id": "x", "text": "x", "exhaustive_for": [1]}',
            b'{"id": "c1", "text": "x"}',
            b'{"id": "c1", "text": "y"}',
        ]
    ),
    "tags.conll": b"fiebre\n\ntos B-FINDING\n",
    "letters.conll": b"fiebre Q-FINDING\n",
    "times.srt": b"1\nno times\nhola\n",
    "back.srt": b"1\n00:00:09,000 --> 00:00:01,000\nhola\n",
    "words.textgrid": b"hola",
    "tiers.textgrid": (GRID + 'xmin = 0\nxmax = 1\ntiers? "absent"\n').encode(),
    "broken.zip": b"PK",
}


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return path


def reasons_of_bad_files(folder):
    for name, data in BAD_FILES.items():
        path = folder / name
        path.write_bytes(data)
        problems = engine.read_files(path, language="es")[1]
        assert problems, name
        yield from (problem["reason"] for problem in problems)
    packed = {
        "a.docx": b"x",
        "a.ann": b"T1\tFINDING 0 99\tfiebre",
        "b.txt": b"fiebre",
        "b.ann": b"T1\tFINDING 0 99\tfiebre",
        "c.txt": b"fiebre",
        "c.ann": b"no annotation",
        "d.txt": b"fiebre",
        "d.ann": b"T1\tFINDING 0 3\ttos",
        "e/f.txt": b"fiebre",
        "g/f.txt": b"tos",
    }
    for problems in (
        engine.read_files(zipped(folder / "many.zip", packed), language="es")[1],
        engine.read_files(
            zipped(folder / "outside.zip", {"../a.txt": b"x"}), language="es"
        )[1],
    ):
        yield from (problem["reason"] for problem in problems)


def reasons_in_source():
    """Yield every sentence that the readers' code builds, with 7 for each value."""
    for module in READERS:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            place = {"BadInput": 0, "Problem": 2}.get(node.func.id)
            if place is None or len(node.args) <= place:
                continue
            reason = node.args[place]
            if isinstance(reason, ast.Constant):
                yield reason.value
            elif isinstance(reason, ast.JoinedStr):
                yield "".join(
                    part.value if isinstance(part, ast.Constant) else "7"
                    for part in reason.values
                )


@pytest.mark.parametrize("language", ["es", "fr"])
def test_no_reason_of_a_bad_file_comes_in_english(language, tmp_path):
    reasons = set(reasons_of_bad_files(tmp_path))
    assert len(reasons) > 30
    with override(language):
        english = [r for r in reasons if words_of(UNREADABLE, {"sentence": r}) == r]
    assert english == []


@pytest.mark.parametrize("language", ["es", "fr"])
def test_no_sentence_in_the_readers_code_is_unknown(language):
    # Some are put together of parts: those come from bad files above.
    parts = {
        "entry 7 7",
        '"7" is 7',
        "not 7 at byte 77",
        "document 7: 7",
        "7: start and end are not both whole numbers",
    }
    sentences = {
        sentence
        for sentence in reasons_in_source()
        if sentence not in parts and not any(word in sentence for word in WRITERS)
    }
    assert len(sentences) > 40
    with override(language):
        assert [s for s in sentences if in_readers_language(s) == s] == []


def test_reports_stay_english_and_strange_sentences_as_they_are():
    sentence = 'document id "c1" comes twice, first on line 2'
    with override("es"):
        problem = Problem.unreadable("a.jsonl", 5, sentence)
        assert problem.reason == sentence
        assert json.loads(json.dumps(problem.as_json()))["reason"] == sentence
        assert words_of(problem.code, problem.values) != sentence
        assert in_readers_language("something new") == "something new"
