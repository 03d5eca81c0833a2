"""brat: pieces, line breaks, what is left out, and where a bad line stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.data.archive import ArchiveFile
from ner_engine.data.brat import brat_document, brat_files, pair_files
from ner_engine.data.jsonl import document_row, parse_document
from ner_engine.errors import BadInput
from ner_engine.types import Document, Span
from tests.ner_engine.strategies import note_text, spans_within

TEXT = "Dolor torácico y\nabdominal. Toma aspirina."


def read(annotations, text=TEXT):
    return brat_document(
        ArchiveFile("notes/n1.txt", text.encode()),
        None
        if annotations is None
        else ArchiveFile("notes/n1.ann", annotations.encode()),
        language="es",
    )


def test_brat_document_spans_pieces_and_the_rest():
    found = read(
        "T1\tFINDING 0 14\tDolor torácico\n"
        "T2\tFINDING 0 5;17 26\tDolor abdominal\n"
        "T3\tFINDING 17 26;6 16\tabdominal torácico y\n"
        "T4\tMEDICATION 33 41\taspirina\r\n"
        "A1\tNegated T1\nR1\tTreats Arg1:T4 Arg2:T1\t\n#1\tAnnotatorNotes T1\tsure\n"
        "*\tEquiv T1 T2\nN1\tReference T4 RxNorm:1191\taspirin\n\n"
    )
    assert found.id == "notes/n1"
    # a line break cut T3 in two, marked from the end: it is one mention
    assert found.spans == (
        Span(0, 14, "FINDING"),
        Span(6, 26, "FINDING"),
        Span(33, 41, "MEDICATION"),
    )
    assert found.metadata == {
        "discontinuous": [{"label": "FINDING", "fragments": [[0, 5], [17, 26]]}],
        "brat": {"attributes": 1, "normalisations": 1, "notes": 1, "relations": 2},
    }


def test_brat_text_without_annotations_was_never_annotated():
    assert read(None).spans is None
    assert read("").spans == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("T1\tFINDING 0 5\tDolores", "annotation T1: the text there is another"),
        ("T1\tFINDING 0 99\tDolor", "annotation T1: [0, 99) is empty or outside"),
        ("T1\tFINDING 5 5\t", "annotation T1: [5, 5) is empty"),
        ("T1\tFINDING 0 5;2 4\tDolor lo", "annotation T1: its pieces overlap"),
        ("T1 FINDING 0 5 Dolor", "not a line of brat's form"),
        ("Dolor", "not a line of brat's form"),
        ("T0\tFINDING 0 5\tDolor", "annotation T0 comes twice"),
    ],
)
def test_brat_bad_line_names_file_and_line_and_no_text(line, reason):
    with pytest.raises(BadInput) as caught:
        read(f"T0\tFINDING 0 5\tDolor\n\n{line}\n")
    assert str(caught.value).startswith(f"notes/n1.ann:3: {reason}")
    assert "Dolor" not in str(caught.value)


def test_brat_files_of_crlf_and_emoji_keep_offsets():
    text = "👩‍⚕️ vio\r\nfiebre alta\r\nayer"
    start = text.index("fiebre")
    document = Document("n 1", text, "es", (Span(start, start + 11, "A B"),))
    written = brat_files([document])
    assert [file.name for file in written.files] == ["n_1.txt", "n_1.ann"]
    assert written.renamed == {"A B": "A_B"}
    (again,) = [
        brat_document(*pair, language="es")
        for pair in pair_files({file.name: file for file in written.files})
    ]
    assert (again.text, again.spans) == (text, (Span(start, start + 11, "A_B"),))


def test_brat_files_labels_that_would_share_a_name_are_refused():
    document = Document("a", TEXT, "es", (Span(0, 1, "A B"), Span(2, 3, "A_B")))
    with pytest.raises(BadInput, match="share a name"):
        brat_files([document])


def test_brat_text_that_begins_like_a_byte_order_mark_comes_back_whole():
    document = Document("a", "\ufefftos", "es", (Span(1, 4, "FINDING"),))
    files = {file.name: file for file in brat_files([document]).files}
    again = brat_document(files["a.txt"], files["a.ann"], language="es")
    assert (again.text, again.spans) == (document.text, document.spans)


@st.composite
def documents(draw):
    text = draw(note_text)
    spans = [
        span for span in draw(spans_within(len(text))) if span.mention(text).strip()
    ]
    return Document("d", text, "es", tuple(sorted(set(spans))))


@given(documents())
def test_brat_there_and_back_keeps_every_span_to_its_letters(document):
    files = {file.name: file for file in brat_files([document]).files}
    again = brat_document(files["d.txt"], files["d.ann"], language="es")
    assert again.text == document.text
    assert again.metadata == {}

    def letters(row):
        # a line break at the edge of a mention has no place in brat
        return {
            (s.label, *(i for i in range(s.start_char, s.end_char)
                        if not row.text[i].isspace()))
            for s in row.spans
        }  # fmt: skip

    assert letters(again) == letters(document)


def test_brat_pieces_go_through_jsonl_and_back():
    found = read("T1\tFINDING 0 5;17 26\tDolor abdominal\n")
    through = parse_document(document_row(found))
    files = {file.name: file for file in brat_files([through]).files}
    assert files["notes_n1.ann"].data == b"T1\tFINDING 0 5;17 26\tDolor abdominal\n"


@pytest.mark.corpora
@pytest.mark.parametrize("name", ["brat-es", "brat-fr", "brat-en"])
def test_brat_real_files_there_and_back(name):
    corpora = os.environ.get("GLOSA_CORPORA")
    folder = Path(corpora or "").parent / "formats" / name
    if not corpora or not folder.is_dir():
        pytest.skip("GLOSA_CORPORA is not set, or no formats lie beside it")
    files = {
        path.name: ArchiveFile(path.name, path.read_bytes())
        for path in folder.iterdir()
        if path.suffix in {".txt", ".ann"}
    }
    n_bound = n_read = 0
    for text_file, ann_file in pair_files(files):
        document = brat_document(text_file, ann_file, language=name[-2:])
        parted = document.metadata.get("discontinuous", ())
        rows = ann_file.data.decode().splitlines()
        bound = {tuple(row.split("\t")[1:2]) for row in rows if row.startswith("T")}
        n_bound += len(bound)
        # of equal annotations one is kept; pieces may join to an equal mention
        n_read += len(document.spans) + len(parted)
        again = {file.name: file for file in brat_files([document]).files}
        back = brat_document(*next(pair_files(again)), language=name[-2:])
        assert back.spans == document.spans
        assert back.metadata.get("discontinuous", ()) == parted
    assert n_read == n_bound > 0
