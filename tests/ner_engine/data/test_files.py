"""Text and CSV files: encodings, columns, line numbers."""

from __future__ import annotations

import csv

import pytest

from ner_engine.data.catalogue import read_any
from ner_engine.data.formats import REGISTRY
from ner_engine.data.text_files import decode_text
from ner_engine.errors import BadInput
from ner_engine.types import Document

TEXT = "Niega náuseas.\r\nDolor ≥ 3 días.\rFin"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), None),
        (TEXT.encode("utf-8-sig"), None),
        (TEXT.encode("utf-16"), None),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), None),
        (TEXT.encode("utf-8-sig"), "utf-8"),
    ],
)
def test_decode_text_known_encodings_keep_line_ends(data, encoding):
    assert decode_text(data, encoding=encoding) == TEXT


def test_decode_text_windows_file_is_refused_until_named():
    data = "náuseas".encode("cp1252")
    with pytest.raises(BadInput, match=r"not utf-8 at byte 1.*cp1252"):
        decode_text(data)
    assert decode_text(data, encoding="cp1252") == "náuseas"


def test_decode_text_unknown_encoding_is_refused():
    with pytest.raises(BadInput, match="none of utf-8"):
        decode_text(b"a", encoding="rot13")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the text is empty"),
        (b"a\0b", "NUL character at 1"),
        ("ab".encode("utf-32"), "NUL character"),
        (b"\xff\xfea", "not utf-16 at byte"),
    ],
)
def test_a_text_file_refused_text_names_the_file(tmp_path, data, reason):
    path = tmp_path / "nota.txt"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=reason) as caught:
        read_any(path, language="es")
    assert str(caught.value).startswith(str(path))


def test_a_text_file_is_named_by_its_stem(tmp_path):
    path = tmp_path / "alta 3.txt"
    path.write_bytes(TEXT.encode())
    assert read_any(path, language="es").documents == (Document("alta 3", TEXT, "es"),)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_file_finds_the_delimiter_and_the_columns(tmp_path, delimiter):
    path = tmp_path / "notas.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as out:
        writer = csv.writer(out, delimiter=delimiter)
        writer.writerow(["ID", "Text", "group", "language", "split", "servicio"])
        writer.writerow(["a", "uno; dos, tres\ncuatro", "p1", "fr", "test", "UCI"])
        writer.writerow(["", "cinco\tseis", "", "", "", ""])
    documents, problems = read_any(path, language="es")
    assert problems == ()
    assert documents == (
        Document("a", "uno; dos, tres\ncuatro", "fr", split="test", group="p1"),
        Document("notas-2", "cinco\tseis", "es"),
    )
    assert documents[0].metadata == {"servicio": "UCI"}


def test_a_csv_file_bad_rows_are_reported_with_their_line(tmp_path):
    path = tmp_path / "notas.csv"
    path.write_text(
        'id,text,split\na,"uno\ndos",\nb,,\na,tres,\nc,cuatro,foo\nd,x,,extra\ne,ok,dev\n'
    )
    documents, problems = read_any(path, language="es")
    assert [document.id for document in documents] == ["a", "e"]
    assert [(problem.line, problem.reason) for problem in problems] == [
        (4, "the text is empty"),
        (5, "document id a comes twice, first on line 2"),
        (6, "the split is none of train, dev, test"),
        (7, "4 cells under 3 columns"),
    ]


def test_a_csv_file_broken_quote_ends_the_reading(tmp_path):
    path = tmp_path / "notas.csv"
    path.write_text('id,text\na,uno\nb,"dos" x\nc,tres\n')
    documents, problems = read_any(path, language="es")
    assert [document.id for document in documents] == ["a"]
    assert [problem.line for problem in problems] == [3]


@pytest.mark.parametrize("content", ["", "id,nota\na,b\n", "\n\n"])
def test_a_csv_file_without_a_text_column_is_refused(tmp_path, content):
    path = tmp_path / "notas.csv"
    path.write_text(content)
    with pytest.raises(BadInput, match='no column "text"'):
        read_any(path, language="es")


def test_a_csv_file_cell_longer_than_the_module_s_limit(tmp_path):
    path = tmp_path / "notas.csv"
    path.write_text("text\n" + "a" * 200_000 + "\n")
    documents, problems = read_any(path, language="es")
    assert [len(document.text) for document in documents] == [200_000]
    assert problems == ()


def test_write_csv_then_read_keeps_texts(tmp_path):
    documents = (
        Document("1", 'a "b"\r\n;c', "es", split="dev", group="p"),
        Document("2", "d", "fr"),
    )
    path = tmp_path / "out.csv"
    written = REGISTRY["csv"].write(documents, "longest")
    path.write_bytes(written.files[0].data)
    assert read_any(path, language="en").documents == documents
