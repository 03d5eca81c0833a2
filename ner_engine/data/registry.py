"""What every format is: its name, its suffixes, how it is read and written.

A format is a value, its reader and writer pure functions of files in memory: a new one
is a module with two functions and an entry in `ner_engine.data.formats`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ner_engine.data.archive import ArchiveFile
from ner_engine.data.problems import Outcome
from ner_engine.tagging import OverlapPolicy
from ner_engine.types import Document, Span


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a reader may be told.

    Parameters
    ----------
    language : str
        For documents that do not say theirs.
    encoding : str, optional
        Of formats without one of their own.
    labels : collection of str, optional
        Keep the spans of these labels only.
    """

    language: str
    encoding: str | None = None
    labels: Collection[str] | None = None


class Loss(NamedTuple):
    """A span that a written file does not hold as it was, and why."""

    document_id: str
    start_char: int
    end_char: int
    label: str
    reason: str

    @classmethod
    def of(cls, document: Document, span: Span, reason: str) -> Loss:
        """Make a loss of a span."""
        return cls(document.id, span.start_char, span.end_char, span.label, reason)


class Written(NamedTuple):
    """The files of an export, and what they could not hold.

    A file without a name takes the one that the caller gives.
    """

    files: tuple[ArchiveFile, ...]
    losses: tuple[Loss, ...]


Reader = Callable[[Sequence[ArchiveFile], ReadOptions], Iterator[Outcome]]
Writer = Callable[[Sequence[Document], OverlapPolicy], Written]
Grouper = Callable[[Sequence[str]], Iterable[tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    Parameters
    ----------
    name : str
        As ``--from`` and ``--to`` have it.
    suffixes : tuple of str
        Lower case; a suffix belongs to one format.
    read : callable
        Documents, or errors, of files that belong together; most formats get one file
        at a time.
    write : callable, optional
        Files of documents; None for formats that are read only.
    group : callable, optional
        Which names of a folder or archive belong together; None: none does.
    is_folder : bool
        Whether an export is several files.
    losses : tuple of str
        What the format has no place for.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Reader
    write: Writer | None = None
    group: Grouper | None = None
    is_folder: bool = False
    losses: tuple[str, ...] = ()
