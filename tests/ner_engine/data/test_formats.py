"""The registry: every format is whole, and folders of brat are read as pairs."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from ner_engine.cli.main import main
from ner_engine.data.archive import ArchiveFile
from ner_engine.data.catalogue import read_any
from ner_engine.data.formats import REGISTRY, SUFFIXES, WRITABLE
from ner_engine.data.registry import ReadOptions
from ner_engine.types import Document, Span

TEXT = "Toma aspirina 500mg c/8h por fiebre."
DOCUMENT = Document(
    "n1", TEXT, "es", (Span(5, 13, "MEDICATION"), Span(29, 35, "FINDING"))
)


def test_suffixes_belong_to_one_format_each():
    listed = [suffix for entry in REGISTRY.values() for suffix in entry.suffixes]
    assert len(listed) == len(set(listed)) == len(SUFFIXES)
    assert {"jsonl", "conll", "conll-iobes", "brat", "txt", "csv"} <= set(WRITABLE)


@pytest.mark.parametrize("name", WRITABLE)
def test_every_format_reads_back_what_it_writes(name):
    entry = REGISTRY[name]
    written = entry.write([DOCUMENT], "longest")
    files = list(written.files)
    if not entry.is_folder:
        files = [ArchiveFile(f"n1{entry.suffixes[0]}", files[0].data)]
    (outcome,) = entry.read(files, ReadOptions("es"))
    again = outcome.value
    assert isinstance(again, Document), again
    assert again.text.replace(" ", "") == TEXT.replace(" ", "")
    if "spans" in entry.losses:
        assert again.spans is None
        assert [loss.reason for loss in written.losses] == ["format", "format"]
    else:
        assert [s.mention(again.text) for s in again.spans] == ["aspirina", "fiebre"]
        assert written.losses == ()


def write_brat(folder):
    folder.mkdir()
    (folder / "a.txt").write_text(TEXT)
    (folder / "a.ann").write_text(
        "T1\tMEDICATION 5 13\taspirina\nT2\tX 5 13;29 35\taspirina fiebre\n"
    )
    (folder / "b.txt").write_text("Sin cambios.")
    (folder / "b.ann").write_text("T1\tMEDICATION 0 99\tSin\n")
    (folder / "c.ann").write_text("")
    (folder / "d.txt").write_text("Nadie la ha leído.")
    (folder / "annotation.conf").write_text("[entities]\nMEDICATION\n")
    return folder


@pytest.mark.parametrize("named", [None, "brat"])
def test_read_any_folder_of_brat_pairs_files_and_tells_what_is_wrong(tmp_path, named):
    found = read_any(write_brat(tmp_path / "notes"), language="es", format=named)
    by_id = {document.id: document for document in found.documents}
    assert sorted(by_id) == ["a", "d"]
    assert by_id["a"].spans == (Span(5, 13, "MEDICATION"),)
    assert by_id["a"].metadata["discontinuous"][0]["fragments"] == [[5, 13], [29, 35]]
    assert by_id["d"].spans is None
    assert sorted(map(str, found.problems)) == [
        "b.ann:1: annotation T1: [0, 99) is empty or outside a text of 12 characters",
        "c.ann: no .txt of this name lies beside it",
    ]


def test_read_any_brat_in_a_zip_and_alone(tmp_path):
    folder = write_brat(tmp_path / "notes")
    archive = tmp_path / "notes.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted(folder.iterdir(), reverse=True):
            out.write(path, path.name)
    zipped = read_any(archive, language="es")
    assert sorted(row.id for row in zipped.documents) == ["a", "d"]
    (alone,) = read_any(folder / "a.ann", language="es", labels=["X"]).documents
    assert alone.spans == ()
    assert len(alone.metadata["discontinuous"]) == 1


def test_convert_to_brat_and_back_tells_of_pieces_and_names(tmp_path, capsys):
    folder = write_brat(tmp_path / "notes")
    (folder / "b.ann").unlink()
    (folder / "c.ann").unlink()
    rows, out = tmp_path / "rows.jsonl", tmp_path / "again.zip"
    assert main(["convert", str(folder), str(rows), "--language", "es"]) == 0
    assert "1 mentions in several pieces" in capsys.readouterr().err
    assert main(["convert", str(rows), str(out), "--to", "brat"]) == 0
    again = read_any(out, language="es")
    by_id = {row.id: row for row in again.documents}
    assert sorted(by_id) == ["a", "b", "d"]
    first = read_any(folder / "a.ann", language="es").documents[0]
    assert by_id["a"].metadata == first.metadata
    conll = tmp_path / "out.iobes"
    assert main(["convert", str(rows), str(conll)]) == 0
    assert "aspirina\tS-MEDICATION\n" in conll.read_text()
    assert "1 spans" in capsys.readouterr().err  # the mention in pieces is named


@pytest.mark.corpora
@pytest.mark.parametrize(
    ("name", "language", "suffix"),
    [
        ("brat-es", "es", None),
        ("brat-fr", "fr", None),
        ("brat-en", "en", None),
        ("iob-en", "en", "conll"),
        ("conll-nested-es", "es", "conll"),
    ],
)
def test_real_files_are_read_whole(name, language, suffix):
    corpora = os.environ.get("GLOSA_CORPORA")
    folder = Path(corpora or "").parent / "formats" / name
    if not corpora or not folder.is_dir():
        pytest.skip("GLOSA_CORPORA is not set, or no formats lie beside it")
    found = read_any(folder, language=language, format=suffix)
    assert found.problems == ()
    assert sum(len(row.spans) for row in found.documents) > 5
