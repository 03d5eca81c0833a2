"""SubRip subtitles (``.srt``) of a conversation. Standard library only.

A cue is a number, a line of times and lines of words. Who speaks stands in front of the
words ("Médecin : ...", "[patient] ..."), as a number behind the times, or nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ner_engine.data.text_files import decode_text
from ner_engine.data.transcripts import Utterance, clean_words, transcript_document
from ner_engine.errors import BadInput
from ner_engine.text.dialogue import parse_turns
from ner_engine.types import Document

_TIME = r"(\d{1,3}):([0-5]?\d):([0-5]?\d)[,.](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s+(?P<rest>\S.*?))?\s*")
_NUMBER = re.compile(r"\s*\d+\s*")
_DASH = re.compile(r"\s*[-–—]\s+")
# Numbers behind the times name speakers only when few come again and again; otherwise
# they count the cues.
_MAX_SPEAKERS = 8


@dataclass(frozen=True, slots=True)
class _Cue:
    start_seconds: float
    end_seconds: float
    rest: str
    lines: tuple[str, ...]


def subrip_document(
    data: bytes, document_id: str, *, language: str, encoding: str | None = None
) -> Document:
    """Make a dialogue of a file's cues: a turn a cue, or a line that a dash opens.

    Raises
    ------
    BadInput
        With the line, when a cue has no times, times that run backwards or no SubRip
        form at all; without one, when nobody says anything.
    """
    cues = list(_cues(decode_text(data, encoding=encoding)))
    names = _speakers(cues)
    utterances = [
        Utterance(cue.start_seconds, cue.end_seconds, names.get(cue.rest, ""), words)
        for cue in cues
        for words in _said(cue.lines)
    ]
    document = transcript_document(utterances, document_id, language=language)
    # names in front of the words are found as in any text
    turns = parse_turns(document.text)
    return replace(document, turns=turns) if turns and not names else document


def _cues(text: str) -> Iterator[_Cue]:
    """Read cues; a blank line ends one."""
    block: list[str] = []
    first_line = 1
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if line.strip():
            if not block:
                first_line = number
            block.append(line.rstrip("\r"))
        elif block:
            yield _cue(block, first_line)
            block = []


def _cue(block: list[str], line: int) -> _Cue:
    has_number = _NUMBER.fullmatch(block[0]) is not None and len(block) > 1
    times_at = 1 if has_number else 0
    match = _TIMES.fullmatch(block[times_at])
    if match is None:
        raise BadInput("no times of a cue stand here", line=line + times_at)
    hours, minutes, seconds, fraction, *until = match.groups()[:8]
    start = _seconds(hours, minutes, seconds, fraction)
    end = _seconds(*until)
    if end < start:
        raise BadInput("the cue ends before it begins", line=line + times_at)
    return _Cue(start, end, match["rest"] or "", tuple(block[times_at + 1 :]))


def _seconds(hours: str, minutes: str, seconds: str, fraction: str) -> float:
    whole = 3600 * int(hours) + 60 * int(minutes) + int(seconds)
    return whole + int(fraction.ljust(3, "0")) / 1000


def _said(lines: tuple[str, ...]) -> Iterator[str]:
    """Yield what one person says: lines break for the eye, dashes for speakers."""
    words: list[str] = []
    for line in lines:
        if (dash := _DASH.match(line)) and clean_words(" ".join(words)):
            yield " ".join(words)
            words = []
        words.append(line[dash.end() :] if dash else line)
    yield " ".join(words)


def _speakers(cues: list[_Cue]) -> dict[str, str]:
    """Return the name of each number behind the times; empty when they name nobody."""
    marks = {cue.rest for cue in cues}
    are_numbers = all(mark.isascii() and mark.isdigit() for mark in marks)
    if not are_numbers or not 2 <= len(marks) <= min(_MAX_SPEAKERS, len(cues) // 2):
        return {}
    return {mark: f"Speaker {mark}" for mark in marks}
