"""The frame notation, on grammars small enough to enumerate."""

from __future__ import annotations

from random import Random

import pytest

from ner_engine.data.grammar import Grammar, Piece, Style


def _expansions(rules, rule="start", n=60, style=Style()):  # noqa: B008 - frozen
    grammar = Grammar(rules)
    return {tuple(grammar.expand(rule, Random(seed), style)) for seed in range(n)}


def test_a_slot_in_capitals_is_a_labelled_piece():
    rules = {"start": ["toma {MED}."], "med": ["litio"]}
    assert _expansions(rules) == {
        (Piece("toma "), Piece("litio", "MEDICATION"), Piece("."))
    }


def test_a_labelled_piece_holds_its_expansion():
    rules = {"start": ["<DUR:{n} [días|meses]>"], "n": ["2"]}
    assert _expansions(rules) == {
        (Piece("2 días", "DURATION"),),
        (Piece("2 meses", "DURATION"),),
    }


def test_a_choice_may_be_empty_and_nested():
    surfaces = {
        "".join(piece.text for piece in pieces)
        for pieces in _expansions({"start": ["a[b[c|]|]"]})
    }
    assert surfaces == {"a", "ab", "abc"}


def test_a_weight_counts_the_alternative_more_than_once():
    grammar = Grammar({"start": ["99*a", "b"]})
    drawn = [
        next(grammar.expand("start", Random(seed), Style())).text for seed in range(200)
    ]
    assert drawn.count("a") > 180


def test_numbers_keep_to_their_range_and_decimal_mark():
    (piece,) = Grammar({"start": ["{2-2}"]}).expand("start", Random(0), Style())
    assert piece.text == "2"
    style = Style(decimal_mark=",")
    (piece,) = Grammar({"start": ["{0.5-0.5}"]}).expand("start", Random(0), style)
    assert piece.text == "0,5"


def test_lines_carry_the_bullet_of_the_document():
    grammar = Grammar({"start": ["{*3-3 line}"], "line": ["a", "b", "c"]})
    pieces = grammar.expand("start", Random(1), Style(bullet="1. "))
    lines = "".join(piece.text for piece in pieces).split("\n")
    assert [line[:3] for line in lines] == ["1. ", "2. ", "3. "]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ("{gone}", "names gone"),
        ("[a|b", "not closed"),
        ("{open", "not closed"),
        ("<MED:a", "not closed"),
        ("{XYZ}", "no label"),
    ],
)
def test_a_frame_that_is_not_well_formed_is_refused(frame, message):
    with pytest.raises(ValueError, match=message):
        Grammar({"start": [frame]})
