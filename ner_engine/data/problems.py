"""What a reader hands back: documents, and every row that could not be read.

Standard library only. Problems name file and line, never the text of a note.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from ner_engine.errors import BadInput, SpanOutOfRange
from ner_engine.types import Document, Place


@dataclass(frozen=True, slots=True)
class Problem:
    """A row or file that was left out, and why.

    ``line`` counts from 1 in the file; None when the whole file is concerned.
    """

    file: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.reason}"


class ReadResult(NamedTuple):
    """Documents in file order, and the problems met on the way."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]


class Outcome(NamedTuple):
    """One row of a file: its line, and a document or the error that it raised."""

    line: int | None
    value: Document | BadInput


def located(error: BadInput, path: Path | str, line: int | None) -> BadInput:
    """Return the same error with its place."""
    if isinstance(error, SpanOutOfRange):
        return SpanOutOfRange(
            error.document_id,
            error.start_char,
            error.end_char,
            error.n_chars,
            path=path,
            line=line,
        )
    return BadInput(error.reason, path=path, line=line)


def refuse_repeats(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Turn every document whose id came before into an error."""
    seen: dict[str, int | None] = {}
    for outcome in outcomes:
        value = outcome.value
        if isinstance(value, Document):
            if value.id in seen:
                first = seen[value.id]
                where = "" if first is None else f", first on line {first}"
                reason = f"document id {value.id} comes twice{where}"
                yield Outcome(outcome.line, BadInput(reason))
                continue
            seen[value.id] = outcome.line
        yield outcome


def collect(outcomes: Iterator[Outcome], file: str) -> ReadResult:
    """Gather a file's outcomes; each document is told its place."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for line, value in outcomes:
        if isinstance(value, Document):
            documents.append(replace(value, place=Place(file, line)))
        else:
            problems.append(Problem(file, line, value.reason))
    return ReadResult(tuple(documents), tuple(problems))


def raise_first(outcomes: Iterator[Outcome], path: Path | str) -> Iterator[Document]:
    """Yield documents until the first error, then raise it with its place."""
    for line, value in outcomes:
        if isinstance(value, Document):
            yield value
        else:
            raise located(value, path, line)


def type_name(value: Any) -> str:
    """Name a JSON value's type for an error, without showing the value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "a string", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), "an object")
