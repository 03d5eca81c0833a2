"""``project`` as a user calls it, without an encoder."""

from __future__ import annotations

import json

import pytest

from ner_engine.cli import project
from ner_engine.cli.main import main
from ner_engine.data.jsonl import read_documents, write_documents
from ner_engine.translation.projection import METHODS
from ner_engine.types import Document, Span

SPANISH = "Paciente con fibrilación auricular."
ENGLISH = "Patient with atrial fibrillation."


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / name for name in ("es.jsonl", "en.jsonl", "out.jsonl")]
    spans = (Span(13, 34, "FINDING"),)
    write_documents(
        paths[0],
        [
            Document("a", SPANISH, "es", spans, split="train"),
            Document("b", "Nada.", "es", ()),
        ],
    )
    write_documents(
        paths[1], [Document("b", "Nothing.", "en"), Document("a", ENGLISH, "en")]
    )
    return paths


def test_spans_are_found_in_the_translations_in_their_order(files, tmp_path, capsys):
    result = tmp_path / "result.json"

    status = main(
        ["project", *map(str, files), "--encoder", "none", "--json", str(result)]
    )

    assert status == 0
    first, second = read_documents(files[2])
    assert (first.id, first.spans) == ("b", ())
    assert [span.mention(second.text) for span in second.spans] == [
        "atrial fibrillation"
    ]
    assert json.loads(result.read_text())["spans"] == 1
    assert capsys.readouterr().out == "2 documents, 1 of 1 spans projected\n"


def test_a_translation_without_original_is_named(files, capsys):
    write_documents(files[1], [Document("c", ENGLISH, "en")])

    assert main(["project", *map(str, files), "--encoder", "none"]) == 1

    error = capsys.readouterr().err
    assert "document c has no original" in error
    assert files[1].name in error
    assert ENGLISH not in error
    assert not files[2].exists()


def test_marks_that_are_not_there_end_the_command(files, capsys):
    assert main(["project", *map(str, files), "--method", "marks"]) == 1

    assert "the backend carried no marks" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["2", "-0.1", "much"])
def test_a_threshold_is_a_probability(files, value, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["project", *map(str, files), "--threshold", value])

    assert ended.value.code == 2


def test_the_command_offers_every_method():
    assert project._METHODS == METHODS
