"""``explain``: show which tokens predicted spans were read from."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ner_engine.cli.common import (
    DONE,
    Progress,
    emit_event,
    positive,
    split_names,
    watch_parent,
    write_result,
)
from ner_engine.data.jsonl import read_documents
from ner_engine.errors import UnknownLabel
from ner_engine.types import Document

NAME = "explain"
HELP = "Show which tokens predicted spans were read from; OUT.html holds note text."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("input", type=Path, metavar="IN", help="JSONL")
    parser.add_argument(
        "output",
        type=Path,
        metavar="OUT.html",
        help="a page with the notes' text; --json has offsets and numbers only",
    )
    parser.add_argument("--split", help="documents of this split only")
    parser.add_argument(
        "--labels", type=split_names, metavar="A,B", help="spans of these labels only"
    )
    parser.add_argument(
        "--limit", type=positive, default=10, help="documents at most (default 10)"
    )
    parser.add_argument(
        "--spans",
        type=positive,
        default=5,
        help="spans of a document at most, the surest first (default 5)",
    )
    parser.add_argument(
        "--steps", type=positive, default=24, help="of the gradients' path (default 24)"
    )


def run(args: argparse.Namespace) -> int:
    """Predict, explain, and write the page."""
    watch = watch_parent(args)
    from ner_engine.explain.attributions import (  # noqa: PLC0415 - slow import
        Explainer,
    )
    from ner_engine.explain.heatmap import (  # noqa: PLC0415 - slow import
        to_heat_map,
        to_json,
    )

    explainer = Explainer.load(args.bundle, n_steps=args.steps)
    for label in args.labels or ():
        if label not in explainer.labels:
            raise UnknownLabel(label, explainer.labels)
    progress = Progress(is_wanted=not args.events)
    explained = []
    for document in islice(_read(args.input, args.split), args.limit):
        spans = [
            span
            for span in explainer.predict(document)
            if args.labels is None or span.label in args.labels
        ]
        spans.sort(key=lambda span: -(span.confidence or 0.0))
        found = []
        for span in sorted(spans[: args.spans]):
            if watch is not None:
                watch.check()
            found.append(explainer.explain(document, span))
        explained.append((document, found))
        progress.show(f"{len(explained)} documents")
    progress.close()
    title = f"{args.bundle.name} on {args.input.name}"
    args.output.write_text(to_heat_map(explained, title=title), encoding="utf-8")
    write_result(args, to_json(explained))
    n_spans = sum(len(found) for _, found in explained)
    if args.events:
        emit_event({"event": "done", "documents": len(explained), "spans": n_spans})
    else:
        print(f"{len(explained)} documents, {n_spans} spans explained")
    return DONE


def _read(path: Path, split: str | None) -> Iterator[Document]:
    for document in read_documents(path):
        if split is None or document.split in (None, split):
            yield document
