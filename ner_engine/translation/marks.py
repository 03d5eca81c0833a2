"""Carries spans through a translator that keeps HTML tags in place.

Each span becomes ``<b id="n">mention</b>``; what comes back between the tags is the
projected mention. Spans inside others become tags inside tags; of spans that cross only
the longer travels, since tags must nest.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import NamedTuple

from ner_engine.types import Span

# A translator may tear a marked phrase apart around a word of its own ("n'a" pas
# "révélé"); parts closer than this many characters are joined again.
MAX_GAP = 12
# Function words that a translator puts inside the tag, before the mention.
_LEADING = {
    language: re.compile(pattern, flags=re.IGNORECASE)
    for language, pattern in {
        "fr": r"(?:(?:de|du|des|la|le|les|un|une|à|au|aux|en|et)\s+|[dl]['’]\s?)+",
        "es": r"(?:(?:del?|la|las|el|los|una?|unos|unas|al?|en|y)\s+)+",
        "en": r"(?:(?:of|the|an?|in|to|and)\s+)+",
    }.items()
}
_TRAILING = ".,;:"


class Unmarked(NamedTuple):
    """What came back of a marked text.

    ``carried`` counts the marks that were found again, ``lost`` the rest, ``torn`` the
    carried ones whose parts lay apart; ``spans`` are fewer than ``carried`` when two
    came to lie on the same range.
    """

    text: str
    spans: tuple[Span, ...]
    carried: int
    lost: int
    torn: int


def mark(text: str, spans: Sequence[Span]) -> tuple[str, tuple[Span, ...]]:
    """Return *text* as HTML with tags, and the spans that the tag ids stand for."""
    carried = travelling(spans)
    # Closing tags before opening ones; of those, the inner first and the outer first.
    tags: dict[int, tuple[list[str], list[str]]] = {}
    for number, span in enumerate(carried):
        tags.setdefault(span.start_char, ([], []))[1].append(f'<b id="{number}">')
        tags.setdefault(span.end_char, ([], []))[0].append("</b>")
    parts: list[str] = []
    at = 0
    for place, (closing, opening) in sorted(tags.items()):
        parts += [html.escape(text[at:place], quote=False), *closing, *opening]
        at = place
    parts.append(html.escape(text[at:], quote=False))
    return "".join(parts), carried


def unmark(
    marked: str, carried: Sequence[Span], language: str
) -> tuple[str, tuple[Span, ...]]:
    """Return the plain text of a translation and its spans, as `read_marks` does."""
    found = read_marks(marked, carried, language)
    return found.text, found.spans


def read_marks(
    marked: str,
    carried: Sequence[Span],
    language: str,
    *,
    source: str | None = None,
    source_language: str = "",
) -> Unmarked:
    """Return the plain text of a translation, its spans, and what became of the marks.

    Parameters
    ----------
    marked : str
        HTML as the translator gave it back.
    carried : sequence of Span
        As `mark` returned them; tag ids are indices into it.
    language : str
        Of the translation: its articles and prepositions are cut off the mention's
        front. Other languages' mentions stay as they are.
    source, source_language : str, optional
        The text that was marked and its language: a mention that begins with an
        article there, or ends with punctuation, keeps it.
    """
    parser = _Marks()
    parser.feed(marked)
    parser.close()
    spans = []
    torn = 0
    for number, span in enumerate(carried):
        parts = parser.places.get(number, [])
        place = _join(parts)
        mention = "" if source is None else span.mention(source)
        keeps_article = _leads(mention, source_language)
        if place is not None:
            place = _trim(
                parser.text,
                *place,
                leading=None if keeps_article else _LEADING.get(language),
                trailing="" if mention.endswith(tuple(_TRAILING)) else _TRAILING,
            )
        if place is not None:
            torn += len(parts) > 1
            spans.append(Span(place[0], place[1], span.label))
    return Unmarked(
        parser.text,
        tuple(sorted(set(spans))),
        carried=len(spans),
        lost=len(carried) - len(spans),
        torn=torn,
    )


def travelling(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return the spans whose tags nest, outer first; of crossing ones the longer."""
    chosen: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start_char - span.end_char):
        if span.start_char < span.end_char and not any(
            _cross(span, other) for other in chosen
        ):
            chosen.append(span)
    return tuple(sorted(chosen, key=lambda span: (span.start_char, -span.end_char)))


def _cross(inner: Span, outer: Span) -> bool:
    """Tell whether two spans overlap and the shorter is not inside the longer."""
    return inner.overlaps(outer) and not (
        outer.start_char <= inner.start_char and inner.end_char <= outer.end_char
    )


class _Marks(HTMLParser):
    """Collects the text and, per tag id, the ranges between its tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.places: dict[int, list[tuple[int, int]]] = {}
        self._open: list[tuple[int, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        number = dict(attrs).get("id") or ""
        if tag == "b" and number.isdigit():
            self._open.append((int(number), len(self.text)))

    def handle_endtag(self, tag: str) -> None:
        if tag == "b" and self._open:
            number, start = self._open.pop()
            if start < len(self.text):
                self.places.setdefault(number, []).append((start, len(self.text)))

    def handle_data(self, data: str) -> None:
        self.text += data


def _join(parts: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Join neighbouring parts; of parts far from each other keep the longest."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(parts):
        if joined and start - joined[-1][1] < MAX_GAP:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return max(joined, key=lambda part: part[1] - part[0], default=None)


def _leads(mention: str, language: str) -> bool:
    """Tell whether a mention begins with a function word of its language."""
    pattern = _LEADING.get(language)
    return pattern is not None and pattern.match(mention) is not None


def _trim(
    text: str,
    start: int,
    end: int,
    *,
    leading: re.Pattern[str] | None,
    trailing: str,
) -> tuple[int, int] | None:
    """Cut white space off, and what a translator puts inside the tag."""
    mention = text[start:end]
    start += len(mention) - len(mention.lstrip())
    end -= len(mention) - len(mention.rstrip(f" \t\n\r{trailing}"))
    if leading is not None and start < end:
        found = leading.match(text, start, end)
        if found is not None and found.end() < end:
            start = found.end()
    return (start, end) if start < end else None
