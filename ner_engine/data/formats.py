"""The formats that are known: the one place where a new one is entered."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from ner_engine.data import brat
from ner_engine.data.archive import ArchiveFile
from ner_engine.data.conll import conll_outcomes, conll_text
from ner_engine.data.csv_files import CSV_HEAD, csv_outcomes, csv_row
from ner_engine.data.jsonl import document_row, stream_outcomes
from ner_engine.data.problems import Outcome
from ner_engine.data.registry import Format, Loss, Reader, ReadOptions, Writer, Written
from ner_engine.data.schemes import Scheme
from ner_engine.data.subrip import subrip_document
from ner_engine.data.text_files import file_stems, text_document
from ner_engine.data.textgrid import group_textgrids, textgrid_document
from ner_engine.errors import BadInput
from ner_engine.tagging import OverlapPolicy
from ner_engine.text.dialogue import parse_turns
from ner_engine.text.tokens import tokenize
from ner_engine.types import Document


def _read_jsonl(
    files: Sequence[ArchiveFile], options: ReadOptions
) -> Iterator[Outcome]:
    lines = (line + b"\n" for line in files[0].data.split(b"\n"))
    return stream_outcomes(lines, labels=options.labels, language=options.language)


def _write_jsonl(documents: Sequence[Document], policy: OverlapPolicy) -> Written:
    rows = (json.dumps(document_row(row), ensure_ascii=False) for row in documents)
    return _one_file("".join(f"{row}\n" for row in rows))


def _conll_reader(scheme: Scheme | None) -> Reader:
    def read(files: Sequence[ArchiveFile], options: ReadOptions) -> Iterator[Outcome]:
        stem = PurePosixPath(files[0].name).stem
        outcomes = conll_outcomes(
            files[0].data, stem, language=options.language, scheme=scheme
        )
        for line, value in outcomes:
            if isinstance(value, Document) and options.labels is not None:
                yield Outcome(line, brat.keep_labels(value, options.labels))
            else:
                yield Outcome(line, value)

    return read


def _conll_writer(scheme: Scheme) -> Writer:
    def write(documents: Sequence[Document], policy: OverlapPolicy) -> Written:
        pairs = [(row, tokenize(row.text, row.language)) for row in documents]
        text, lost = conll_text(pairs, policy=policy, scheme=scheme)
        by_id = {row.id: row for row in documents}
        losses = [
            Loss.of(by_id[row.document_id], row.loss.span, row.loss.reason)
            for row in lost
        ]
        return _one_file(text, [*losses, *_parted(documents)])

    return write


def _read_brat(files: Sequence[ArchiveFile], options: ReadOptions) -> Iterator[Outcome]:
    by_suffix = {PurePosixPath(file.name).suffix.lower(): file for file in files}
    if ".txt" not in by_suffix:
        raise BadInput("no .txt of this name lies beside it", path=files[0].name)
    document = brat.brat_document(
        by_suffix[".txt"],
        by_suffix.get(".ann"),
        language=options.language,
        encoding=options.encoding,
    )
    if options.labels is not None:
        document = brat.keep_labels(document, options.labels)
    yield Outcome(None, replace(document, turns=parse_turns(document.text)))


def _group_brat(names: Sequence[str]) -> Iterable[tuple[str, ...]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(str(PurePosixPath(name).with_suffix("")), []).append(name)
    return [tuple(group) for group in groups.values()]


def _write_brat(documents: Sequence[Document], policy: OverlapPolicy) -> Written:
    written = brat.brat_files(documents)
    losses = [
        Loss.of(document, span, "renamed")
        for document in documents
        for span in document.spans or ()
        if span.label in written.renamed
    ]
    return Written(written.files, tuple(losses))


def _read_text(files: Sequence[ArchiveFile], options: ReadOptions) -> Iterator[Outcome]:
    document = text_document(
        files[0].data,
        _id_of(files[0]),
        language=options.language,
        encoding=options.encoding,
    )
    yield Outcome(None, replace(document, turns=parse_turns(document.text)))


def _write_text(documents: Sequence[Document], policy: OverlapPolicy) -> Written:
    files = tuple(
        ArchiveFile(f"{stem}.txt", row.text.encode())
        for stem, row in file_stems(documents)
    )
    return Written(files, _all_spans(documents))


def _read_csv(files: Sequence[ArchiveFile], options: ReadOptions) -> Iterator[Outcome]:
    stem = PurePosixPath(files[0].name).stem
    outcomes = csv_outcomes(
        files[0].data, stem, language=options.language, encoding=options.encoding
    )
    for line, value in outcomes:
        if isinstance(value, Document):
            yield Outcome(line, replace(value, turns=parse_turns(value.text)))
        else:
            yield Outcome(line, value)


def _write_csv(documents: Sequence[Document], policy: OverlapPolicy) -> Written:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(CSV_HEAD)
    writer.writerows(csv_row(document) for document in documents)
    return _one_file(out.getvalue(), _all_spans(documents))


def _read_subrip(
    files: Sequence[ArchiveFile], options: ReadOptions
) -> Iterator[Outcome]:
    document = subrip_document(
        files[0].data,
        _id_of(files[0]),
        language=options.language,
        encoding=options.encoding,
    )
    yield Outcome(None, document)


def _read_textgrid(
    files: Sequence[ArchiveFile], options: ReadOptions
) -> Iterator[Outcome]:
    (stem,) = group_textgrids([file.name for file in files])
    document_id = stem if len(files) > 1 else _id_of(files[0])
    document = textgrid_document(
        list(files), document_id, language=options.language, encoding=options.encoding
    )
    yield Outcome(None, document)


def _group_textgrid(names: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return [tuple(group) for group in group_textgrids(names).values()]


def _one_file(text: str, losses: Iterable[Loss] = ()) -> Written:
    return Written((ArchiveFile("", text.encode()),), tuple(losses))


def _all_spans(documents: Sequence[Document]) -> tuple[Loss, ...]:
    return (
        *(
            Loss.of(row, span, "format")
            for row in documents
            for span in row.spans or ()
        ),
        *_parted(documents),
    )


def _parted(documents: Sequence[Document]) -> Iterator[Loss]:
    """Report mentions in several pieces, which only brat and JSONL hold."""
    for document in documents:
        for start, end, label in brat.parted_mentions(document):
            yield Loss(document.id, start, end, label, "discontinuous")


def _id_of(file: ArchiveFile) -> str:
    """Name a document by its path, which tells notes of one name apart."""
    return str(PurePosixPath(file.name).with_suffix(""))


_CONLL_LOSSES = ("white space", "overlapping spans", "confidences", "turns", "splits")
_SCHEME_SUFFIXES: dict[Scheme, tuple[str, ...]] = {
    "iob1": (".iob1",),
    "ioe2": (".ioe", ".ioe2"),
    "iobes": (".iobes", ".bioes"),
    "bilou": (".bilou",),
}

REGISTRY: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("jsonl", (".jsonl", ".ndjson"), _read_jsonl, _write_jsonl),
        Format(
            "conll",
            (".conll", ".iob", ".iob2", ".bio"),
            _conll_reader(None),
            _conll_writer("iob2"),
            losses=_CONLL_LOSSES,
        ),
        *(
            Format(
                f"conll-{scheme}",
                suffixes,
                _conll_reader(scheme),
                _conll_writer(scheme),
                losses=_CONLL_LOSSES,
            )
            for scheme, suffixes in _SCHEME_SUFFIXES.items()
        ),
        Format(
            "brat",
            (".ann",),
            _read_brat,
            _write_brat,
            group=_group_brat,
            is_folder=True,
            losses=("confidences", "turns", "splits"),
        ),
        Format(
            "txt",
            (".txt", ".text"),
            _read_text,
            _write_text,
            is_folder=True,
            losses=("spans", "turns", "splits"),
        ),
        Format(
            "csv", (".csv", ".tsv"), _read_csv, _write_csv, losses=("spans", "turns")
        ),
        Format("srt", (".srt",), _read_subrip),
        Format("textgrid", (".textgrid",), _read_textgrid, group=_group_textgrid),
    )
}

SUFFIXES = {
    suffix: entry.name for entry in REGISTRY.values() for suffix in entry.suffixes
}
FORMATS = tuple(REGISTRY)
WRITABLE = tuple(name for name, entry in REGISTRY.items() if entry.write is not None)
