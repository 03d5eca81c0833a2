"""What every reader asks of a text and an id. Standard library only."""

from __future__ import annotations

import re
from pathlib import Path

from ner_engine.errors import BadInput

SPLITS = ("train", "dev", "test")
# Ids go into file names, URLs and CoNLL comments.
MAX_ID_CHARS = 200

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def check_text(text: str) -> str:
    """Return the text when a note may hold it.

    Raises
    ------
    BadInput
        When it is empty or blank, or holds NUL (PostgreSQL cannot store it) or a lone
        surrogate (no encoding can write it). Positions are named, not characters.
    """
    if not text or text.isspace():
        raise BadInput("the text is empty")
    nul = text.find("\0")
    if nul >= 0:
        raise BadInput(f"the text holds a NUL character at {nul}")
    surrogate = _SURROGATE.search(text)
    if surrogate is not None:
        raise BadInput(f"the text holds a lone surrogate at {surrogate.start()}")
    return text


def check_id(document_id: str) -> str:
    """Return the id when it is one line of printable characters.

    Raises
    ------
    BadInput
        When it is empty, too long, or holds control characters or surrogates.
    """
    if not document_id.strip():
        raise BadInput("the id is empty")
    if len(document_id) > MAX_ID_CHARS:
        raise BadInput(
            f"the id has {len(document_id)} characters, more than {MAX_ID_CHARS}"
        )
    if _CONTROL.search(document_id) or _SURROGATE.search(document_id):
        raise BadInput("the id holds a control character or a lone surrogate")
    return document_id


def check_split(split: str) -> str:
    """Return the split when it is train, dev or test."""
    if split not in SPLITS:
        raise BadInput(f"the split is none of {', '.join(SPLITS)}")
    return split


def read_bytes(path: Path) -> bytes:
    """Read a file, or raise `BadInput` naming it and the system's reason."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", path=path) from error
