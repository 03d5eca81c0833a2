"""A note as blocks and flat segments: what the review page paints.

Pure computations over offsets and text; no query. A block is a paragraph, heading, list
item or dialogue turn of at most 2,000 characters; the blocks joined are the text.
Inside a block, segments cut at every edge of a mark list the marks over them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

# One edit swaps the blocks it touches: at this size an answer stays under 20 kB.
MAX_BLOCK_CHARS = 2_000
# Underlines drawn one below the other; deeper ones share the last.
MAX_LEVELS = 4

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_LAST_BLANK = re.compile(r".*\s(?=\S)", re.DOTALL)
_NUMBER = re.compile(r"(?:\d{1,2}(?:\.\d{1,2})*[.)-]?|[IVX]{1,4}[.)-])[ \t]+")
_ITEM = re.compile(r"[ \t]*(?:[-–—•·*▪◦►][ \t]*|(?:\d{1,2}|[a-z])[.)-][ \t]+)\S")
_MAX_HEADING_CHARS = 70
_MIN_HEADING_LETTERS = 3

TokenRow = Sequence[int]


class Mark(NamedTuple):
    """An annotation or a suggestion, as the page shows it.

    ``key`` is "a" and the span's UUID, or "s" and the suggestion's id.
    """

    key: str
    start_char: int
    end_char: int
    label_id: int
    confidence: float | None = None
    # Negated, ...: of an annotation; those of a suggestion are guessed when painted.
    attributes: tuple[str, ...] = ()

    @property
    def is_suggestion(self) -> bool:
        return self.key[0] == "s"


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """Where a block lies. ``words_start`` lies behind the speaker's prefix.

    ``turn`` counts the turns of a dialogue; the blocks of a long one share it, and -1
    is no turn.
    """

    index: int
    start_char: int
    end_char: int
    kind: str
    words_start: int
    role: str = ""
    speaker: str = ""
    turn: int = -1


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text under the same marks, the outermost first."""

    start_char: int
    text: str
    marks: tuple[Mark, ...]

    @property
    def end_char(self) -> int:
        return self.start_char + len(self.text)


@dataclass(frozen=True, slots=True)
class Block:
    """A block with its segments, ready to render."""

    plan: BlockPlan
    segments: tuple[Segment, ...]
    # Marks that begin here: the list beside the text groups them by block.
    begins: tuple[Mark, ...]


def plan_blocks(
    text: str,
    turns: Sequence[dict[str, Any]] = (),
    tokens: Callable[[], Sequence[TokenRow]] | None = None,
) -> list[BlockPlan]:
    """Cut a text into blocks.

    *tokens* is asked only for a run of more than 2,000 characters without a blank:
    every blank is a token edge anyway.
    """
    plans: list[BlockPlan] = []
    n_turns = 0
    for start, end, kind, turn in _pieces(text, turns):
        n_turns += turn is not None
        words_start = max(start, int(turn["start"])) if turn else start
        role = str(turn.get("role") or "other") if turn else ""
        speaker = str(turn.get("speaker") or "") if turn else ""
        for part_start, part_end in _cut(text, start, end, tokens):
            is_first = part_start == start
            plans.append(
                BlockPlan(
                    index=len(plans),
                    start_char=part_start,
                    end_char=part_end,
                    kind=kind,
                    words_start=min(words_start, part_end) if is_first else part_start,
                    role=role,
                    speaker=speaker if is_first else "",
                    turn=n_turns - 1 if turn else -1,
                )
            )
    return plans


def lay_out(
    text: str,
    plans: Sequence[BlockPlan],
    marks: Iterable[Mark],
    only: Collection[int] | None = None,
) -> list[Block]:
    """Fill the blocks (or those of the indices *only*) with their segments."""
    ordered = sorted(marks, key=_outermost_first)
    wanted = [plan for plan in plans if only is None or plan.index in only]
    blocks: list[Block] = []
    position, running = 0, list[Mark]()
    for plan in wanted:
        running = [mark for mark in running if mark.end_char > plan.start_char]
        while position < len(ordered):
            mark = ordered[position]
            if mark.start_char >= plan.end_char:
                break
            if mark.end_char > plan.start_char:
                running.append(mark)
            position += 1
        begins = tuple(m for m in running if m.start_char >= plan.start_char)
        blocks.append(Block(plan, _segments(text, plan, running), begins))
    return blocks


def assign_levels(marks: Iterable[Mark]) -> dict[str, int]:
    """Give each mark the first underline that no mark over the same text has."""
    levels: dict[str, int] = {}
    running: list[tuple[int, int]] = []
    for mark in sorted(marks, key=_outermost_first):
        running = [(end, level) for end, level in running if end > mark.start_char]
        taken = {level for _, level in running}
        level = next((n for n in range(MAX_LEVELS) if n not in taken), MAX_LEVELS - 1)
        running.append((mark.end_char, level))
        levels[mark.key] = level
    return levels


def marks_near(
    marks: Iterable[Mark], plans: Sequence[BlockPlan], wanted: Collection[int]
) -> list[Mark]:
    """Return the marks in the blocks of these indices and all that overlap with them.

    With those that overlap these, and so on: what the levels of their underlines, and
    nothing else, depend on. *marks* come outermost first.
    """
    if not wanted:
        return []
    start, end = plans[min(wanted)].start_char, plans[max(wanted)].end_char
    near: list[Mark] = []
    group: list[Mark] = []
    group_end = -1
    for mark in marks:
        if mark.start_char >= group_end:
            if group_end > start:
                near += group
            if mark.start_char >= end:
                return near
            group, group_end = [], mark.end_char
        group.append(mark)
        group_end = max(group_end, mark.end_char)
    return near + group if group_end > start else near


def touched_blocks(
    plans: Sequence[BlockPlan],
    ranges: Iterable[tuple[int, int]],
    marks: Iterable[Mark],
) -> set[int]:
    """Return the indices of the blocks that a change of these ranges repaints.

    A range grows over the marks that overlap it, and those that overlap these: their
    underlines may move to another level.
    """
    starts = [plan.start_char for plan in plans]
    pieces = [(m.start_char, m.end_char, 0) for m in marks]
    pieces += [(start, end, 1) for start, end in ranges]
    touched: set[int] = set()
    group_start = group_end = -1
    is_changed = False

    def close() -> None:
        if is_changed:
            first = max(0, bisect_right(starts, group_start) - 1)
            touched.update(range(first, max(first + 1, bisect_left(starts, group_end))))

    for start, end, changed in sorted(pieces):
        if start >= group_end:
            close()
            group_start, group_end, is_changed = start, end, False
        group_end = max(group_end, end)
        is_changed = is_changed or bool(changed)
    close()
    return touched


def encode_tokens(tokens: Sequence[TokenRow], start_char: int, end_char: int) -> str:
    """Write the tokens of a range as gaps and lengths, a character each.

    Base 36; "z" adds 35 and goes on. The page unpacks it to snap selections.
    """
    first = bisect_left(tokens, start_char, key=lambda token: token[0])
    last = bisect_left(tokens, end_char, key=lambda token: token[0])
    parts: list[str] = []
    position = start_char
    for token in tokens[first:last]:
        parts.append(_digits(token[0] - position) + _digits(token[1] - token[0]))
        position = token[1]
    return "".join(parts)


def _digits(value: int) -> str:
    many, rest = divmod(value, 35)
    return "z" * many + "0123456789abcdefghijklmnopqrstuvwxy"[rest]


def _outermost_first(mark: Mark) -> tuple[int, int, str]:
    return (mark.start_char, -mark.end_char, mark.key)


def _segments(text: str, plan: BlockPlan, marks: Sequence[Mark]) -> tuple[Segment, ...]:
    edges = {plan.start_char, plan.words_start, plan.end_char}
    for mark in marks:
        edges.add(max(mark.start_char, plan.start_char))
        edges.add(min(mark.end_char, plan.end_char))
    cuts = sorted(edges)
    segments: list[Segment] = []
    for start, end in pairwise(cuts):
        over = tuple(m for m in marks if m.start_char <= start and m.end_char >= end)
        segments.append(Segment(start, text[start:end], over))
    return tuple(segments)


def _pieces(
    text: str, turns: Sequence[dict[str, Any]]
) -> Iterable[tuple[int, int, str, dict[str, Any] | None]]:
    """Yield (start, end, kind, turn) of turns and paragraphs, of any length."""
    position, previous_end = 0, 0
    open_turn: dict[str, Any] | None = None
    for turn in sorted(turns, key=lambda turn: int(turn["start"])):
        line_start = max(
            text.rfind("\n", 0, int(turn["start"])),
            text.rfind("\r", 0, int(turn["start"])),
        )
        start = max(line_start + 1, previous_end)
        if start > position:
            yield from _piece(text, position, start, open_turn)
        position, open_turn, previous_end = max(start, position), turn, int(turn["end"])
    if position < len(text):
        yield from _piece(text, position, len(text), open_turn)


def _piece(
    text: str, start: int, end: int, turn: dict[str, Any] | None
) -> Iterable[tuple[int, int, str, dict[str, Any] | None]]:
    if turn is not None:
        yield (start, end, "turn", turn)
        return
    for part_start, part_end, kind in _paragraphs(text, start, end):
        yield (part_start, part_end, kind, None)


def _paragraphs(text: str, start: int, end: int) -> Iterable[tuple[int, int, str]]:
    """Yield paragraphs, headings and list items, blank lines behind them included."""
    block_start, kind = start, ""
    was_blank = False
    position = start
    while position < end:
        match = _LINE.match(text, position, end)
        line_end = match.end() if match else end
        line = text[position:line_end]
        if line.strip():
            line_kind = _kind_of(line)
            joins = line_kind == kind == "paragraph" or (
                line_kind == "paragraph" and kind == "item"
            )
            if kind and (was_blank or not joins):
                yield (block_start, position, kind)
                block_start, kind = position, line_kind
            kind = kind or line_kind
            was_blank = False
        else:
            was_blank = True
        position = line_end
    if block_start < end:
        yield (block_start, end, kind or "paragraph")


def _kind_of(line: str) -> str:
    words = line.strip()
    if number := _NUMBER.match(words):
        words = words[number.end() :]
    is_heading = (
        len(words) <= _MAX_HEADING_CHARS
        and words == words.upper()
        and sum(map(str.isalpha, words)) >= _MIN_HEADING_LETTERS
        and not any(map(str.isdigit, words))
    )
    if is_heading and not words.startswith(("-", "–", "—", "•")):
        return "heading"
    return "item" if _ITEM.match(line) else "paragraph"


def _cut(
    text: str,
    start: int,
    end: int,
    tokens: Callable[[], Sequence[TokenRow]] | None,
) -> Iterable[tuple[int, int]]:
    """Cut a long piece at the end of a line, else at a blank, else at a token."""
    while end - start > MAX_BLOCK_CHARS:
        limit = start + MAX_BLOCK_CHARS
        cut = text.rfind("\n", start + MAX_BLOCK_CHARS // 2, limit) + 1
        if not cut:
            blank = _LAST_BLANK.match(text, start, limit)
            cut = blank.end() if blank else _token_edge(start, limit, tokens)
        yield (start, cut)
        start = cut
    yield (start, end)


def _token_edge(
    start: int, limit: int, tokens: Callable[[], Sequence[TokenRow]] | None
) -> int:
    """Return the last token's start in (start, limit], or *limit* without one."""
    rows = tokens() if tokens is not None else ()
    index = bisect_right(rows, limit, key=lambda token: token[0]) - 1
    return rows[index][0] if index >= 0 and rows[index][0] > start else limit
