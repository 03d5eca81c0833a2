"""Notes in a CSV file: a column ``text``, optionally id, group, language, split.

Other columns become metadata. Standard library only.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ner_engine.data.checks import check_id, check_split, check_text
from ner_engine.data.problems import Outcome, refuse_repeats
from ner_engine.data.text_files import decode_text
from ner_engine.errors import BadInput
from ner_engine.types import Document

CSV_HEAD = ("id", "text", "language", "split", "group")
_DELIMITERS = (",", ";", "\t")
_COLUMNS = ("id", "group", "language", "split")
# As spreadsheets in our languages have it; a column of dialogues holds a whole
# conversation a cell, a turn a line.
_TEXT_NAMES = (
    *("text", "texto", "texte"),
    *("dialogue", "diálogo", "dialogo", "conversation", "conversación", "transcript"),
)
# The csv module refuses cells beyond 128 KiB; a long stay's notes exceed that.
_MAX_CELL_CHARS = 16 * 1024 * 1024


def csv_outcomes(
    data: bytes, stem: str, *, language: str, encoding: str | None = None
) -> Iterator[Outcome]:
    """Read the rows of a CSV file's bytes: a document or an error each.

    Ids that the file does not give are *stem* and the row's number.

    Raises
    ------
    BadInput
        When the bytes cannot be decoded, or no column holds text.
    """
    text = decode_text(data, encoding=encoding)
    delimiter = _delimiter(text)
    return refuse_repeats(_rows(text, delimiter, stem, language))


def csv_row(document: Document) -> tuple[str, ...]:
    """Return a document's cells under `CSV_HEAD`; spans and turns have no place."""
    ends = (document.language, document.split or "", document.group or "")
    return (document.id, document.text, *ends)


def _header(text: str, delimiter: str) -> list[str]:
    """Return the first row that is not blank, case-folded."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            return [cell.strip().casefold() for cell in cells]
    return []


def _delimiter(text: str) -> str:
    """Choose the delimiter under which the header names a column of text."""
    csv.field_size_limit(_MAX_CELL_CHARS)
    found = []
    for delimiter in _DELIMITERS:
        try:
            header = _header(text, delimiter)
        except csv.Error as error:
            raise BadInput(f"not CSV: {error}", line=1) from error
        if any(name in _TEXT_NAMES for name in header):
            found.append((len(header), delimiter))
    if not found:
        raise BadInput('the header names no column "text"', line=1)
    return max(found)[1]


def _rows(text: str, delimiter: str, stem: str, language: str) -> Iterator[Outcome]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    n_rows = 0
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # after a broken quote no later row can be trusted
            yield Outcome(line, BadInput(f"not CSV: {error}"))
            return
        if any(cell.strip() for cell in cells):
            if not header:
                header = [cell.strip().casefold() for cell in cells]
            else:
                n_rows += 1
                yield _outcome(cells, header, line, f"{stem}-{n_rows}", language)
        line = reader.line_num + 1


def _outcome(
    cells: list[str], header: list[str], line: int, fallback_id: str, language: str
) -> Outcome:
    try:
        return Outcome(line, _document(cells, header, fallback_id, language))
    except BadInput as error:
        return Outcome(line, error)


def _document(
    cells: list[str], header: list[str], fallback_id: str, language: str
) -> Document:
    if len(cells) > len(header):
        raise BadInput(f"{len(cells)} cells under {len(header)} columns")
    row = dict(zip(header, cells, strict=False))
    text_name = next(name for name in header if name in _TEXT_NAMES)
    split = row.get("split", "").strip()
    return Document(
        id=check_id(row.get("id", "").strip() or fallback_id),
        text=check_text(row.get(text_name, "")),
        language=row.get("language", "").strip() or language,
        split=check_split(split) if split else None,
        group=row.get("group", "").strip() or None,
        metadata={
            name: value
            for name, value in row.items()
            if name and name != text_name and name not in _COLUMNS
        },
    )
