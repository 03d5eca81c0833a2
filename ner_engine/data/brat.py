"""brat standoff: a text and, beside it, an ``.ann`` file of what is said of it.

Text-bound annotations become spans. Mentions in several pieces have no place in a span:
they are kept in the document's metadata under ``discontinuous``, and written back.
Relations, events, attributes, normalisations and notes are counted under ``brat``.
Standard library only.

Source: brat standoff format, https://brat.nlplab.org/standoff.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from ner_engine.data.archive import ArchiveFile
from ner_engine.data.checks import check_id, check_text
from ner_engine.data.text_files import decode_text, file_stems
from ner_engine.errors import BadInput
from ner_engine.types import Document, Span

DISCONTINUOUS, LEFT_OUT = "discontinuous", "brat"
# What lies beside the notes of a brat collection and is none.
CONFIGURATION = frozenset(
    {
        "annotation.conf",
        "visual.conf",
        "tools.conf",
        "kb_shortcuts.conf",
        ".stats_cache",
    }
)
_KINDS = {
    "R": "relations",
    "*": "relations",
    "E": "events",
    "A": "attributes",
    "M": "attributes",
    "N": "normalisations",
    "#": "notes",
}
_BOUND = re.compile(r"(T\S+)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)\t(.*)")
_BYTE_ORDER_MARK = "\ufeff"
_LABEL = re.compile(r"[^\w-]")

Fragments = tuple[tuple[int, int], ...]


class BratMention(NamedTuple):
    """A label over one range or several."""

    label: str
    fragments: Fragments


@dataclass(frozen=True, slots=True)
class BratFiles:
    """What was written: files by name, and what they could not hold as it was.

    ``renamed`` maps labels to the names that brat's syntax allows.
    """

    files: tuple[ArchiveFile, ...]
    renamed: dict[str, str]


def brat_document(
    text_file: ArchiveFile,
    ann_file: ArchiveFile | None,
    *,
    language: str,
    encoding: str | None = None,
) -> Document:
    """Make a document of a text and its annotations.

    Parameters
    ----------
    text_file, ann_file : ArchiveFile
        Without annotations nobody annotated the text, which is not the same as an
        empty ``.ann``.
    language, encoding
        As `ner_engine.data.text_files.text_document` takes them.

    Raises
    ------
    BadInput
        With the file's name and the line, when an annotation is not in the form, lies
        outside the text or names another surface than lies there.
    """
    text = check_text(_decode(text_file, encoding))
    document_id = check_id(str(PurePosixPath(text_file.name).with_suffix("")))
    if ann_file is None:
        return Document(document_id, text, language)
    mentions, counts = parse_annotations(_decode(ann_file, None), text, ann_file.name)
    whole = {
        Span(*mention.fragments[0], mention.label)
        for mention in mentions
        if len(mention.fragments) == 1
    }
    parted = [
        {
            "label": mention.label,
            "fragments": [list(part) for part in mention.fragments],
        }
        for mention in mentions
        if len(mention.fragments) > 1
    ]
    metadata: dict[str, Any] = {}
    if parted:
        metadata[DISCONTINUOUS] = parted
    if counts:
        metadata[LEFT_OUT] = counts
    return Document(
        document_id, text, language, tuple(sorted(whole)), metadata=metadata
    )


def parse_annotations(
    annotations: str, text: str, name: str
) -> tuple[list[BratMention], dict[str, int]]:
    """Read the lines of an ``.ann`` file.

    Returns
    -------
    mentions : list of BratMention
        In file order. Pieces with nothing but white space between them are one: brat
        cuts a mention at every line break.
    counts : dict of str to int
        How many annotations of each other kind there are.

    Raises
    ------
    BadInput
        As `brat_document`.
    """
    mentions: dict[str, BratMention] = {}
    counts: Counter[str] = Counter()
    for line, content in enumerate(annotations.split("\n"), start=1):
        row = content.removesuffix("\r")
        if not row.strip():
            continue
        if row[0] in _KINDS and "\t" in row:
            counts[_KINDS[row[0]]] += 1
            continue
        try:
            key, mention = _mention(row, text)
        except BadInput as error:
            raise BadInput(error.reason, path=name, line=line) from error
        if key in mentions:
            raise BadInput(f"annotation {key} comes twice", path=name, line=line)
        mentions[key] = mention
    return list(mentions.values()), dict(sorted(counts.items()))


def brat_files(documents: Iterable[Document]) -> BratFiles:
    """Write documents as pairs of files named by their ids.

    A document that was never annotated has no ``.ann``. What a label holds beside
    letters, digits, ``-`` and ``_`` becomes ``_``. Confidences, turns and splits are
    not written.

    Raises
    ------
    BadInput
        When two ids would share a file, or two labels a name.
    """
    files: list[ArchiveFile] = []
    names: dict[str, str] = {}
    for stem, document in file_stems(documents):
        # Readers take a first U+FEFF for a byte order mark: one that is text needs one
        # before it.
        mark = _BYTE_ORDER_MARK if document.text.startswith(_BYTE_ORDER_MARK) else ""
        files.append(ArchiveFile(f"{stem}.txt", (mark + document.text).encode()))
        if document.spans is None:
            continue
        mentions = [
            BratMention(span.label, ((span.start_char, span.end_char),))
            for span in sorted(set(document.spans))
        ]
        mentions += _parted(document)
        lines: list[str] = []
        for number, mention in enumerate(mentions, start=1):
            label = names.setdefault(mention.label, _LABEL.sub("_", mention.label))
            ranges = ";".join(
                f"{start} {end}" for start, end in _lines_of(document.text, mention)
            )
            surface = _surface(document.text, mention.fragments)
            lines.append(f"T{number}\t{label} {ranges}\t{surface}\n")
        files.append(ArchiveFile(f"{stem}.ann", "".join(lines).encode()))
    if len(set(names.values())) < len(names):
        raise BadInput("two labels would share a name in brat's syntax")
    renamed = {name: other for name, other in names.items() if name != other}
    return BratFiles(tuple(files), renamed)


def pair_files(
    files: Mapping[str, ArchiveFile],
) -> Iterator[tuple[ArchiveFile | None, ArchiveFile | None]]:
    """Pair texts with annotations by name, in name order; None where one is missing."""
    stems = {
        str(path.with_suffix("")): None
        for path in map(PurePosixPath, sorted(files))
        if path.suffix in (".txt", ".ann")
    }
    for stem in stems:
        yield files.get(f"{stem}.txt"), files.get(f"{stem}.ann")


def parted_mentions(document: Document) -> list[tuple[int, int, str]]:
    """Return first and last character and label of the discontinuous mentions."""
    return [
        (mention.fragments[0][0], mention.fragments[-1][1], mention.label)
        for mention in _parted(document)
    ]


def _decode(file: ArchiveFile, encoding: str | None) -> str:
    try:
        return decode_text(file.data, encoding=encoding)
    except BadInput as error:
        raise BadInput(error.reason, path=file.name) from error


def _mention(row: str, text: str) -> tuple[str, BratMention]:
    match = _BOUND.fullmatch(row)
    if match is None:
        raise BadInput("not a line of brat's form: T1 TAB label start end TAB text")
    key, label, ranges, surface = match.groups()
    fragments: list[tuple[int, int]] = []
    for piece in ranges.split(";"):
        start, end = map(int, piece.split())
        if not start < end <= len(text):
            raise BadInput(
                f"annotation {key}: [{start}, {end}) is empty or outside a text of"
                f" {len(text)} characters"
            )
        fragments.append((start, end))
    if _folded(_surface(text, fragments)) != _folded(surface):
        raise BadInput(f"annotation {key}: the text there is another")
    fragments.sort()  # pieces come in the order they were marked in
    if any(end > start for (_, end), (start, _) in pairwise(fragments)):
        raise BadInput(f"annotation {key}: its pieces overlap")
    return key, BratMention(label, _joined(fragments, text))


def _joined(fragments: Sequence[tuple[int, int]], text: str) -> Fragments:
    """Join pieces that only white space parts."""
    joined = [fragments[0]]
    for start, end in fragments[1:]:
        if not text[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)


def _lines_of(text: str, mention: BratMention) -> Iterator[tuple[int, int]]:
    """Cut a mention at line breaks, as brat does."""
    for start, end in mention.fragments:
        for match in re.finditer(r"[^\r\n]+", text[start:end]):
            yield start + match.start(), start + match.end()


def _surface(text: str, fragments: Sequence[tuple[int, int]]) -> str:
    joined = " ".join(text[start:end] for start, end in fragments)
    return re.sub(r"[\r\n\t]+", " ", joined)


def _folded(surface: str) -> str:
    return " ".join(surface.split())


def _parted(document: Document) -> list[BratMention]:
    """Return the discontinuous mentions that the metadata keeps, if they fit."""
    found: list[BratMention] = []
    for row in document.metadata.get(DISCONTINUOUS) or ():
        fragments = tuple((int(start), int(end)) for start, end in row["fragments"])
        edges = [edge for part in fragments for edge in part]
        if edges != sorted(edges) or not 0 <= edges[0] < edges[-1] <= len(
            document.text
        ):
            raise BadInput(
                f"document {document.id}: a discontinuous mention lies outside the text"
            )
        found.append(BratMention(str(row["label"]), fragments))
    return found


def keep_labels(document: Document, labels: Iterable[str]) -> Document:
    """Drop the mentions of other labels, discontinuous ones too."""
    wanted = set(labels)
    metadata = dict(document.metadata)
    parted = [row for row in metadata.pop(DISCONTINUOUS, ()) if row["label"] in wanted]
    if parted:
        metadata[DISCONTINUOUS] = parted
    spans = document.spans
    if spans is not None:
        spans = tuple(span for span in spans if span.label in wanted)
    return replace(document, spans=spans, metadata=metadata)
