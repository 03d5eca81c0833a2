"""Every strategy orders the whole pool; each prefers what its paper says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ner_engine.active_learning.pool import MissingSignal, Pool
from ner_engine.active_learning.reasons import CODES
from ner_engine.active_learning.selection import BatchRules, select_batch
from ner_engine.active_learning.strategies import STRATEGIES, get_strategy
from ner_engine.errors import BadInput
from tests.ner_engine.active_learning.pools import drawn_pool, pool_of_spans

PLAIN = BatchRules(random_share=0, rare_share=0, fresh_share=0)


def order(name, pool, size=5, seed=0):
    return get_strategy(name).order(pool, size, np.random.default_rng(seed))


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_orders_every_note_once_and_gives_a_known_reason(name):
    pool = drawn_pool()

    ranking = order(name, pool)

    assert sorted(ranking.order.tolist()) == list(range(60))
    reasons = [ranking.explain(note) for note in ranking.order.tolist()]
    assert {reason.code for reason in reasons} <= set(CODES)


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_same_seed_gives_the_same_order(name):
    pool = drawn_pool()

    first, second = order(name, pool, seed=7), order(name, pool, seed=7)

    assert first.order.tolist() == second.order.tolist()


@pytest.mark.parametrize(
    "name", [name for name, strategy in STRATEGIES.items() if strategy.needs]
)
def test_a_strategy_without_its_signal_is_refused_by_name(name):
    with pytest.raises(MissingSignal):
        select_batch(Pool(n_tokens=np.array([3, 4])), name, 1, seed=0)


def test_an_unknown_strategy_is_refused_with_the_known_ones():
    with pytest.raises(BadInput, match="mnlp"):
        get_strategy("guess")


@pytest.mark.parametrize(
    ("name", "signal", "sign"),
    [
        ("mnlp", "path_log_probability", -1),
        ("token_entropy", "token_entropy", 1),
        ("entity_entropy", "entity_entropy", 1),
        ("margin", "token_margin", -1),
        ("bald", "mutual_information", 1),
        ("committee", "vote_entropy", 1),
    ],
)
def test_an_uncertain_note_comes_first(name, signal, sign):
    pool = drawn_pool()
    pool = dataclasses.replace(pool, n_tokens=np.full(60, 50))

    ranking = order(name, pool)

    values = getattr(pool, signal)[ranking.order] * sign
    assert values.tolist() == sorted(values.tolist(), reverse=True)


def test_mnlp_does_not_prefer_a_note_for_its_length():
    pool = Pool(
        n_tokens=np.array([10, 1000]), path_log_probability=np.array([-5.0, -50.0])
    )

    assert order("mnlp", pool).order.tolist() == [0, 1]


def test_density_passes_over_an_outlier_of_the_same_uncertainty():
    pool = Pool(
        n_tokens=np.full(5, 10),
        token_entropy=np.full(5, 3.0),
        embeddings=np.array([[1, 0.1], [1, 0], [1, 0.2], [1, 0.1], [-1, 0]], "f4"),
    )

    assert order("density", pool).order.tolist()[-1] == 4


def three_directions(**values):
    rows = [[1, 0, 0]] * 20 + [[0, 1, 0]] * 15 + [[0, 0, 1]] * 5
    noise = np.random.default_rng(0).normal(scale=0.01, size=(40, 3))
    return Pool(
        n_tokens=np.full(40, 10),
        labels=("A",),
        path_log_probability=-np.linspace(1, 9, 40),
        embeddings=(np.array(rows) + noise).astype(np.float32),
        expected_spans=np.zeros((40, 1)),
        **values,
    )


def direction_of(note):
    return 0 if note < 20 else 1 if note < 35 else 2


def test_k_center_takes_what_is_unlike_everything_annotated():
    pool = three_directions(annotated_embeddings=np.eye(3, dtype="f4")[:2])

    picks = select_batch(pool, "k_center", 1, seed=0, rules=PLAIN)

    assert direction_of(picks[0].note) == 2
    assert picks[0].reason.code == "unlike_annotated"
    assert picks[0].reason.numbers["distance"] == pytest.approx(2**0.5, abs=0.05)


def test_cluster_visits_every_direction():
    picks = select_batch(three_directions(), "cluster", 10, seed=0, rules=PLAIN)

    assert {direction_of(pick.note) for pick in picks} == {0, 1, 2}


def test_cluster_then_uncertainty_first_goes_where_nothing_is_annotated():
    # Notes 35 to 39 are the least sure ones, and their direction is covered.
    pool = three_directions(annotated_embeddings=np.eye(3, dtype="f4")[2:])

    picks = select_batch(pool, "cluster_then_uncertainty", 2, seed=0, rules=PLAIN)

    assert {direction_of(pick.note) for pick in picks} <= {0, 1}
    assert {pick.reason.code for pick in picks} == {"new_cluster"}


def test_cluster_then_uncertainty_switches_once_the_pool_is_covered():
    base = three_directions()
    pool = dataclasses.replace(base, annotated_embeddings=base.embeddings)

    picks = select_batch(pool, "cluster_then_uncertainty", 3, seed=0, rules=PLAIN)

    assert [pick.note for pick in picks] == [39, 38, 37]


def test_cold_start_needs_no_model_and_prefers_terms_inside_a_cluster():
    matches = np.zeros(40)
    matches[[7, 22, 38]] = 4
    base = three_directions(dictionary_matches=matches)
    pool = dataclasses.replace(base, path_log_probability=None, expected_spans=None)

    picks = select_batch(pool, "cold_start", 12, seed=0, rules=PLAIN)

    found = {pick.note for pick in picks if pick.reason.code == "dictionary"}
    assert found == {7, 22, 38}


def test_cold_start_with_nothing_known_is_a_draw():
    picks = select_batch(
        Pool(n_tokens=np.arange(1, 9)), "cold_start", 3, seed=0, rules=PLAIN
    )

    assert {pick.reason.code for pick in picks} == {"random"}


def test_value_prefers_the_same_doubt_for_fewer_edits():
    # Both hold one coin; note 1 holds nine sure suggestions to accept besides.
    sure = [(1, 0, 1.0, 10 + number) for number in range(9)]
    pool = pool_of_spans([(0, 0, 0.5, 1), (1, 0, 0.5, 2), *sure], n_notes=2)

    (pick,) = select_batch(pool, "span_entropy_per_edit", 1, seed=0, rules=PLAIN)

    assert pick.note == 0
    assert pick.reason.code == "value"
    assert pick.reason.numbers["edits"] == 1.0


def test_only_strategies_with_a_models_signals_need_a_model():
    without = {
        name for name, strategy in STRATEGIES.items() if not strategy.needs_model
    }

    assert without == {"random", "committee", "k_center", "cluster", "cold_start"}
