"""What a batch holds besides what its strategy wants."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.active_learning.pool import Pool
from ner_engine.active_learning.selection import BatchRules, select_batch
from ner_engine.active_learning.strategies import STRATEGIES
from tests.ner_engine.active_learning.pools import drawn_pool, pool_of_spans

NO_CHANCE = BatchRules(random_share=0, rare_share=0)


@given(
    name=st.sampled_from(sorted(STRATEGIES)),
    n_notes=st.integers(0, 25),
    size=st.integers(0, 30),
    seed=st.integers(0, 1000),
)
def test_a_batch_holds_distinct_notes_of_the_pool(name, n_notes, size, seed):
    picks = select_batch(drawn_pool(n_notes, seed=seed), name, size, seed=seed)

    notes = [pick.note for pick in picks]
    assert len(notes) == len(set(notes)) == min(size, n_notes)
    assert all(0 <= note < n_notes for note in notes)


def test_a_tenth_of_a_batch_is_drawn_by_chance_and_marked():
    picks = select_batch(drawn_pool(), "mnlp", 20, seed=0)

    drawn = [pick for pick in picks if pick.is_random]
    assert len(drawn) == 2
    assert {pick.reason.code for pick in drawn} == {"random"}
    assert {pick.reason.numbers["share"] for pick in drawn} == {0.1}


def test_of_small_batches_a_tenth_is_drawn_in_the_long_run():
    pool = drawn_pool()

    n_drawn = sum(
        pick.is_random
        for seed in range(400)
        for pick in select_batch(pool, "mnlp", 5, seed=seed)
    )

    # 2,000 picks: 200 expected, standard deviation 14.
    assert 140 < n_drawn < 260


def test_every_note_is_as_likely_to_be_drawn_as_any_other():
    pool = drawn_pool(10)

    counts = Counter(
        pick.note
        for seed in range(600)
        for pick in select_batch(pool, "mnlp", 5, seed=seed)
        if pick.is_random
    )

    # 300 draws over 10 notes: 30 each, standard deviation 5.2.
    assert set(counts) == set(range(10))
    assert max(counts.values()) < 55


def test_notes_drawn_by_chance_do_not_all_stand_at_one_end():
    picks = select_batch(
        drawn_pool(), "mnlp", 20, seed=1, rules=BatchRules(random_share=0.2)
    )

    places = [place for place, pick in enumerate(picks) if pick.is_random]
    assert places == [2, 7, 12, 17]


def test_the_random_strategy_is_bent_by_nothing():
    picks = select_batch(drawn_pool(), "random", 30, seed=0)

    assert all(pick.is_random for pick in picks)


def test_the_same_doubtful_surface_is_shown_once_in_a_batch():
    # Notes 0 to 4 all ask about surface 7; 5 and 6 about others.
    pool = pool_of_spans(
        [(note, 0, 0.5, 7) for note in range(5)] + [(5, 0, 0.5, 8), (6, 0, 0.5, 9)],
        n_notes=7,
    )

    picks = select_batch(pool, "mnlp", 3, seed=0, rules=NO_CHANCE)

    assert [pick.note for pick in picks] == [0, 5, 6]


def test_a_sure_surface_may_come_again():
    pool = pool_of_spans([(note, 0, 0.99, 7) for note in range(3)], n_notes=3)

    picks = select_batch(pool, "mnlp", 3, seed=0, rules=NO_CHANCE)

    assert [pick.note for pick in picks] == [0, 1, 2]


def test_a_note_needs_half_of_its_doubts_to_be_new():
    pool = pool_of_spans(
        [
            *[(0, 0, 0.5, surface) for surface in (1, 2, 3)],
            # The least sure one is new, two of three are not.
            *[(1, 0, 0.4, 9), (1, 0, 0.5, 1), (1, 0, 0.5, 2)],
            *[(2, 0, 0.4, 8), (2, 0, 0.5, 3)],
        ],
        n_notes=3,
    )

    picks = select_batch(pool, "mnlp", 2, seed=0, rules=NO_CHANCE)

    assert [pick.note for pick in picks] == [0, 2]


def test_a_batch_that_can_only_repeat_itself_is_filled_all_the_same():
    pool = pool_of_spans([(note, 0, 0.5, 7) for note in range(4)], n_notes=4)

    picks = select_batch(pool, "mnlp", 3, seed=0, rules=NO_CHANCE)

    assert [pick.note for pick in picks] == [0, 1, 2]


def test_part_of_a_batch_goes_to_a_label_with_little_annotation():
    base = drawn_pool(n_labels=3)
    expected = np.zeros((60, 3))
    expected[[40, 41], 2] = 2.0
    pool = dataclasses.replace(base, expected_spans=expected)

    picks = select_batch(pool, "mnlp", 10, seed=0, rules=BatchRules(random_share=0))

    rare = [pick for pick in picks if pick.reason.code == "rare_label"]
    assert {pick.note for pick in rare} == {40, 41}
    assert rare[0].reason.numbers == {"label": "C", "n": 2.0, "annotated": 3}


def test_no_quota_for_labels_with_enough_annotation():
    pool = dataclasses.replace(drawn_pool(), annotated_spans=np.array([50, 60, 70]))

    picks = select_batch(pool, "mnlp", 10, seed=0)

    assert "rare_label" not in {pick.reason.code for pick in picks}


def test_a_reason_counts_the_doubtful_suggestions_of_the_commonest_label():
    pool = pool_of_spans(
        [(0, 1, 0.4, 1), (0, 1, 0.6, 2), (0, 0, 0.5, 3), (0, 0, 0.95, 4)], n_notes=1
    )

    (pick,) = select_batch(pool, "mnlp", 1, seed=0, rules=NO_CHANCE)

    assert pick.reason.code == "unsure_spans"
    assert pick.reason.numbers == {
        "label": "B",
        "n": 2,
        "confidence": 0.5,
        "n_all": 3,
    }


def test_a_note_without_suggestions_may_be_picked_for_what_it_hides():
    pool = pool_of_spans([], n_notes=1, expected=[[0.2, 1.4]])

    (pick,) = select_batch(pool, "mnlp", 1, seed=0, rules=NO_CHANCE)

    assert pick.to_json() == {
        "note": 0,
        "reason": {"code": "possible_misses", "label": "B", "n": 1.4},
        "is_random": False,
    }
    json.dumps(pick.to_json())


def test_rules_that_ask_for_more_than_the_batch_are_refused():
    with pytest.raises(ValueError, match="more than the batch"):
        BatchRules(random_share=0.9, rare_share=0.2)


def test_a_signal_of_another_length_than_the_pool_is_refused():
    with pytest.raises(ValueError, match="token_margin"):
        Pool(n_tokens=np.array([1, 2]), token_margin=np.array([0.5]))
