"""Makes a dialogue of timed utterances, as TextGrid and SubRip files hold them.

Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ner_engine.data.checks import check_id, check_text
from ner_engine.errors import BadInput
from ner_engine.text.dialogue import role_of
from ner_engine.types import Document, Turn

# What transcribers put in place of words that they could not make out, and around those
# that they were unsure of.
_INSTEAD = re.compile(r"<[A-Za-z]\w*\s*/>|\{\\[^{}]*\}")
_AROUND = re.compile(r"</?[A-Za-z][\w.# =\"-]*>")


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words said without a break; ``speaker`` is empty when nobody is named.

    Times are seconds from the start of the recording.
    """

    start_seconds: float
    end_seconds: float
    speaker: str
    words: str


def clean_words(words: str) -> str:
    """Take transcribers' markup out and put the words on one line."""
    return " ".join(_AROUND.sub("", _INSTEAD.sub(" ", words)).split())


def transcript_document(
    utterances: Iterable[Utterance], document_id: str, *, language: str
) -> Document:
    """Write utterances one a line, in the order in which they begin.

    A named speaker stands before a colon, so that the text tells the turns in every
    format; the turns of the document leave the name out.

    Raises
    ------
    BadInput
        When nobody says anything.
    """
    parts: list[str] = []
    turns: list[Turn] = []
    position = 0
    for said in sorted(utterances, key=lambda said: said.start_seconds):
        words = clean_words(said.words)
        if not words:
            continue
        speaker = " ".join(said.speaker.split())
        prefix = f"{speaker}: " if speaker else ""
        start_char = position + len(prefix)
        end_char = start_char + len(words)
        role = role_of(speaker) if speaker else "other"
        turns.append(Turn(speaker, role, start_char, end_char))
        parts.append(prefix + words)
        position = end_char + 1
    if not turns:
        raise BadInput("nobody says anything in it")
    return Document(
        id=check_id(document_id),
        text=check_text("\n".join(parts)),
        language=language,
        turns=tuple(turns),
    )
