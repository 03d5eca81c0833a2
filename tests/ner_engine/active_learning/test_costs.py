"""Edits against hand counts, and the expectation against its own assumptions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.active_learning.costs import (
    EditCounts,
    SecondsModel,
    count_edits,
    expected_edits,
    expected_seconds,
    total_edits,
)
from ner_engine.types import Span
from tests.ner_engine.active_learning.pools import pool_of_spans

GOLD = Span(10, 20, "A")


@pytest.mark.parametrize(
    ("suggested", "kind", "edits"),
    [
        (Span(10, 20, "A"), "accept", 1),
        (Span(10, 20, "B"), "relabel", 1),
        (Span(10, 18, "A"), "boundary", 1),
        (Span(8, 22, "A"), "boundaries", 2),
        (Span(10, 25, "B"), "relabel_boundary", 2),
    ],
)
def test_one_suggestion_costs_what_the_table_says(suggested, kind, edits):
    counts = count_edits([suggested], [GOLD])

    assert counts == EditCounts(**{kind: 1})
    assert counts.edits == edits


def test_what_finds_no_partner_is_rejected_and_added():
    # Another label and both edges off: as dear to mend as to make anew.
    counts = count_edits([Span(8, 22, "B")], [GOLD])

    assert counts == EditCounts(reject=1, add=1)
    assert counts.edits == 3


def test_the_exact_suggestion_is_accepted_before_its_neighbour_is_stretched():
    counts = count_edits([Span(10, 18, "A"), GOLD], [GOLD])

    assert counts == EditCounts(accept=1, reject=1)


def test_each_gold_span_serves_one_suggestion():
    counts = count_edits([Span(10, 14, "A"), Span(15, 20, "A")], [GOLD])

    assert counts == EditCounts(boundary=1, reject=1)


def test_nothing_suggested_means_everything_is_added():
    assert count_edits([], [GOLD, Span(30, 40, "B")]).edits == 4


spans = st.lists(
    st.builds(
        lambda start, length, label: Span(start, start + length, label),
        st.integers(0, 30),
        st.integers(1, 10),
        st.sampled_from("AB"),
    ),
    max_size=6,
)


@given(suggested=spans, gold=spans)
def test_suggestions_never_cost_more_than_rejecting_all_and_adding_all(suggested, gold):
    counts = count_edits(suggested, gold)

    assert counts.edits <= len(set(suggested)) + 2 * len(set(gold))
    paired = (
        counts.accept
        + counts.relabel
        + counts.boundary
        + counts.boundaries
        + counts.relabel_boundary
    )
    assert paired + counts.reject == len(set(suggested))
    assert paired + counts.add == len(set(gold))


def test_total_edits_adds_up_notes():
    assert total_edits([([], [GOLD]), ([GOLD], [GOLD])]) == EditCounts(add=1, accept=1)


def test_expected_edits_of_sure_suggestions_are_acceptances():
    pool = pool_of_spans([(0, 0, 1.0, 1), (0, 1, 1.0, 2)], n_notes=2)

    assert expected_edits(pool) == pytest.approx([2.0, 0.0])


def test_expected_edits_pair_wrong_suggestions_with_misses():
    # One suggestion right by half: half accepted; of 0.7 missed, half a boundary is
    # moved (1.5) and 0.2 added (2).
    pool = pool_of_spans([(0, 0, 0.5, 1)], n_notes=1, expected=[[1.2, 0.0]])

    assert expected_edits(pool) == pytest.approx([0.5 + 0.75 + 0.4])


def test_expected_seconds_read_every_token_and_mend_what_is_wrong():
    pool = pool_of_spans([(0, 0, 1.0, 1)], n_notes=2)
    model = SecondsModel(note=2, token=0.5, accept=3)

    assert expected_seconds(pool, model) == pytest.approx([10.0, 7.0])


def test_seconds_of_a_note_add_reading_and_gestures():
    model = SecondsModel(note=5, token=0.25, add=4, reject=1)

    assert model.seconds(100, EditCounts(add=2, reject=3)) == 5 + 25 + 8 + 3
