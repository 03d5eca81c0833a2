"""One door to every format, and splits by group."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.data.catalogue import format_of, read_any
from ner_engine.data.problems import Problem
from ner_engine.data.splits import assign_split
from ner_engine.errors import BadInput
from ner_engine.types import Document, Span, Turn

ROW = json.dumps(
    {
        "id": "r1",
        "text": "uno dos",
        "entities": [
            {"start": 0, "end": 3, "label": "X"},
            {"start": 4, "end": 7, "label": "Y"},
        ],
    }
)
DIALOGUE = "Doctor: Hola\nPaciente: Buenas"
TURNS = (Turn("Doctor", "doctor", 8, 12), Turn("Paciente", "patient", 23, 29))


def test_read_any_picks_the_reader_by_suffix(tmp_path):
    (tmp_path / "a.jsonl").write_text(ROW)
    (tmp_path / "b.TXT").write_text(DIALOGUE)
    (tmp_path / "c.csv").write_text(f'text\n"{DIALOGUE}"\n')
    (tmp_path / "d.conll").write_text("w\tB-X\nv\tB-Y\n")
    spans = (Span(0, 3, "X"), Span(4, 7, "Y"))
    expected = {
        "a.jsonl": Document("r1", "uno dos", "es", spans),
        "b.TXT": Document("b", DIALOGUE, "es", turns=TURNS),
        "c.csv": Document("c-1", DIALOGUE, "es", turns=TURNS),
        "d.conll": Document("d-1", "w v", "es", (Span(0, 1, "X"), Span(2, 3, "Y"))),
    }
    for name, document in expected.items():
        assert read_any(tmp_path / name, language="es") == ((document,), ())
    together = read_any(tmp_path, language="es")
    assert together == (tuple(expected.values()), ())


def test_read_any_labels_keeps_their_spans(tmp_path):
    (tmp_path / "a.jsonl").write_text(ROW)
    (tmp_path / "d.conll").write_text("w\tB-X\nv\tB-Y\n")
    found = read_any(tmp_path, language="es", labels=["Y"]).documents
    assert [document.spans for document in found] == [
        (Span(4, 7, "Y"),),
        (Span(2, 3, "Y"),),
    ]


def test_read_any_format_named_overrides_the_suffix(tmp_path):
    path = tmp_path / "notes.data"
    path.write_text(ROW)
    assert read_any(path, language="es", format="jsonl").documents[0].id == "r1"
    with pytest.raises(BadInput, match="name the format"):
        read_any(path, language="es")
    with pytest.raises(BadInput, match="the format is none of"):
        read_any(path, language="es", format="docx")


def test_read_any_archive_gathers_problems_by_file(tmp_path):
    path = tmp_path / "notes.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jsonl", ROW + "\n{\n")
        archive.writestr("b.jsonl", ROW)
        archive.writestr("c.docx", "x")
        archive.writestr("d.csv", "nota\nx\n")
        archive.writestr("e/f.txt", DIALOGUE)
        archive.writestr("g/f.txt", "á".encode("cp1252"))
    documents, problems = read_any(path, language="es")
    assert [document.id for document in documents] == ["r1", "e/f"]
    assert [(problem.file, problem.line) for problem in problems] == [
        ("a.jsonl", 2),
        ("b.jsonl", None),
        ("c.docx", None),
        ("d.csv", 1),
        ("g/f.txt", None),
    ]
    assert problems[1] == Problem(
        "b.jsonl", None, "document id r1 comes in another file too"
    )
    documents, problems = read_any(path, language="es", encoding="cp1252")
    assert "g/f" in [document.id for document in documents]


def test_read_any_file_that_cannot_be_read_names_it(tmp_path):
    for name in ("absent.jsonl", "absent.zip"):
        with pytest.raises(BadInput, match="cannot be read") as caught:
            read_any(tmp_path / name, language="es")
        assert str(caught.value).startswith(str(tmp_path / name))
    (tmp_path / "a.csv").write_text("x\ny\n")
    with pytest.raises(BadInput, match=r"a\.csv:1: the header"):
        read_any(tmp_path / "a.csv", language="es")


def test_format_of_unknown_suffix_is_none():
    assert [format_of(name) for name in ("x.IOB2", "x.docx", "x")] == [
        "conll",
        None,
        None,
    ]


def test_assign_split_shares_come_out_and_seed_matters():
    keys = [f"p{number}" for number in range(4_000)]
    counts = Counter(assign_split(key, 0) for key in keys)
    # standard deviation of a share of 0.7 over 4,000 draws: 0.007
    assert abs(counts["train"] / 4_000 - 0.7) < 0.03
    assert abs(counts["dev"] / 4_000 - 0.1) < 0.02
    assert abs(counts["test"] / 4_000 - 0.2) < 0.03
    assert [assign_split(key, 0) for key in keys] != [
        assign_split(key, 1) for key in keys
    ]


@given(st.text(max_size=20), st.integers(0, 2**31))
def test_assign_split_is_fixed_and_only_uses_named_splits(key, seed):
    fractions = {"train": 0.5, "test": 0.5}
    split = assign_split(key, seed, fractions)
    assert split in fractions
    assert assign_split(key, seed, fractions) == split
    assert assign_split(key, seed, {"dev": 1.0}) == "dev"


@pytest.mark.parametrize(
    "fractions", [{}, {"train": 0.5}, {"train": 1.5, "dev": -0.5}, {"valid": 1.0}]
)
def test_assign_split_bad_fractions_are_refused(fractions):
    with pytest.raises(ValueError, match=r"splits|shares"):
        assign_split("p", 0, fractions)


broken_bytes = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from(
            [b"text", b"id", b",", b";", b"\t", b"\n", b'"', b"# id = a", b"B-X", b"O",
             b"{", b"}", b"[", b'"id"', b":", b"null", b"\xff\xfe", b"\0", b"\r", b" ",
             b"PK\x03\x04", b"-DOCSTART-", b"Doctor:", b"1e999", b"\xed\xa0\x80"]
        ),
        max_size=20,
    ).map(b"".join),
)  # fmt: skip


@given(broken_bytes, st.sampled_from(["a.jsonl", "a.txt", "a.csv", "a.conll", "a.zip"]))
def test_read_any_broken_file_gives_documents_problems_or_bad_input(data, name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        refused = ""
        documents, problems = (), ()
        try:
            documents, problems = read_any(path, language="es")
        except BadInput as error:
            refused = str(error)
    assert not refused or refused.startswith(str(path))
    assert all(document.text.strip() for document in documents)
    assert all(problem.reason for problem in problems)
