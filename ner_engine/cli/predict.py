"""``predict``: mark spans in a file of documents."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO

from ner_engine.cli.common import (
    DONE,
    ParentWatch,
    Progress,
    add_engine_arguments,
    emit_event,
    name_pairs,
    positive,
    print_error,
    watch_parent,
    write_result,
)
from ner_engine.data.jsonl import document_row, read_documents, stream_outcomes
from ner_engine.data.problems import raise_first
from ner_engine.types import Document

NAME = "predict"
HELP = "Mark spans in documents; IN and OUT may be -."

# About ten seconds of work for one process: starting others takes two or three.
_MANY_CHARS = 300_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "bundle",
        type=Path,
        metavar="BUNDLE",
        help="or the folder of a spaCy pipeline or a Hugging Face token classifier",
    )
    parser.add_argument("input", metavar="IN", help="JSONL, or - for standard input")
    parser.add_argument("output", metavar="OUT", help="JSONL, or - for standard output")
    parser.add_argument("--split", help="mark the documents of this split only")
    parser.add_argument("--batch-pieces", type=positive, default=4096)
    parser.add_argument("--threads", type=positive, help="threads to compute with")
    parser.add_argument(
        "--label-map",
        type=name_pairs,
        metavar="THEIRS=OURS,...",
        help="rename labels; those that it does not name are left out",
    )
    parser.add_argument(
        "--processes",
        type=positive,
        metavar="N",
        help="single-threaded processes; default: one a core for many notes, else one",
    )
    add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Predict; documents stream through in order."""
    if args.events and "-" in (args.input, args.output):
        print_error("--events needs standard input and output for itself")
        return 2
    watch = watch_parent(args)

    from ner_engine.bundle import (  # noqa: PLC0415 - not light
        digest,
        is_bundle,
        verify_bundle,
    )

    progress = Progress(is_wanted=not args.events)
    documents = _read(args.input, args.split)
    if args.label_map is not None or not is_bundle(args.bundle):
        from ner_engine.systems import load_system  # noqa: PLC0415 - not always

        system = load_system(
            args.bundle, threads=args.threads, label_map=args.label_map
        )
        found, marked = system.digest, system.predict(documents)
    else:
        if args.processes not in (None, 1):
            verify_bundle(args.bundle)  # one error here, not one a process
        found, marked = digest(args.bundle), _predict(args, documents)
    n_documents, n_spans = _write(args.output, marked, watch, progress)
    progress.close()
    result = {
        "event": "done",
        "digest": found,
        "documents": n_documents,
        "spans": n_spans,
    }
    write_result(args, result)
    if args.events:
        emit_event(result)
    return DONE


def _predict(
    args: argparse.Namespace, documents: Iterator[Document]
) -> Iterator[Document]:
    processes = args.processes
    if processes is None:
        processes, documents = _choose_processes(documents, args.threads)
    if processes > 1:
        from ner_engine.bulk import predict_in_processes  # noqa: PLC0415 - not always

        options = ["--engine", args.engine]
        if args.cache is not None:
            options += ["--cache", str(args.cache)]
        return predict_in_processes(
            args.bundle, documents, processes=processes, options=options
        )

    from ner_engine.inference import Predictor  # noqa: PLC0415 - slow import

    predictor = Predictor.load(
        args.bundle, threads=args.threads, engine=args.engine, cache=args.cache
    )
    return predictor.predict(documents, batch_pieces=args.batch_pieces)


def _choose_processes(
    documents: Iterator[Document], threads: int | None
) -> tuple[int, Iterator[Document]]:
    """Read ahead as far as it takes to know whether more processes are worth it."""
    if threads is not None:
        return 1, documents
    ahead: list[Document] = []
    n_chars = 0
    for document in documents:
        ahead.append(document)
        n_chars += len(document.text)
        if n_chars >= _MANY_CHARS:
            return len(os.sched_getaffinity(0)), chain(ahead, documents)
    return 1, iter(ahead)


def _read(name: str, split: str | None) -> Iterator[Document]:
    if name == "-":
        outcomes = stream_outcomes(sys.stdin.buffer)
        documents = raise_first(outcomes, "standard input")
    else:
        documents = read_documents(Path(name))
    for document in documents:
        if split is None or document.split in (None, split):
            yield document


def _write(
    name: str,
    documents: Iterable[Document],
    watch: ParentWatch | None,
    progress: Progress,
) -> tuple[int, int]:
    """Write rows as they come; a file appears under its name only when complete."""
    if name == "-":
        return _write_rows(sys.stdout, documents, watch, progress)
    target = Path(name)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as out:
            counts = _write_rows(out, documents, watch, progress)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return counts


def _write_rows(
    out: IO[str],
    documents: Iterable[Document],
    watch: ParentWatch | None,
    progress: Progress,
) -> tuple[int, int]:
    n_documents = n_spans = 0
    for document in documents:
        print(json.dumps(document_row(document), ensure_ascii=False), file=out)
        n_documents += 1
        n_spans += len(document.spans or ())
        progress.show(f"{n_documents} documents, {n_spans} spans")
        if watch is not None:
            watch.check()
    return n_documents, n_spans
