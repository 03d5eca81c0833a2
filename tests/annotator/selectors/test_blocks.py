"""Blocks and segments: nothing of the text is lost, every mark is painted."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from annotator.selectors.blocks import (
    MAX_BLOCK_CHARS,
    Mark,
    assign_levels,
    encode_tokens,
    lay_out,
    marks_near,
    plan_blocks,
    touched_blocks,
)
from ner_engine.text.dialogue import parse_turns
from ner_engine.text.tokens import tokenize

_PIECES = [
    "Varón",
    " ",
    "\n",
    "\r\n",
    "\r",
    "1 g",
    "😀",
    "é",
    "e\u0301",
    "- ",
    "TTO",
    ".",
]
_TEXTS = st.one_of(
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=60).map("".join),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
)


@st.composite
def _texts_with_marks(draw: st.DrawFn) -> tuple[str, list[Mark]]:
    text = draw(_TEXTS)
    edges = st.integers(0, len(text))
    ranges = draw(st.lists(st.tuples(edges, edges), max_size=12))
    marks = [
        Mark(f"{'as'[n % 2]}{n}", min(pair), max(pair), n % 3)
        for n, pair in enumerate(ranges)
        if pair[0] != pair[1]
    ]
    return text, marks


def _dialogue(text: str) -> list[dict[str, object]]:
    return [
        {"speaker": t.speaker, "role": t.role, "start": t.start_char, "end": t.end_char}
        for t in parse_turns(text)
    ]


@given(_texts_with_marks())
def test_lay_out_segments_joined_are_the_text_and_cover_every_mark(
    case: tuple[str, list[Mark]],
) -> None:
    text, marks = case
    blocks = lay_out(text, plan_blocks(text), marks)
    segments = [segment for block in blocks for segment in block.segments]
    assert "".join(segment.text for segment in segments) == text
    for mark in marks:
        covered = [s for s in segments if mark in s.marks]
        assert covered[0].start_char == mark.start_char
        assert covered[-1].end_char == mark.end_char
        assert sum(len(s.text) for s in covered) == mark.end_char - mark.start_char
    begins = [mark.key for block in blocks for mark in block.begins]
    assert sorted(begins) == sorted(mark.key for mark in marks)


@given(_texts_with_marks(), st.data())
def test_lay_out_of_some_blocks_equals_those_of_all(
    case: tuple[str, list[Mark]], data: st.DataObject
) -> None:
    text, marks = case
    plans = plan_blocks(text)
    only = data.draw(st.sets(st.integers(0, len(plans) - 1)))
    everything = lay_out(text, plans, marks)
    assert lay_out(text, plans, marks, only) == [everything[n] for n in sorted(only)]


@given(_texts_with_marks(), st.data())
def test_touched_blocks_are_all_that_a_removed_mark_repaints(
    case: tuple[str, list[Mark]], data: st.DataObject
) -> None:
    text, marks = case
    if not marks:
        return
    gone = data.draw(st.sampled_from(marks))
    left = [mark for mark in marks if mark is not gone]
    plans = plan_blocks(text)
    touched = touched_blocks(plans, [(gone.start_char, gone.end_char)], left)
    before, after = assign_levels(marks), assign_levels(left)
    for old, new in zip(
        lay_out(text, plans, marks), lay_out(text, plans, left), strict=True
    ):
        moved = any(
            before[m.key] != after[m.key] for s in new.segments for m in s.marks
        )
        if old != new or moved:
            assert old.plan.index in touched


@given(_texts_with_marks())
def test_assign_levels_keeps_overlapping_marks_apart(
    case: tuple[str, list[Mark]],
) -> None:
    marks = case[1][:4]
    levels = assign_levels(marks)
    for one in marks:
        for other in marks:
            if one is not other and (
                one.start_char < other.end_char and other.start_char < one.end_char
            ):
                assert levels[one.key] != levels[other.key]


@given(st.lists(st.sampled_from([*_PIECES, "x" * 700, "palabra " * 90]), max_size=30))
def test_plan_blocks_stays_under_the_limit_and_never_cuts_a_token(
    pieces: list[str],
) -> None:
    text = "".join(pieces) or "x"
    tokens = [(t.start_char, t.end_char) for t in tokenize(text, "es")]
    edges = set()
    for plan in plan_blocks(text, tokens=lambda: tokens):
        size = plan.end_char - plan.start_char
        longest = max((end - start for start, end in tokens), default=0)
        assert 0 < size <= max(MAX_BLOCK_CHARS, longest)
        edges.add(plan.start_char)
    inside = {
        n for start, end in tokens if end - start <= 1000 for n in range(start + 1, end)
    }
    assert not edges & inside


def test_plan_blocks_tells_headings_items_and_paragraphs() -> None:
    text = "MOTIVO DE INGRESO\nFiebre y tos.\nDisnea.\n\n- Reposo\n- Dieta\nNota"
    kinds = [
        (plan.kind, text[plan.start_char : plan.end_char]) for plan in plan_blocks(text)
    ]
    assert kinds == [
        ("heading", "MOTIVO DE INGRESO\n"),
        ("paragraph", "Fiebre y tos.\nDisnea.\n\n"),
        ("item", "- Reposo\n"),
        ("item", "- Dieta\nNota"),
    ]


def test_plan_blocks_tells_numbered_headings_from_doses_and_items() -> None:
    text = "1. MOTIVO\n2.1 Alergias\n1- Reposo\n- TAC\n5 MG\n500 mg\nTA 98/56\n"
    kinds = [plan.kind for plan in plan_blocks(text)]
    assert kinds == ["heading", "paragraph", "item", "item"]


def test_plan_blocks_of_a_dialogue_gives_each_turn_a_row_with_its_prefix() -> None:
    text = "Visita 3\nDoctor: ¿Fuma?\nPaciente: No.\r\nNunca.\nDoctor: Bien."
    plans = plan_blocks(text, _dialogue(text))
    rows = [
        (
            p.kind,
            p.role,
            text[p.start_char : p.words_start],
            text[p.words_start : p.end_char],
        )
        for p in plans
    ]
    assert rows == [
        ("paragraph", "", "", "Visita 3\n"),
        ("turn", "doctor", "Doctor: ", "¿Fuma?\n"),
        ("turn", "patient", "Paciente: ", "No.\r\nNunca.\n"),
        ("turn", "doctor", "Doctor: ", "Bien."),
    ]


def test_plan_blocks_of_turns_on_one_line_and_without_prefix_keeps_the_text() -> None:
    text = "hola buenos días"
    turns = [
        {"speaker": "A", "role": "doctor", "start": 0, "end": 4},
        {"speaker": "B", "role": "patient", "start": 5, "end": 16},
    ]
    plans = plan_blocks(text, turns)
    assert [(p.start_char, p.words_start, p.end_char) for p in plans] == [
        (0, 0, 4),
        (4, 5, 16),
    ]


def _decode(packed: str, start_char: int) -> list[tuple[int, int]]:
    """Read the packed tokens as static/js/offsets.js does."""
    numbers: list[int] = []
    value = 0
    for digit in packed:
        if digit == "z":
            value += 35
        else:
            numbers.append(value + int(digit, 36))
            value = 0
    ranges, position = [], start_char
    for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
        ranges.append((position + gap, position + gap + length))
        position += gap + length
    return ranges


@given(_TEXTS)
def test_encode_tokens_of_all_blocks_decodes_to_the_tokens(text: str) -> None:
    tokens: Sequence[tuple[int, int]] = [
        (t.start_char, t.end_char) for t in tokenize(text, "es")
    ]
    decoded = [
        pair
        for plan in plan_blocks(text)
        for pair in _decode(
            encode_tokens(tokens, plan.start_char, plan.end_char), plan.start_char
        )
    ]
    assert decoded == list(tokens)


@given(_texts_with_marks(), st.data())
def test_marks_near_paint_the_wanted_blocks_as_all_marks_do(
    case: tuple[str, list[Mark]], data: st.DataObject
) -> None:
    text, marks = case
    marks.sort(key=lambda mark: (mark.start_char, -mark.end_char, mark.key))
    plans = plan_blocks(text)
    wanted = data.draw(st.sets(st.integers(0, len(plans) - 1)))
    near = marks_near(marks, plans, wanted)
    assert lay_out(text, plans, near, wanted) == lay_out(text, plans, marks, wanted)
    levels = assign_levels(marks)
    assert assign_levels(near) == {mark.key: levels[mark.key] for mark in near}


def test_marks_near_leave_out_what_no_wanted_block_depends_on() -> None:
    text = "Uno.\n\nDos.\n\nTres."
    plans = plan_blocks(text)
    marks = [Mark("a1", 0, 3, 1), Mark("a2", 6, 9, 1), Mark("a3", 12, 16, 1)]
    assert marks_near(marks, plans, {1}) == [marks[1]]
    assert marks_near(marks, plans, set()) == []
