"""Document JSONL: what is read, what is refused and where, and the round trip."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.data.catalogue import read_any
from ner_engine.data.jsonl import (
    document_row,
    parse_document,
    read_documents,
    write_documents,
)
from ner_engine.data.problems import Problem
from ner_engine.errors import BadInput, SpanOutOfRange
from ner_engine.types import Document, Span, Turn
from tests.ner_engine.strategies import LABELS, note_text, spans_within

ROW = {"id": "n1", "text": "Toma aspirina.", "language": "es"}


def write(tmp_path, *rows):
    path = tmp_path / "notes.jsonl"
    lines = [
        row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_read_documents_full_row_keeps_everything(tmp_path):
    row = {
        **ROW,
        "split": "dev",
        "group": "p1",
        "exhaustive_for": ["MEDICATION"],
        "turns": [{"speaker": "Médico", "start": 0, "end": 14}],
        "entities": [{"start": 5, "end": 13, "label": "MEDICATION", "confidence": 1}],
        "corpus": "demo",
    }
    assert list(read_documents(write(tmp_path, row))) == [
        Document(
            id="n1",
            text="Toma aspirina.",
            language="es",
            spans=(Span(5, 13, "MEDICATION"),),
            split="dev",
            group="p1",
            exhaustive_for=frozenset({"MEDICATION"}),
            turns=(Turn("Médico", "doctor", 0, 14),),
        )
    ]
    (document,) = read_documents(write(tmp_path, row))
    assert document.metadata == {"corpus": "demo"}
    assert document.spans is not None
    assert document.spans[0].confidence == 1.0


def test_read_documents_mapped_is_the_label_and_null_leaves_out(tmp_path):
    entities = [
        {"start": 5, "end": 13, "label": "Chemical", "mapped": "MEDICATION"},
        {"start": 0, "end": 4, "label": "Verb", "mapped": None},
        {"start": 0, "end": 4, "label": "FINDING"},
    ]
    path = write(tmp_path, {**ROW, "entities": entities})
    (document,) = read_documents(path)
    assert document.spans == (Span(5, 13, "MEDICATION"), Span(0, 4, "FINDING"))
    (document,) = read_documents(path, labels=["FINDING"])
    assert document.spans == (Span(0, 4, "FINDING"),)


def test_read_documents_without_entities_is_not_annotated(tmp_path):
    first, second = read_documents(
        write(tmp_path, ROW, {**ROW, "id": "n2", "entities": []})
    )
    assert first.spans is None
    assert first.exhaustive_for is None
    assert second.spans == ()


def test_read_documents_mark_blank_lines_and_line_separator(tmp_path):
    row = {**ROW, "text": "uno\u2028dos"}
    raw = b"\xef\xbb\xbf" + json.dumps(row, ensure_ascii=False).encode()
    (document,) = read_documents(write(tmp_path, raw, b"", b"  "))
    assert document.text == "uno\u2028dos"


def test_read_documents_language_may_be_given_for_rows_without(tmp_path):
    path = write(tmp_path, {"id": "n1", "text": "x"})
    assert [d.language for d in read_documents(path, language="fr")] == ["fr"]
    with pytest.raises(BadInput, match='"language" is missing'):
        list(read_documents(path))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"{not json", "not JSON at column 2"),
        (b'{"id": "n1",\n', "not JSON at column 13"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b"[" * 100_000, "not JSON that can be read"),
        (b'{"id": "a", "text": NaN}', "NaN is not JSON"),
        ([], "the row is a list, not an object"),
        ({**ROW, "id": None}, '"id" is null, not a string'),
        ({**ROW, "id": " "}, "the id is empty"),
        ({**ROW, "id": "a\nb"}, "control character"),
        ({**ROW, "id": "a" * 201}, "201 characters"),
        ({**ROW, "text": True}, '"text" is a boolean'),
        ({**ROW, "text": " \n"}, "the text is empty"),
        ({**ROW, "text": "a\0b"}, "NUL character at 1"),
        ({**ROW, "text": "ab\ud800"}, "lone surrogate at 2"),
        ({**ROW, "split": "valid"}, "none of train, dev, test"),
        ({**ROW, "exhaustive_for": "X"}, "a string, not a list"),
        ({**ROW, "exhaustive_for": [1]}, "not a string"),
        ({**ROW, "entities": {}}, "an object, not a list"),
        ({**ROW, "entities": [3]}, "entity 0 is a number"),
        ({**ROW, "entities": [{"start": 0, "end": 1}]}, "entity 0 has no label"),
        ({**ROW, "entities": [{"start": 0, "end": 1, "label": "A B"}]}, "blanks"),
        ({**ROW, "entities": [{"start": True, "end": 1, "label": "A"}]}, "whole"),
        ({**ROW, "entities": [{"start": 0, "end": 1.0, "label": "A"}]}, "whole"),
        ({**ROW, "entities": [{"start": 2, "end": 2, "label": "A"}]}, r"\[2, 2\)"),
        ({**ROW, "entities": [{"start": 0, "end": 99, "label": "A"}]}, r"\[0, 99\)"),
        (
            {
                **ROW,
                "entities": [{"start": 0, "end": 1, "label": "A", "confidence": 2}],
            },
            "outside",
        ),
        (
            {
                **ROW,
                "entities": [{"start": 0, "end": 1, "label": "A", "confidence": "1"}],
            },
            "not a number",
        ),
        ({**ROW, "turns": [1]}, "turn 0 is a number"),
        (
            {**ROW, "turns": [{"speaker": "D", "start": 0, "end": 99}]},
            "a turn lies outside",
        ),
    ],
)
def test_read_documents_bad_row_names_path_and_line(tmp_path, row, reason):
    path = write(tmp_path, ROW, row)
    with pytest.raises(BadInput, match=reason) as caught:
        list(read_documents(path))
    assert str(caught.value).startswith(f"{path}:2: ")
    assert "aspirina" not in str(caught.value)
    documents, problems = read_any(path, language="es")
    assert [document.id for document in documents] == ["n1"]
    assert [(problem.file, problem.line) for problem in problems] == [(str(path), 2)]


def test_read_documents_span_outside_keeps_its_type_and_fields(tmp_path):
    row = {**ROW, "entities": [{"start": 3, "end": 99, "label": "A"}]}
    with pytest.raises(SpanOutOfRange) as caught:
        list(read_documents(write(tmp_path, row)))
    assert (caught.value.document_id, caught.value.end_char, caught.value.line) == (
        "n1",
        99,
        1,
    )


def test_read_any_reports_every_bad_row(tmp_path):
    path = write(tmp_path, ROW, b"{", ROW, {**ROW, "id": "n2"}, [])
    documents, problems = read_any(path, language="es")
    assert [document.id for document in documents] == ["n1", "n2"]
    assert [problem.line for problem in problems] == [2, 3, 5]
    assert problems[1] == Problem(
        str(path), 3, "document id n1 comes twice, first on line 1"
    )
    assert str(problems[1]).startswith(f"{path}:3: document id n1")


def test_read_documents_missing_file_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        list(read_documents(tmp_path / "absent.jsonl"))


@given(st.data(), note_text)
def test_document_row_any_document_comes_back_equal(data, text):
    spans = data.draw(spans_within(len(text)))
    document = Document(
        id="a/b 1",
        text=text,
        language="fr",
        spans=data.draw(st.sampled_from([None, tuple(spans)])),
        split=data.draw(st.sampled_from([None, "train", "test"])),
        group=data.draw(st.sampled_from([None, "p"])),
        exhaustive_for=data.draw(st.sampled_from([None, frozenset(LABELS)])),
        turns=data.draw(st.sampled_from([(), (Turn("Ana", "other", 0, 1),)])),
        metadata={"title": "t"},
    )
    again = parse_document(json.loads(json.dumps(document_row(document))))
    assert again == document
    assert again.metadata == document.metadata


def test_write_documents_then_read_is_the_identity(tmp_path):
    documents = [
        Document("1", "día 👩‍⚕️\r\nfin", "es", (Span(4, 7, "X", 0.25),)),
        Document("2", "b", "es"),
    ]
    path = tmp_path / "out.jsonl"
    assert write_documents(path, documents) == 2
    again = list(read_documents(path))
    assert again == documents
    assert again[0].spans is not None
    assert again[0].spans[0].confidence == 0.25
