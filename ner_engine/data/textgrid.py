"""Praat TextGrids: a tier a speaker, in one file or a file a speaker.

Both spellings of the format, long and short, are the same sequence of numbers, strings
in quotes and flags; everything else is comment (Boersma and Weenink, Praat manual,
"TextGrid file formats"). Standard library only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ner_engine.data.archive import ArchiveFile
from ner_engine.data.text_files import decode_text
from ner_engine.data.transcripts import Utterance, transcript_document
from ner_engine.errors import BadInput
from ner_engine.text.dialogue import role_of
from ner_engine.types import Document

_VALUE = re.compile(
    r'(?<!\S)(?:"(?P<text>(?:[^"]|"")*)"|(?P<number>[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)%?'
    r"|<(?P<flag>\w+)>)(?!\S)"
    r"|(?<!\S)![^\r\n]*"
)
# "day1_consultation01_doctor": the speaker of a file of one tier.
_SPEAKER = re.compile(r"(?P<stem>.+)[_. -](?P<speaker>[^\W\d_]+)")


@dataclass(frozen=True, slots=True)
class _Value:
    value: str | float
    line: int


class _Values:
    """The values of a TextGrid, taken one after the other with their kind checked."""

    def __init__(self, text: str) -> None:
        self._values = list(_scan(text))
        self._position = 0
        self.line = 1

    def text(self) -> str:
        value = self._take()
        if not isinstance(value, str):
            raise BadInput("a number where words in quotes belong", line=self.line)
        return value

    def number(self) -> float:
        value = self._take()
        if isinstance(value, str):
            raise BadInput("words where a number belongs", line=self.line)
        return value

    def count(self) -> int:
        number = self.number()
        if not math.isfinite(number) or number < 0 or number != int(number):
            raise BadInput("a count that is no whole number", line=self.line)
        return int(number)

    def _take(self) -> str | float:
        if self._position == len(self._values):
            raise BadInput("the file ends before its last tier", line=self.line)
        found = self._values[self._position]
        self._position += 1
        self.line = found.line
        return found.value


def textgrid_document(
    files: Sequence[ArchiveFile],
    document_id: str,
    *,
    language: str,
    encoding: str | None = None,
) -> Document:
    """Make one dialogue of the TextGrids of one conversation.

    Parameters
    ----------
    files : sequence of ArchiveFile
        One with a tier a speaker, or one a speaker.

    Raises
    ------
    BadInput
        With the line, when a file is no TextGrid, is cut off or holds times out of
        order; without one, when no tier has words.
    """
    utterances: list[Utterance] = []
    for file in files:
        try:
            text = decode_text(file.data, encoding=encoding)
            utterances.extend(_utterances(_Values(text), _file_speaker(file.name)))
        except BadInput as error:
            raise BadInput(error.reason, path=file.name, line=error.line) from error
    return transcript_document(utterances, document_id, language=language)


def group_textgrids(names: Iterable[str]) -> dict[str, list[str]]:
    """Put the files of one conversation together, by what precedes the speaker.

    Examples
    --------
    >>> group_textgrids(["c1_doctor.TextGrid", "c1_patient.TextGrid"])
    {'c1': ['c1_doctor.TextGrid', 'c1_patient.TextGrid']}
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        stem = str(PurePosixPath(name).with_suffix(""))
        match = _SPEAKER.fullmatch(stem)
        is_speaker = match is not None and role_of(match["speaker"]) != "other"
        key = match["stem"] if match is not None and is_speaker else stem
        groups.setdefault(key, []).append(name)
    return groups


def _file_speaker(name: str) -> str:
    match = _SPEAKER.fullmatch(PurePosixPath(name).stem)
    if match is None or role_of(match["speaker"]) == "other":
        return ""
    return match["speaker"].capitalize()


def _scan(text: str) -> Iterator[_Value]:
    line, position = 1, 0
    for match in _VALUE.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        if match["text"] is not None:
            yield _Value(match["text"].replace('""', '"'), line)
        elif match["number"] is not None:
            yield _Value(float(match["number"]), line)
        elif match["flag"] is not None:
            yield _Value(match["flag"], line)


def _utterances(values: _Values, file_speaker: str) -> Iterator[Utterance]:
    try:
        kinds = (values.text(), values.text())
    except BadInput as error:
        raise BadInput("not a TextGrid", line=1) from error
    if kinds != ("ooTextFile", "TextGrid"):
        raise BadInput("not a TextGrid", line=1)
    values.number(), values.number()  # the time from and to
    if values.text() != "exists":
        raise BadInput("a TextGrid without tiers", line=values.line)
    for _ in range(values.count()):
        yield from _tier(values, file_speaker)


def _tier(values: _Values, file_speaker: str) -> Iterator[Utterance]:
    """Read a tier of intervals, or pass over one of points: these hold no speech."""
    kind = values.text()
    if kind not in {"IntervalTier", "TextTier"}:
        raise BadInput("a tier of an unknown class", line=values.line)
    speaker = values.text().strip()
    if file_speaker and role_of(speaker) == "other":  # "Speaker", "tier 1", none
        speaker = file_speaker
    values.number(), values.number()
    for _ in range(values.count()):
        start = values.number()
        if kind == "TextTier":
            values.text()
            continue
        end = values.number()
        if end < start:
            raise BadInput("an interval ends before it begins", line=values.line)
        yield Utterance(start, end, speaker, values.text())
