"""``convert``: read notes of one format and write them in another."""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ner_engine.cli.common import (
    BAD_USAGE,
    DONE,
    FAILED,
    emit_event,
    print_error,
    split_names,
    watch_parent,
    write_result,
)
from ner_engine.data.brat import parted_mentions
from ner_engine.data.catalogue import FORMATS, WRITABLE, format_of, read_any
from ner_engine.data.formats import REGISTRY
from ner_engine.data.registry import Loss
from ner_engine.data.text_files import ENCODINGS
from ner_engine.errors import BadInput
from ner_engine.tagging import OverlapPolicy
from ner_engine.types import Document

NAME = "convert"
HELP = (
    "Convert notes between JSONL, CoNLL, brat, text and CSV; IN may be a folder or zip."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("input", type=Path, metavar="IN")
    parser.add_argument(
        "output",
        type=Path,
        metavar="OUT",
        help="a file; for brat and txt a folder, or a zip",
    )
    parser.add_argument(
        "--from", dest="source", choices=FORMATS, help="default: by the suffix of IN"
    )
    parser.add_argument(
        "--to", dest="target", choices=WRITABLE, help="default: by the suffix of OUT"
    )
    parser.add_argument(
        "--language",
        help="of documents that do not say theirs; only JSONL and CSV can say it",
    )
    parser.add_argument(
        "--encoding", choices=ENCODINGS, help="of text and CSV files (default: UTF-8)"
    )
    parser.add_argument(
        "--labels", type=split_names, metavar="A,B", help="keep these labels only"
    )
    parser.add_argument(
        "--policy",
        choices=("longest", "first"),
        default="longest",
        help="which of overlapping spans a CoNLL column keeps",
    )
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="write the good rows although some are bad",
    )


def run(args: argparse.Namespace) -> int:
    """Convert; without ``--skip-bad`` a bad row means that nothing is written."""
    watch = watch_parent(args)
    target = args.target or format_of(args.output.name)
    if target not in WRITABLE:
        print_error("OUT has no known suffix: name its format with --to")
        return BAD_USAGE
    source = args.source or format_of(args.input.name)
    if args.language is None and source != "jsonl":
        print_error("name the language of the notes with --language")
        return BAD_USAGE
    documents, problems = read_any(
        args.input,
        language=args.language or "",
        format=args.source,
        encoding=args.encoding,
        labels=args.labels,
    )
    for problem in problems:
        print_error(str(problem))
    if problems and not args.skip_bad:
        print_error(f"{len(problems)} bad rows; nothing was written")
        return FAILED
    if watch is not None:
        watch.check()
    lost = _write(args.output, target, documents, args.policy)
    _report(args, documents, len(problems), lost)
    return DONE


def _write(
    path: Path, target: str, documents: Sequence[Document], policy: OverlapPolicy
) -> tuple[Loss, ...]:
    """Write the documents and return the spans that the format could not hold."""
    entry = REGISTRY[target]
    if entry.write is None:
        raise BadInput(f"the format {target} is read only", path=path)
    written = entry.write(documents, policy)
    if not entry.is_folder:
        with _complete(path) as partial:
            partial.write_bytes(written.files[0].data)
    elif path.suffix.lower() == ".zip":
        with _complete(path) as partial, zipfile.ZipFile(partial, "w") as archive:
            for file in written.files:
                archive.writestr(file.name, file.data, zipfile.ZIP_DEFLATED)
    else:
        path.mkdir(parents=True, exist_ok=True)
        for file in written.files:
            (path / file.name).write_bytes(file.data)
    return written.losses


@contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """Give a path to write to; the file takes its name only when it is complete."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _report(
    args: argparse.Namespace,
    documents: Sequence[Document],
    n_bad: int,
    lost: Sequence[Loss],
) -> None:
    counts = Counter(row.reason for row in lost)
    result = {
        "n_documents": len(documents),
        "n_spans": sum(len(document.spans or ()) for document in documents),
        "n_discontinuous": sum(len(parted_mentions(row)) for row in documents),
        "n_bad_rows": n_bad,
        "losses": dict(sorted(counts.items())),
        "lost_spans": [
            {
                "document": row.document_id,
                "start": row.start_char,
                "end": row.end_char,
                "label": row.label,
                "reason": row.reason,
            }
            for row in lost
        ],
    }
    write_result(args, result)
    if args.events:
        emit_event({"event": "done", **result})
        return
    print(f"{result['n_documents']} documents, {result['n_spans']} spans")
    if result["n_discontinuous"]:
        print(
            f"and {result['n_discontinuous']} mentions in several pieces, which are no"
            " spans: JSONL and brat keep them",
            file=sys.stderr,
        )
    for reason, number in sorted(counts.items()):
        print(f"{_LOSS_WORDS[reason]}: {number} spans", file=sys.stderr)


_LOSS_WORDS = {
    "overlap": "left out, another span lies over them",
    "misaligned": "widened to whole tokens",
    "empty": "left out, no token lies under them",
    "format": "left out, the format holds no spans",
    "discontinuous": "left out, they lie in several pieces",
    "renamed": "under another label, the format allows no other characters",
}
