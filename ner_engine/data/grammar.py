"""A small labelled grammar: frames of text with slots, expanded at random.

In a frame, ``{name}`` is a random expansion of a rule, ``{NAME}`` the same as a
labelled span, ``<LABEL:text>`` a labelled piece, ``[a|b]`` a choice, ``{2-9}`` or
``{0.5-2.5}`` a number, ``{+1-3 name}`` a run of sentences and ``{*1-3 name}`` a run of
lines. ``3*`` before an alternative is its weight. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

# Slots are named for the label that their first letters abbreviate.
SLOT_LABELS = {
    "MED": "MEDICATION",
    "DOS": "DOSAGE",
    "FREQ": "FREQUENCY",
    "DUR": "DURATION",
    "FIND": "FINDING",
}

# How often a run tries for another sentence before it repeats one.
_REDRAWS = 4

_LABELLED = re.compile(r"<(MED|DOS|FREQ|DUR|FIND):")
_WEIGHT = re.compile(r"(\d+)\*")
_RANGE = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)")
_REPEAT = re.compile(r"([+*])(\d+)-(\d+) (\w+)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of generated text; ``label`` is None for text between the spans."""

    text: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class _Slot:
    rule: str
    label: str | None


@dataclass(frozen=True, slots=True)
class _Number:
    low: float
    high: float
    n_decimals: int


@dataclass(frozen=True, slots=True)
class _Choice:
    options: tuple[_Sequence, ...]


@dataclass(frozen=True, slots=True)
class _Labelled:
    label: str
    body: _Sequence


@dataclass(frozen=True, slots=True)
class _Repeat:
    low: int
    high: int
    rule: str
    in_lines: bool


_Node = str | _Slot | _Number | _Choice | _Labelled | _Repeat
_Sequence = tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class Style:
    """What stays the same throughout one document."""

    bullet: str = ""
    decimal_mark: str = "."


class Grammar:
    """Rules of one language, parsed once.

    Parameters
    ----------
    rules : mapping of str to sequence of str
        Alternatives of each rule, in the notation of the module.

    Raises
    ------
    ValueError
        When a frame is not well formed or names a rule that is not there.
    """

    def __init__(self, rules: Mapping[str, Sequence[str]]) -> None:
        self._options: dict[str, tuple[_Sequence, ...]] = {}
        self._weights: dict[str, tuple[int, ...]] = {}
        for name, alternatives in rules.items():
            weighted = [_split_weight(alternative) for alternative in alternatives]
            self._options[name] = tuple(_parse(frame) for _, frame in weighted)
            self._weights[name] = tuple(weight for weight, _ in weighted)
        for name, options in self._options.items():
            for rule in _rules_named(options):
                if rule not in self._options:
                    raise ValueError(f"rule {name} names {rule}, which is not there")

    def expand(self, rule: str, rng: Random, style: Style) -> Iterator[Piece]:
        """Yield the pieces of one random expansion of a rule."""
        for node in self._options[rule][self._draw(rule, rng)]:
            yield from self._expand_node(node, rng, style)

    def _draw(self, rule: str, rng: Random, avoid: Collection[int] = ()) -> int:
        """Return the index of a random alternative, seldom one of *avoid*."""
        weights = self._weights[rule]
        (drawn,) = rng.choices(range(len(weights)), weights)
        for _ in range(_REDRAWS):
            if drawn not in avoid:
                break
            (drawn,) = rng.choices(range(len(weights)), weights)
        return drawn

    def _expand_node(self, node: _Node, rng: Random, style: Style) -> Iterator[Piece]:
        match node:
            case str():
                yield Piece(node)
            case _Slot(rule, None):
                yield from self.expand(rule, rng, style)
            case _Slot(rule, label):
                yield Piece(_surface(self.expand(rule, rng, style)), label)
            case _Labelled(label, body):
                parts = (p for n in body for p in self._expand_node(n, rng, style))
                yield Piece(_surface(parts), label)
            case _Number():
                yield Piece(_number(node, rng, style))
            case _Choice(options):
                for inner in rng.choice(options):
                    yield from self._expand_node(inner, rng, style)
            case _Repeat():
                yield from self._expand_repeat(node, rng, style)

    def _expand_repeat(
        self, node: _Repeat, rng: Random, style: Style
    ) -> Iterator[Piece]:
        used: list[int] = []
        for index in range(rng.randint(node.low, node.high)):
            if index > 0:
                yield Piece("\n" if node.in_lines else " ")
            if node.in_lines:
                yield Piece(style.bullet.replace("1", str(index + 1)))
            used.append(self._draw(node.rule, rng, used))
            for inner in self._options[node.rule][used[-1]]:
                yield from self._expand_node(inner, rng, style)


def _split_weight(alternative: str) -> tuple[int, str]:
    weight = _WEIGHT.match(alternative)
    if weight is None:
        return 1, alternative
    return int(weight.group(1)), alternative[weight.end() :]


def _surface(pieces: Iterator[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def _number(node: _Number, rng: Random, style: Style) -> str:
    if node.n_decimals == 0:
        return str(rng.randint(int(node.low), int(node.high)))
    value = f"{rng.uniform(node.low, node.high):.{node.n_decimals}f}"
    return value.replace(".", style.decimal_mark)


def _rules_named(sequences: Sequence[_Sequence]) -> Iterator[str]:
    for sequence in sequences:
        for node in sequence:
            if isinstance(node, _Slot | _Repeat):
                yield node.rule
            elif isinstance(node, _Labelled):
                yield from _rules_named((node.body,))
            elif isinstance(node, _Choice):
                yield from _rules_named(node.options)


def _parse(frame: str) -> _Sequence:
    options, end = _parse_options(frame, 0, "")
    if end != len(frame):
        raise ValueError(f"frame not closed at character {end}: {frame!r}")
    return options[0] if len(options) == 1 else (_Choice(options),)


def _parse_options(
    frame: str, start: int, closer: str
) -> tuple[tuple[_Sequence, ...], int]:
    """Parse alternatives up to *closer*; return them and where the closer stands."""
    options: list[_Sequence] = []
    nodes: list[_Node] = []
    literal: list[str] = []
    position = start

    def flush() -> None:
        if literal:
            nodes.append("".join(literal))
            literal.clear()

    while position < len(frame) and frame[position] != (closer or None):
        node, after = _parse_node(frame, position)
        if node is not None:
            flush()
            nodes.append(node)
        elif frame[position] == "|":
            flush()
            options.append(tuple(nodes))
            nodes.clear()
        else:
            literal.append(frame[position])
        position = after
    flush()
    options.append(tuple(nodes))
    return tuple(options), position


def _parse_node(frame: str, position: int) -> tuple[_Node | None, int]:
    """Return the node that starts at *position*, or None for a plain character."""
    if frame[position] == "[":
        options, end = _parse_options(frame, position + 1, "]")
        return _Choice(options), _past(frame, end)
    if frame[position] == "{":
        end = frame.find("}", position)
        return _parse_slot(frame[position + 1 : end]), _past(frame, end)
    labelled = _LABELLED.match(frame, position)
    if labelled is not None:
        options, end = _parse_options(frame, labelled.end(), ">")
        body = options[0] if len(options) == 1 else (_Choice(options),)
        return _Labelled(SLOT_LABELS[labelled.group(1)], body), _past(frame, end)
    return None, position + 1


def _past(frame: str, end: int) -> int:
    if not 0 <= end < len(frame):
        raise ValueError(f"frame not closed: {frame!r}")
    return end + 1


def _parse_slot(inside: str) -> _Node:
    number = _RANGE.fullmatch(inside)
    if number is not None:
        low, high = number.groups()
        return _Number(float(low), float(high), len(high.partition(".")[2]))
    repeat = _REPEAT.fullmatch(inside)
    if repeat is not None:
        kind, least, most, rule = repeat.groups()
        return _Repeat(int(least), int(most), rule, kind == "*")
    if not inside.isupper():
        return _Slot(inside, None)
    prefix = next((p for p in SLOT_LABELS if inside.startswith(p)), None)
    if prefix is None:
        raise ValueError(f"slot {inside} is of no label")
    return _Slot(inside.lower(), SLOT_LABELS[prefix])
