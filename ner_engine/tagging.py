"""Spans to IOB2 tags over tokens and back. Standard library only.

The identity ``decode_iob2(tokens, encode_iob2(tokens, spans).tags) == spans`` holds for
every set of sorted spans that keep to token boundaries and do not overlap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ner_engine.types import Span, Token

OUTSIDE = "O"

LossReason = Literal["overlap", "misaligned", "empty"]
OverlapPolicy = Literal["longest", "first"]


@dataclass(frozen=True, slots=True)
class SpanLoss:
    """What tags could not hold of a span.

    ``overlap``: left out, a span over the same tokens won. ``misaligned``: kept, but
    widened to whole tokens. ``empty``: left out, it covers no token.
    """

    span: Span
    reason: LossReason


class Encoded(NamedTuple):
    """A tag per token, and what was lost in writing them."""

    tags: tuple[str, ...]
    losses: tuple[SpanLoss, ...]


class TokenRange(NamedTuple):
    """A half-open range of token indices."""

    token_start: int
    token_end: int


class TokenIndex:
    """Finds the tokens under character ranges of one text by bisection."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._starts = [token.start_char for token in tokens]
        self._ends = [token.end_char for token in tokens]

    def cover(self, start_char: int, end_char: int) -> TokenRange:
        """Return the tokens that share a character with the range; may be empty."""
        token_start = bisect_right(self._ends, start_char)
        token_end = bisect_left(self._starts, end_char)
        return TokenRange(token_start, max(token_start, token_end))

    def is_aligned(self, start_char: int, end_char: int) -> bool:
        """Tell whether the range begins and ends where tokens do."""
        token_start, token_end = self.cover(start_char, end_char)
        return (
            token_start < token_end
            and self._starts[token_start] == start_char
            and self._ends[token_end - 1] == end_char
        )


def encode_iob2(
    tokens: Sequence[Token],
    spans: Iterable[Span],
    *,
    label: str | None = None,
    policy: OverlapPolicy = "longest",
) -> Encoded:
    """Write spans as one column of IOB2 tags.

    Parameters
    ----------
    tokens : sequence of Token
        In order, without overlap.
    spans : iterable of Span
        In any order; may overlap.
    label : str, optional
        Only spans of this label are written (one head of the tagger, whose losses
        then concern this label only); None writes all labels into one column.
    policy : str
        Who keeps the tokens that several spans want. ``longest``: the longest span
        in characters, ties to the earlier; ``first``: the earlier, ties to the longer.

    Returns
    -------
    Encoded
        ``tags`` of ``B-LABEL``, ``I-LABEL`` and ``O``, one a token; ``losses`` in the
        order of the spans.
    """
    wanted = sorted({span for span in spans if label is None or span.label == label})
    index = TokenIndex(tokens)
    tags = [OUTSIDE] * len(tokens)
    losses: list[SpanLoss] = []
    for span in sorted(wanted, key=_RANKS[policy]):
        token_start, token_end = index.cover(span.start_char, span.end_char)
        if token_start == token_end:
            losses.append(SpanLoss(span, "empty"))
        elif any(tag != OUTSIDE for tag in tags[token_start:token_end]):
            losses.append(SpanLoss(span, "overlap"))
        else:
            if not index.is_aligned(span.start_char, span.end_char):
                losses.append(SpanLoss(span, "misaligned"))
            inside = [f"I-{span.label}"] * (token_end - token_start - 1)
            tags[token_start:token_end] = [f"B-{span.label}", *inside]
    losses.sort(key=lambda loss: loss.span)
    return Encoded(tuple(tags), tuple(losses))


def decode_iob2(tokens: Sequence[Token], tags: Sequence[str]) -> tuple[Span, ...]:
    """Read spans off IOB2 tags, sorted.

    An ``I-`` tag that continues nothing of its label starts a span, as conlleval has
    it: files from elsewhere hold such tags (IOB1).

    Raises
    ------
    ValueError
        When there are not as many tags as tokens, or a tag is not ``O``, ``B-x``,
        ``I-x``.
    """
    if len(tokens) != len(tags):
        raise ValueError(f"{len(tags)} tags for {len(tokens)} tokens")
    spans: list[Span] = []
    label: str | None = None
    start_char = end_char = 0
    for token, tag in zip(tokens, tags, strict=True):
        prefix, tag_label = split_tag(tag)
        if prefix == "I" and tag_label == label:
            end_char = token.end_char
            continue
        if label is not None:
            spans.append(Span(start_char, end_char, label))
        label = tag_label
        start_char, end_char = token.start_char, token.end_char
    if label is not None:
        spans.append(Span(start_char, end_char, label))
    return tuple(spans)


def split_tag(tag: str) -> tuple[str, str | None]:
    """Split ``B-DOSAGE`` into ``("B", "DOSAGE")``; ``O`` has no label."""
    if tag == OUTSIDE:
        return OUTSIDE, None
    prefix, dash, label = tag.partition("-")
    if prefix not in ("B", "I") or not dash or not label:
        raise ValueError("a tag is none of O, B-LABEL, I-LABEL")
    return prefix, label


def _by_length(span: Span) -> tuple[int, int, str]:
    return (span.start_char - span.end_char, span.start_char, span.label)


def _by_start(span: Span) -> tuple[int, int, str]:
    return (span.start_char, -span.end_char, span.label)


_RANKS = {"longest": _by_length, "first": _by_start}
