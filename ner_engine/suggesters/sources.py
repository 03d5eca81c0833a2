"""Merges suggestions of several sources, and says which sources stay on.

Standard library only. The rules, in order:

1. A model's suggestion below `MODEL_FLOOR` ranks last; else a model ranks before a
   dictionary, and that before a pattern. Several models rank as they are given.
2. The same range and label is one suggestion, of the source that ranks first; it names
   the others that agree, and keeps a model's confidence if one of them has it.
3. The same range with another label: the source that ranks first.
4. Overlapping ranges of one label: the source that ranks first; within one source all
   stay, that is its own affair.
5. Overlapping ranges of different labels both stay: labels may overlap.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ner_engine.types import Span

MODEL, DICTIONARY, PATTERN = "model", "dictionary", "pattern"
KINDS = (MODEL, DICTIONARY, PATTERN)
MODEL_FLOOR = 0.5
MIN_DECIDED = 20
PRECISION_FLOOR = 0.5
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Source:
    """Who proposes: ``kind`` is one of `KINDS`, ``name`` tells two of a kind apart."""

    kind: str
    name: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind}; known: {', '.join(KINDS)}")


@dataclass(frozen=True, slots=True)
class SourcedSpan:
    """A suggestion with the source it is of, and those that agree to the letter."""

    span: Span
    source: Source
    agreeing: tuple[Source, ...] = ()


def merge_sources(
    proposals: Iterable[tuple[Source, Iterable[Span]]],
) -> tuple[SourcedSpan, ...]:
    """Merge what several sources propose for a note, by the rules above.

    Returns
    -------
    tuple of SourcedSpan
        Sorted by range and label.
    """
    rows = [
        (_rank(source, span), place, source, span)
        for place, (source, spans) in enumerate(proposals)
        for span in sorted(set(spans))
    ]
    rows.sort(key=lambda row: (row[0], row[1], row[3]))
    kept: list[SourcedSpan] = []
    for _, _, source, span in rows:
        same = next((at for at, own in enumerate(kept) if own.span == span), None)
        if same is not None:
            kept[same] = _agree(kept[same], source, span)
        elif not any(_is_barred(span, source, own) for own in kept):
            kept.append(SourcedSpan(span, source))
    return tuple(sorted(kept, key=lambda own: own.span))


def _rank(source: Source, span: Span) -> int:
    if source.kind == MODEL and (span.confidence or 0.0) < MODEL_FLOOR:
        return len(KINDS)
    return KINDS.index(source.kind)


def _agree(own: SourcedSpan, source: Source, span: Span) -> SourcedSpan:
    if source == own.source or source in own.agreeing:
        return own
    merged = replace(own, agreeing=(*own.agreeing, source))
    if own.span.confidence is None and span.confidence is not None:
        merged = replace(merged, span=span)
    return merged


def _is_barred(span: Span, source: Source, own: SourcedSpan) -> bool:
    if source == own.source:
        return False
    other = own.span
    if (span.start_char, span.end_char) == (other.start_char, other.end_char):
        return True
    return span.label == other.label and span.overlaps(other)


@dataclass(frozen=True, slots=True)
class LivePrecision:
    """How often people kept what a source proposed, with a 95 % interval.

    Parameters
    ----------
    n_kept, n_decided : int
    low, high : float
        Of Wilson's score interval (1927); 0 and 1 with nothing decided.
    is_on : bool
        False once enough was decided and even the upper end is below the floor.
    """

    n_kept: int
    n_decided: int
    low: float
    high: float
    is_on: bool


def judge_source(
    n_kept: int,
    n_decided: int,
    *,
    floor: float = PRECISION_FLOOR,
    min_decided: int = MIN_DECIDED,
) -> LivePrecision:
    """Say whether a source should go on proposing a label.

    Parameters
    ----------
    n_kept : int
        Suggestions of it that were accepted, as they were or with a moved boundary.
    n_decided : int
        Suggestions of it that somebody decided about.

    Raises
    ------
    ValueError
        When more were kept than decided about.
    """
    if not 0 <= n_kept <= n_decided:
        raise ValueError(f"{n_kept} of {n_decided} kept")
    low, high = _wilson(n_kept, n_decided)
    is_on = n_decided < min_decided or high >= floor
    return LivePrecision(n_kept, n_decided, low, high, is_on)


def _wilson(n_kept: int, n_decided: int) -> tuple[float, float]:
    if n_decided == 0:
        return 0.0, 1.0
    share, square = n_kept / n_decided, _Z**2 / n_decided
    middle = (share + square / 2) / (1 + square)
    spread = share * (1 - share) / n_decided + square / (4 * n_decided)
    half = _Z * math.sqrt(spread) / (1 + square)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def off_sources(
    decisions: Iterable[tuple[Source, str, bool]],
    *,
    floor: float = PRECISION_FLOOR,
    min_decided: int = MIN_DECIDED,
) -> Sequence[tuple[Source, str]]:
    """Return which sources should stop proposing which labels.

    *decisions* are (source, label, whether it was kept), one a decision.
    """
    counts: dict[tuple[Source, str], tuple[int, int]] = {}
    for source, label, is_kept in decisions:
        kept, decided = counts.get((source, label), (0, 0))
        counts[source, label] = (kept + is_kept, decided + 1)
    return [
        key
        for key, (kept, decided) in counts.items()
        if not judge_source(kept, decided, floor=floor, min_decided=min_decided).is_on
    ]
