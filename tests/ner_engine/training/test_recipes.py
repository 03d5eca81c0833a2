"""Recipes: the published values, their JSON form, and the schedule."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.errors import BadInput
from ner_engine.training.optimiser import learning_rate_share
from ner_engine.training.recipes import RECIPES, Recipe, get_recipe


def test_source_and_transfer_keep_the_published_values():
    source, transfer = get_recipe("source"), get_recipe("transfer")
    assert (source.batch_size, source.learning_rate, source.dropout) == (64, 2e-5, 0.3)
    assert (source.weight_decay, source.warmup) == (0.01, 0.1)
    assert (source.max_pieces, source.epochs) == (512, 10)
    assert (transfer.learning_rate, transfer.dropout) == (5e-5, 0.4)
    assert (transfer.weight_decay, transfer.frozen_proportion) == (0.005, 0.2)
    assert transfer.epochs == 3


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_json_round_trip_is_the_identity(name):
    recipe = get_recipe(name)
    assert recipe.name == name
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize(
    "change", [{"dropout": 1.5}, {"epochs": 0}, {"nonsense": 1}, {"warmup": -0.1}]
)
def test_impossible_settings_are_refused(change):
    with pytest.raises(BadInput):
        Recipe.from_json({**get_recipe("adapt").to_json(), **change})


def test_an_unknown_recipe_names_the_known_ones():
    with pytest.raises(BadInput, match="adapt"):
        get_recipe("nonsense")


@given(st.integers(1, 500), st.floats(0, 1))
def test_rate_rises_then_falls_and_never_leaves_its_range(steps, warmup):
    shares = [learning_rate_share(step, steps, warmup) for step in range(steps)]
    assert all(0 < share <= 1 for share in shares)
    top = shares.index(max(shares))
    assert shares[: top + 1] == sorted(shares[: top + 1])
    assert shares[top:] == sorted(shares[top:], reverse=True)


def test_recipes_of_older_bundles_are_read_and_mean_what_they_meant():
    older = get_recipe("adapt").to_json()
    for name in (
        "heads",
        "frozen_layers",
        "layer_decay",
        "entity_weight",
        "label_smoothing",
        "r_drop",
        "ema_decay",
        "context_tokens",
    ):
        del older[name]
    assert Recipe.from_json(older) == get_recipe("adapt")


def test_settings_are_read_by_their_type():
    recipe = get_recipe("adapt").with_settings(
        ["epochs=3", "learning_rate=1e-4", "freeze_embeddings=false", "heads=joint_crf"]
    )
    assert (recipe.epochs, recipe.learning_rate) == (3, 1e-4)
    assert (recipe.freeze_embeddings, recipe.heads) == (False, "joint_crf")
    assert recipe.batch_size == get_recipe("adapt").batch_size


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epochs", "KEY=VALUE"),
        ("epoch=3", "known:.*epochs"),
        ("name=mine", "unknown"),
        ("epochs=3.5", "no int"),
        ("epochs=0", "at least 1"),
        ("dropout=high", "no float"),
        ("dropout=nan", "not finite"),
        ("freeze_embeddings=1", "true or false"),
        ("heads=nonsense", "multi_crf"),
        ("frozen_layers=nonsense", "intermediate"),
        ("layer_decay=1.5", "outside"),
    ],
)
def test_settings_that_cannot_be_are_refused(setting, message):
    with pytest.raises(BadInput, match=message):
        get_recipe("adapt").with_settings([setting])


def test_consistency_needs_a_dropout_to_compare():
    with pytest.raises(BadInput, match="dropout"):
        get_recipe("adapt").with_settings(["r_drop=1", "dropout=0"])
