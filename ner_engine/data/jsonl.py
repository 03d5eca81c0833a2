"""Document JSONL: the engine's interchange form, one JSON object a line.

A row holds ``id, text, language, entities[{start, end, label}]`` and optionally
``split, group, exhaustive_for, turns``; predictions add ``confidence`` to an entity,
people ``attributes``.
Where an entity has the key ``mapped``, it is the label, and null leaves the entity out.
Rows without ``entities`` are texts nobody annotated. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from ner_engine.data.checks import check_id, check_split, check_text
from ner_engine.data.problems import (
    Outcome,
    raise_first,
    refuse_repeats,
    type_name,
)
from ner_engine.errors import BadInput
from ner_engine.offsets import check_spans
from ner_engine.text.dialogue import role_of
from ner_engine.types import Document, Span, Turn

_OWN_KEYS = frozenset(
    {"id", "text", "language", "entities", "split", "group", "exhaustive_for", "turns"}
)
_BOM = b"\xef\xbb\xbf"


def read_documents(
    path: Path,
    *,
    labels: Collection[str] | None = None,
    language: str | None = None,
) -> Iterator[Document]:
    """Read documents one by one.

    Parameters
    ----------
    path : Path
    labels : collection of str, optional
        Keep the spans of these labels only.
    language : str, optional
        For rows that do not say theirs.

    Raises
    ------
    BadInput
        At the first row that is not a document, with path and line; also when an id
        comes twice.
    """
    yield from raise_first(_outcomes(path, labels, language), path)


def stream_outcomes(
    stream: Iterable[bytes],
    *,
    labels: Collection[str] | None = None,
    language: str | None = None,
) -> Iterator[Outcome]:
    """Read the lines of an open binary file: a document or an error each."""
    return refuse_repeats(_parse_lines(stream, labels, language))


def write_documents(path: Path, documents: Iterable[Document]) -> int:
    """Write documents, one a line, and return how many there were.

    ``read_documents`` gives equal documents back.
    """
    n_documents = 0
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for document in documents:
            out.write(json.dumps(document_row(document), ensure_ascii=False) + "\n")
            n_documents += 1
    return n_documents


def document_row(document: Document) -> dict[str, Any]:
    """Return a document as the JSON object of its row."""
    row: dict[str, Any] = {
        "id": document.id,
        "text": document.text,
        "language": document.language,
    }
    if document.split is not None:
        row["split"] = document.split
    if document.group is not None:
        row["group"] = document.group
    if document.exhaustive_for is not None:
        row["exhaustive_for"] = sorted(document.exhaustive_for)
    if document.turns:
        row["turns"] = [
            {
                "speaker": turn.speaker,
                "role": turn.role,
                "start": turn.start_char,
                "end": turn.end_char,
            }
            for turn in document.turns
        ]
    if document.spans is not None:
        row["entities"] = [_entity_row(span) for span in document.spans]
    row.update(
        {key: value for key, value in document.metadata.items() if key not in _OWN_KEYS}
    )
    return row


def parse_document(
    row: object,
    *,
    labels: Collection[str] | None = None,
    language: str | None = None,
) -> Document:
    """Make a document of a decoded row.

    Raises
    ------
    BadInput
        When a key is missing or of another type, or an offset is outside the text.
    """
    if not isinstance(row, dict):
        raise BadInput(f"the row is {type_name(row)}, not an object")
    document_id = check_id(_string(row, "id"))
    text = check_text(_string(row, "text"))
    split = _optional_string(row, "split")
    spans = _spans(row, labels)
    turns = _turns(row)
    check_spans(text, spans or (), document_id=document_id)
    for turn in turns:
        if not 0 <= turn.start_char <= turn.end_char <= len(text):
            raise BadInput(f"document {document_id}: a turn lies outside the text")
    return Document(
        id=document_id,
        text=text,
        language=_optional_string(row, "language")
        or language
        or _string(row, "language"),
        spans=spans,
        split=None if split is None else check_split(split),
        group=_optional_string(row, "group"),
        exhaustive_for=_exhaustive_for(row),
        turns=turns,
        metadata={key: value for key, value in row.items() if key not in _OWN_KEYS},
    )


def _outcomes(
    path: Path, labels: Collection[str] | None, language: str | None
) -> Iterator[Outcome]:
    with _open(path) as stream:
        yield from stream_outcomes(stream, labels=labels, language=language)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", path=path) from error


def _parse_lines(
    stream: Iterable[bytes], labels: Collection[str] | None, language: str | None
) -> Iterator[Outcome]:
    for line, raw in enumerate(stream, start=1):
        content = raw.removeprefix(_BOM) if line == 1 else raw
        if not content.strip():
            continue
        try:
            document = parse_document(_load(content), labels=labels, language=language)
        except BadInput as error:
            yield Outcome(line, error)
        else:
            yield Outcome(line, document)


def _load(content: bytes) -> object:
    """Decode one line of JSON; the decoder's own message would quote the note."""
    try:
        # with its end the decoder would count on behind it, as if on the next line
        text = content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise BadInput(f"the line is not UTF-8 at byte {error.start}") from error
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise BadInput(f"not JSON at column {error.colno}: {error.msg}") from error
    except (RecursionError, ValueError) as error:  # deep nesting, endless numbers
        raise BadInput("the row is not JSON that can be read") from error


def _refuse_constant(name: str) -> NoReturn:
    raise BadInput(f"{name} is not JSON")


def _string(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        state = "missing" if key not in row else f"{type_name(value)}, not a string"
        raise BadInput(f'"{key}" is {state}')
    return value


def _optional_string(row: dict[str, Any], key: str) -> str | None:
    return None if row.get(key) is None else _string(row, key)


def _list(row: dict[str, Any], key: str) -> list[Any]:
    value = row[key]
    if not isinstance(value, list):
        raise BadInput(f'"{key}" is {type_name(value)}, not a list')
    return value


def _exhaustive_for(row: dict[str, Any]) -> frozenset[str] | None:
    if row.get("exhaustive_for") is None:
        return None
    names = _list(row, "exhaustive_for")
    if not all(isinstance(name, str) for name in names):
        raise BadInput('"exhaustive_for" holds something that is not a string')
    return frozenset(names)


def _spans(
    row: dict[str, Any], labels: Collection[str] | None
) -> tuple[Span, ...] | None:
    if row.get("entities") is None:
        return None
    spans = (
        _span(entity, index) for index, entity in enumerate(_list(row, "entities"))
    )
    return tuple(
        span
        for span in spans
        if span is not None and (labels is None or span.label in labels)
    )


def _span(entity: object, index: int) -> Span | None:
    """Make a span of an entity; None when its label has no counterpart."""
    if not isinstance(entity, dict):
        raise BadInput(f"entity {index} is {type_name(entity)}, not an object")
    label = entity["mapped"] if "mapped" in entity else entity.get("label")
    if label is None and "mapped" in entity:
        return None
    if not isinstance(label, str) or label.split() != [label]:
        raise BadInput(f"entity {index} has no label, or one with blanks")
    start_char, end_char = _range(entity, f"entity {index}")
    confidence = entity.get("confidence")
    if confidence is not None:
        if isinstance(confidence, bool) or not isinstance(confidence, int | float):
            raise BadInput(f"entity {index}: the confidence is not a number")
        if not 0 <= confidence <= 1:
            raise BadInput(f"entity {index}: the confidence is outside [0, 1]")
        confidence = float(confidence)
    attributes = _attributes(entity, index)
    return Span(start_char, end_char, label, confidence, attributes)


def _attributes(entity: dict[str, Any], index: int) -> tuple[str, ...]:
    names = entity.get("attributes")
    if names is None:
        return ()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadInput(f"entity {index}: the attributes are not a list of strings")
    return tuple(dict.fromkeys(names))


def _turns(row: dict[str, Any]) -> tuple[Turn, ...]:
    if row.get("turns") is None:
        return ()
    return tuple(_turn(turn, index) for index, turn in enumerate(_list(row, "turns")))


def _turn(turn: object, index: int) -> Turn:
    if not isinstance(turn, dict):
        raise BadInput(f"turn {index} is {type_name(turn)}, not an object")
    start_char, end_char = _range(turn, f"turn {index}")
    speaker = _string(turn, "speaker")
    role = _optional_string(turn, "role") or role_of(speaker)
    return Turn(speaker, role, start_char, end_char)


def _range(item: dict[str, Any], name: str) -> tuple[int, int]:
    """Return start and end; JSON's true is an int to Python, but no offset."""
    start, end = item.get("start"), item.get("end")
    if type(start) is not int or type(end) is not int:
        raise BadInput(f"{name}: start and end are not both whole numbers")
    return start, end


def _entity_row(span: Span) -> dict[str, Any]:
    entity: dict[str, Any] = {
        "start": span.start_char,
        "end": span.end_char,
        "label": span.label,
    }
    if span.confidence is not None:
        entity["confidence"] = span.confidence
    if span.attributes:
        entity["attributes"] = list(span.attributes)
    return entity
