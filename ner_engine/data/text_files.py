"""Plain-text notes, one a file. Encodings are few and never guessed by statistics.

A wrong guess would shift no offset but change every accented letter, silently and for
good: what is neither UTF-8 nor marked as UTF-16 is refused until somebody names it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable

from ner_engine.data.checks import check_id, check_text
from ner_engine.errors import BadInput
from ner_engine.types import Document

# What a caller may name: the first two are recognised without being named.
ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1")

_UNSAFE = re.compile(r"[^\w.-]")


def text_document(
    data: bytes, document_id: str, *, language: str, encoding: str | None = None
) -> Document:
    """Make an unannotated document of a file's bytes.

    Raises
    ------
    BadInput
        When the bytes cannot be decoded, or the text is refused.
    """
    text = check_text(decode_text(data, encoding=encoding))
    return Document(id=check_id(document_id), text=text, language=language)


def decode_text(data: bytes, *, encoding: str | None = None) -> str:
    """Decode a file; line ends stay as they are, a byte order mark goes.

    Parameters
    ----------
    data : bytes
    encoding : str, optional
        One of ``ENCODINGS``; None takes UTF-8, with or without mark, or UTF-16 with
        its mark.

    Raises
    ------
    BadInput
        When the bytes are not of the encoding, with the position of the first that
        is not.
    """
    if encoding is not None and encoding not in ENCODINGS:
        raise BadInput(f"the encoding is none of {', '.join(ENCODINGS)}")
    codec = encoding or _recognised(data)
    try:
        return data.decode("utf-8-sig" if codec == "utf-8" else codec)
    except UnicodeDecodeError as error:
        advice = "" if encoding else "; if Windows wrote it, name the encoding cp1252"
        raise BadInput(f"not {codec} at byte {error.start}{advice}") from error


def file_stems(documents: Iterable[Document]) -> list[tuple[str, Document]]:
    """Return a file name without suffix for each document, made of its id.

    Characters that a file name cannot hold everywhere become underscores.

    Raises
    ------
    BadInput
        When two ids would share a name.
    """
    named: list[tuple[str, Document]] = []
    taken: set[str] = set()  # some systems do not tell capitals apart
    for document in documents:
        name = _UNSAFE.sub("_", document.id).strip(".") or "_"
        if name.casefold() in taken:
            raise BadInput(f"document {document.id} would share its file with another")
        taken.add(name.casefold())
        named.append((name, document))
    return named


def _recognised(data: bytes) -> str:
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return "utf-16" if data.startswith(marks) else "utf-8"
