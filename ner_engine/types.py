"""The values that every part of the engine passes around. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A labelled half-open range of a document's text.

    Parameters
    ----------
    start_char, end_char : int
        Unicode code points, half-open: the mention is ``text[start_char:end_char]``.
    label : str
        Name of the label, as the label scheme spells it.
    confidence : float, optional
        Calibrated probability in [0, 1] that the span is right; None for gold spans.
    attributes : tuple of str
        What the text says of the mention: negated, hypothetical, family, historical.
        Kept as a file has it; no model learns it.
    """

    start_char: int
    end_char: int
    label: str
    confidence: float | None = field(default=None, compare=False)
    attributes: tuple[str, ...] = field(default=(), compare=False)

    def mention(self, text: str) -> str:
        """Return the surface of the span in *text*."""
        return text[self.start_char : self.end_char]

    def overlaps(self, other: Span) -> bool:
        """Tell whether the two ranges share a character."""
        return self.start_char < other.end_char and other.start_char < self.end_char


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the project's own rules, as a half-open code-point range.

    ``sentence_start`` is True for the first token of a sentence.
    """

    start_char: int
    end_char: int
    sentence_start: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance of a dialogue.

    The range covers the utterance without the speaker's prefix; ``role`` is one of
    doctor, nurse, pharmacist, patient, relative, other.
    """

    speaker: str
    role: str
    start_char: int
    end_char: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document was read from; the line counts from 1, None: the whole file."""

    file: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A text with what is known of it.

    Parameters
    ----------
    id : str
        Unique in its file.
    text : str
        Exactly as decoded; never normalised.
    language : str
        ISO 639-1 code.
    spans : tuple of Span, optional
        Gold or predicted spans; None when the text was never annotated, which is
        not the same as an empty tuple.
    split : str, optional
        train, dev or test.
    group : str, optional
        Patient key: documents of one group stay in one split.
    exhaustive_for : frozenset of str, optional
        Labels whose every mention is annotated; None means all labels of the scheme.
        An empty set: nothing is exhaustive, only annotated tokens may be learned.
    turns : tuple of Turn
        Empty for notes that are not dialogues.
    metadata : dict
        Whatever else the file carried (title, corpus, genre), kept as it was.
    place : Place, optional
        Where a reader found it, for reports; never written.
    """

    id: str
    text: str
    language: str
    spans: tuple[Span, ...] | None = None
    split: str | None = None
    group: str | None = None
    exhaustive_for: frozenset[str] | None = None
    turns: tuple[Turn, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict, compare=False)
    place: Place | None = field(default=None, compare=False, repr=False)
