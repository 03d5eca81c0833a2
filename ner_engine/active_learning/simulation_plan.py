"""What a simulation is to run: read from a JSON file, checked before it starts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ner_engine.active_learning.costs import SecondsModel
from ner_engine.active_learning.selection import BatchRules
from ner_engine.active_learning.strategies import get_strategy
from ner_engine.errors import BadInput
from ner_engine.training.recipes import get_recipe

# The folder that relative names of corpora are looked up in.
CORPORA = "GLOSA_CORPORA"
FIRST_RANDOM, FIRST_COLD, FIRST_STRATEGY = "random", "cold_start", "strategy"


@dataclass(frozen=True, slots=True)
class CorpusPlan:
    """A corpus to replay: rows of split train are the pool, of split test the judge.

    Parameters
    ----------
    name : str
    file : str
        Document JSONL; a relative name is looked up in the folder that the environment
        variable ``GLOSA_CORPORA`` names, else beside the plan.
    labels : tuple of str
        Empty for those of the pool.
    pool, test : int
        Notes drawn by the seed 0; 0 for all.
    """

    name: str
    file: str
    labels: tuple[str, ...] = ()
    pool: int = 0
    test: int = 0


@dataclass(frozen=True, slots=True)
class StartPlan:
    """What every round trains from: an encoder (cold) or a bundle."""

    name: str
    init: str


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """A grid: corpora times starts times strategies times seeds.

    Parameters
    ----------
    corpora, starts, strategies, seeds : tuple
    recipe : str
    settings : tuple of str
        ``KEY=VALUE`` changes of the recipe.
    batches : tuple of int
        Notes of each round; more than one.
    first : str
        Who chooses the first batch: ``random`` the same notes for every strategy;
        ``cold_start`` that strategy, for all but ``random``; ``strategy`` each its own,
        where the start gives it the signals, else ``cold_start``.
    random_share, rare_share, fresh_share : float
        As in `BatchRules`.
    dropout_passes : int
        For ``bald``.
    min_confidence : float
        Suggestions below it are not shown, so they cost and help nothing.
    threads : int
        0 leaves the choice to the library.
    folder : Path
        Of the plan's file.
    """

    corpora: tuple[CorpusPlan, ...]
    starts: tuple[StartPlan, ...]
    strategies: tuple[str, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    recipe: str = "adapt"
    settings: tuple[str, ...] = ()
    batches: tuple[int, ...] = (10, 10, 10, 10, 20, 20)
    first: str = FIRST_RANDOM
    random_share: float = 0.1
    rare_share: float = 0.2
    fresh_share: float = 0.5
    dropout_passes: int = 5
    min_confidence: float = 0.0
    threads: int = 0
    folder: Path = Path()

    def __post_init__(self) -> None:
        for name in ("corpora", "starts", "strategies", "seeds"):
            values = getattr(self, name)
            if not values:
                raise BadInput(f"the plan has no {name}")
            keys = [getattr(value, "name", value) for value in values]
            if len(set(keys)) != len(keys):
                raise BadInput(f"the plan names one of its {name} twice")
        for strategy in self.strategies:
            get_strategy(strategy)
        if len(self.batches) < 2 or min(self.batches) < 1:
            raise BadInput("the plan needs two batches or more, of a note at least")
        if self.first not in (FIRST_RANDOM, FIRST_COLD, FIRST_STRATEGY):
            raise BadInput(
                f"first is none of random, cold_start, strategy: {self.first}"
            )
        if "bald" in self.strategies and self.dropout_passes < 2:
            raise BadInput("bald needs two dropout_passes or more")
        get_recipe(self.recipe).with_settings(self.settings)
        try:
            self.rules()
        except ValueError as error:
            raise BadInput(str(error)) from error

    def rules(self) -> BatchRules:
        """Return the rules of a batch."""
        return BatchRules(
            random_share=self.random_share,
            rare_share=self.rare_share,
            fresh_share=self.fresh_share,
        )

    def seconds_model(self) -> SecondsModel:
        """Return the model of seconds that costs are counted by."""
        return SecondsModel()

    def path_of(self, corpus: CorpusPlan) -> Path:
        """Return where a corpus lies."""
        path = Path(corpus.file)
        if path.is_absolute():
            return path
        folder = os.environ.get(CORPORA)
        if folder and (Path(folder) / path).exists():
            return Path(folder) / path
        return self.folder / path

    def to_json(self) -> dict[str, Any]:
        """Return what was planned, without places on this machine."""
        values = asdict(self)
        del values["folder"]
        for corpus in values["corpora"]:
            corpus["file"] = Path(corpus["file"]).name
        for start in values["starts"]:
            start["init"] = Path(start["init"]).name
        return values

    def settings_of_a_cell(self) -> dict[str, Any]:
        """Return what decides a cell besides corpus, start, strategy and seed."""
        names = (
            "recipe",
            "settings",
            "batches",
            "first",
            "random_share",
            "rare_share",
            "fresh_share",
            "dropout_passes",
            "min_confidence",
        )
        return {name: getattr(self, name) for name in names}


def read_plan(path: Path, *, is_quick: bool = False) -> SimulationPlan:
    """Read a plan; its part ``quick`` replaces values when that is asked for.

    Raises
    ------
    BadInput
        With the file, for what is no plan or cannot be run.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput("not JSON", path=path) from error
    if not isinstance(values, dict):
        raise BadInput("not a JSON object", path=path)
    quick = values.pop("quick", {})
    if is_quick:
        values |= quick
    try:
        return _plan_of(values, path.parent)
    except BadInput as error:
        raise BadInput(error.reason, path=path) from error


def _plan_of(values: Mapping[str, Any], folder: Path) -> SimulationPlan:
    known = {field.name for field in fields(SimulationPlan)} - {"folder"}
    unknown = sorted(set(values) - known)
    if unknown:
        raise BadInput(f"unknown settings of a plan: {', '.join(unknown)}")
    try:
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        given["corpora"] = tuple(
            CorpusPlan(**{**row, "labels": tuple(row.get("labels", ()))})
            for row in values["corpora"]
        )
        given["starts"] = tuple(StartPlan(**row) for row in values["starts"])
        return SimulationPlan(**given, folder=folder)
    except KeyError as error:
        raise BadInput(f"the plan has no {error.args[0]}") from error
    except (TypeError, AttributeError) as error:
        raise BadInput(f"not a plan: {error}") from error
