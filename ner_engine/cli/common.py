"""What every command shares: common options, results, events, progress, reading."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ner_engine.data.jsonl import read_documents
from ner_engine.errors import BadInput, Cancelled
from ner_engine.types import Document

DONE, FAILED, BAD_USAGE = 0, 1, 2
T = TypeVar("T")


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command has."""
    group = parser.add_argument_group("common options")
    group.add_argument(
        "--seed", type=int, default=0, help="of everything drawn by chance (default 0)"
    )
    group.add_argument(
        "--json", type=Path, metavar="OUT", help="write the result as JSON to OUT"
    )
    group.add_argument(
        "--events",
        action="store_true",
        help="report as JSON lines on standard output; end when standard input closes",
    )


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a bundle is run."""
    parser.add_argument(
        "--engine",
        choices=("auto", "onnx-int8", "bfloat16", "float32"),
        default="auto",
        help="auto: what `accelerate` chose on this machine, else torch",
    )
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="folder of derived engines"
    )


def write_result(args: argparse.Namespace, values: dict[str, Any]) -> None:
    """Write a command's result where ``--json`` says, and as the event ``result``."""
    if args.json is not None:
        text = json.dumps(values, indent=2, ensure_ascii=False)
        args.json.write_text(text + "\n", encoding="utf-8")


def print_error(message: str) -> None:
    """Print a one-line error."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)


def emit_event(event: dict[str, Any]) -> None:
    """Print an event as one line of JSON, at once."""
    print(json.dumps(event, ensure_ascii=False), flush=True)


def split_names(value: str) -> tuple[str, ...]:
    """Read ``A,B`` as an option's value."""
    names = tuple(name.strip() for name in value.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError("an empty name in a list of names")
    if len(set(names)) != len(names):
        raise argparse.ArgumentTypeError("a name stands twice")
    return names


def name_pairs(value: str) -> dict[str, str]:
    """Read ``A=B,C=D`` as an option's value."""
    pairs = [pair.partition("=") for pair in split_names(value)]
    if not all(name and other for name, _, other in pairs):
        raise argparse.ArgumentTypeError("not a list of THEIRS=OURS")
    return {name.strip(): other.strip() for name, _, other in pairs}


def positive(value: str) -> int:
    """Read a whole number from 1 as an option's value."""
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a whole number from 1")
    return int(value)


def read_split(paths: Sequence[Path], split: str) -> list[Document]:
    """Read the documents of a split; rows that name no split are all taken.

    Raises
    ------
    BadInput
        With file and line, for a row that cannot be read; for an id that two files
        share.
    """
    documents: list[Document] = []
    places: dict[str, Path] = {}
    for path in paths:
        for document in read_documents(path):
            if document.split not in (None, split):
                continue
            if places.setdefault(document.id, path) != path:
                raise BadInput(
                    f"document {document.id} stands in {places[document.id]} too",
                    path=path,
                )
            documents.append(document)
    return documents


class Progress:
    """A line on standard error that is rewritten, when that is a terminal."""

    def __init__(self, *, is_wanted: bool = True) -> None:
        self._is_shown = is_wanted and sys.stderr.isatty()
        self._width = 0

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._is_shown:
            print(f"\r{text:<{self._width}}", end="", file=sys.stderr, flush=True)
            self._width = len(text)

    def keep(self, text: str) -> None:
        """Print a line that stays."""
        if self._is_shown:
            print(f"\r{text:<{self._width}}", file=sys.stderr, flush=True)
            self._width = 0

    def close(self) -> None:
        """End the line."""
        if self._is_shown and self._width:
            print(file=sys.stderr)
            self._width = 0


class ParentWatch:
    """Notices that the parent process closed our standard input.

    The application runs long work as a child and owns its standard input: when the
    parent dies, or cancels, the pipe closes and the child must end too.
    """

    def __init__(self) -> None:
        self._is_closed = threading.Event()
        thread = threading.Thread(target=self._wait, daemon=True)
        thread.start()

    def _wait(self) -> None:
        # The raw descriptor: a daemon thread must not hold a buffered reader's lock
        # while the interpreter shuts down.
        try:
            while os.read(0, 65536):
                pass
        except OSError:  # no standard input at all counts as closed
            pass
        self._is_closed.set()

    def check(self) -> None:
        """Raise `Cancelled` once standard input is closed."""
        if self._is_closed.is_set():
            raise Cancelled("cancelled: standard input was closed")


def watch_parent(args: argparse.Namespace) -> ParentWatch | None:
    """Start watching standard input when ``--events`` asks for it."""
    return ParentWatch() if args.events else None


def count(documents: Iterator[T], progress: Progress) -> Iterator[T]:
    """Pass documents on and show how many went by."""
    for number, document in enumerate(documents, start=1):
        progress.show(f"{number} documents")
        yield document
    progress.close()
