"""What the cells of a simulation say: curves, area, cost to reach, savings, intervals.

Intervals are percentiles of a bootstrap over test notes and seeds at once; the same
draws serve all strategies of a group (one corpus and start), so differences are paired.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ner_engine.active_learning.forecast import MIN_ROUNDS, fit_curve
from ner_engine.active_learning.pool import Floats, Ints
from ner_engine.active_learning.simulation import FULL, Cell

TARGETS = (0.90, 0.95, 0.99)
COSTS = ("edits", "n_notes", "n_tokens", "n_spans", "seconds")
BASELINE = "random"
N_DRAWS = 500
LEVEL = 0.95
_GRID = 21


@dataclass(frozen=True, slots=True)
class Run:
    """A cell's rounds as arrays: R rounds, T test notes."""

    costs: dict[str, Floats]  # each (R,)
    counts: Ints  # (R, T, 3): tp, fp, fn
    rounds: list[dict[str, Any]]

    def f1(self, weights: Floats) -> Floats:
        """Return F1 of each round with each test note counted so often, (R,)."""
        return _f1(np.einsum("rtk,t->rk", self.counts, weights))


def read_runs(
    cells: Sequence[Cell], folder: Path
) -> dict[tuple[str, str], dict[str, dict[int, Run]]]:
    """Return complete runs by (corpus, start), strategy and seed."""
    groups: dict[tuple[str, str], dict[str, dict[int, Run]]] = {}
    for cell in cells:
        path = folder / f"{cell.name}.json"
        if not path.exists():
            continue
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["is_complete"]:
            group = groups.setdefault((cell.corpus.name, cell.start.name), {})
            group.setdefault(cell.strategy, {})[cell.seed] = _run_of(values["rounds"])
    return groups


def _run_of(rounds: list[dict[str, Any]]) -> Run:
    return Run(
        costs={
            name: np.array([row[name] for row in rounds], np.float64) for name in COSTS
        },
        counts=np.array([row["test"] for row in rounds], np.int64),
        rounds=rounds,
    )


def _f1(counts: np.ndarray[Any, Any]) -> Floats:
    tp = 2.0 * counts[..., 0]
    f1: Floats = tp / np.maximum(tp + counts[..., 1] + counts[..., 2], 1e-12)
    return f1


def cost_to_reach(cost: Floats, f1: Floats, target: float) -> float | None:
    """Return the cost where F1 first reaches the target, on the line between rounds.

    None where it never does, and for a target of 0: that of a full model that learned
    nothing, which nobody reaches.

    Examples
    --------
    >>> cost_to_reach(np.array([0.0, 10.0, 20.0]), np.array([0.0, 0.5, 0.7]), 0.6)
    15.0
    """
    reached = np.flatnonzero(f1 >= target)
    if target <= 0 or not len(reached):
        return None
    at = int(reached[0])
    if at == 0:
        return float(cost[0])
    share = (target - f1[at - 1]) / (f1[at] - f1[at - 1])
    return float(cost[at - 1] + share * (cost[at] - cost[at - 1]))


def area_under(cost: Floats, f1: Floats, most: float) -> float:
    """Return the mean of F1 over the cost from 0 to *most*."""
    if most <= 0:
        return float(f1[0])
    grid = np.linspace(0, most, 201)
    return float(np.trapezoid(np.interp(grid, cost, f1), grid) / most)


def analyse(
    groups: dict[tuple[str, str], dict[str, dict[int, Run]]],
    *,
    seed: int,
    n_draws: int = N_DRAWS,
) -> list[dict[str, Any]]:
    """Return the figures of each group, as plain JSON values."""
    return [
        _Group(corpus, start, dict(runs), seed, n_draws).figures()
        for (corpus, start), runs in groups.items()
    ]


@dataclass
class _Group:
    corpus: str
    start: str
    runs: dict[str, dict[int, Run]]
    seed: int
    n_draws: int

    def __post_init__(self) -> None:
        self.full = self.runs.pop(FULL, {})
        # Only seeds that every strategy finished can be compared.
        common = [set(by_seed) for by_seed in self.runs.values()]
        self.seeds = (
            sorted(set.intersection(*common) & set(self.full)) if common else []
        )
        self.most = min(
            (
                float(by_seed[seed].costs["edits"][-1])
                for by_seed in self.runs.values()
                for seed in self.seeds
            ),
            default=0.0,
        )

    def figures(self) -> dict[str, Any]:
        base: dict[str, Any] = {
            "corpus": self.corpus,
            "start": self.start,
            "seeds": self.seeds,
        }
        if not self.seeds:
            return {**base, "strategies": {}}
        n_test = next(iter(self.full.values())).counts.shape[1]
        rng = np.random.default_rng(self.seed)
        notes = rng.multinomial(n_test, np.full(n_test, 1 / n_test), self.n_draws)
        drawn_seeds = rng.choice(self.seeds, (self.n_draws, len(self.seeds)))
        seen = self._measure(np.ones(n_test), self.seeds)
        draws = [
            self._measure(weights.astype(np.float64), seeds.tolist())
            for weights, seeds in zip(notes, drawn_seeds, strict=True)
        ]
        return {
            **base,
            "n_test": n_test,
            "most_edits": self.most,
            "full_f1": float(
                np.mean(
                    [self.full[seed].f1(np.ones(n_test))[-1] for seed in self.seeds]
                )
            ),
            "strategies": {
                name: self._of_strategy(name, seen, draws) for name in self.runs
            },
        }

    def _measure(
        self, weights: Floats, seeds: Sequence[int]
    ) -> dict[str, dict[str, Any]]:
        """Return each strategy's means over seeds, with test notes weighted."""
        full = {seed: float(self.full[seed].f1(weights)[-1]) for seed in set(seeds)}
        measured: dict[str, dict[str, Any]] = {}
        for name, by_seed in self.runs.items():
            areas: list[float] = []
            curves: list[Floats] = []
            costs: dict[tuple[str, float], list[float]] = {}
            n_reached = dict.fromkeys(TARGETS, 0)
            for seed in seeds:
                run = by_seed[seed]
                f1 = run.f1(weights)
                edits = run.costs["edits"]
                areas.append(area_under(edits, f1, self.most))
                grid = np.linspace(0, self.most, _GRID)
                curves.append(np.interp(grid, edits, f1))
                for share in TARGETS:
                    for cost in COSTS:
                        found = cost_to_reach(run.costs[cost], f1, share * full[seed])
                        # Not reached: it costs more than was spent, so at least that.
                        spent = float(run.costs[cost][-1])
                        value = spent if found is None else found
                        costs.setdefault((cost, share), []).append(value)
                        n_reached[share] += cost == "edits" and found is not None
            measured[name] = {
                "area": float(np.mean(areas)),
                "curve": np.mean(curves, axis=0),
                "costs": {key: float(np.mean(row)) for key, row in costs.items()},
                "n_reached": n_reached,
            }
        return measured

    def _of_strategy(
        self,
        name: str,
        seen: dict[str, dict[str, Any]],
        draws: list[dict[str, dict[str, Any]]],
    ) -> dict[str, Any]:
        own = seen[name]
        curves = np.array([draw[name]["curve"] for draw in draws])
        low, high = np.quantile(curves, _tails(), axis=0)
        figures: dict[str, Any] = {
            "area": _with_interval(own["area"], [d[name]["area"] for d in draws]),
            "to_reach": {},
            "curve": {
                "edits": np.linspace(0, self.most, _GRID).round(1).tolist(),
                "f1": own["curve"].round(4).tolist(),
                "low": low.round(4).tolist(),
                "high": high.round(4).tolist(),
            },
            "backtest": backtest([self.runs[name][seed] for seed in self.seeds]),
        }
        for share in TARGETS:
            figures["to_reach"][f"{share:.2f}"] = {
                "n_reached": own["n_reached"][share],
                "of": len(self.seeds),
                **{cost: round(own["costs"][cost, share], 1) for cost in COSTS},
                "saving_of_edits": self._saving(name, share, seen, draws),
            }
        return figures

    def _saving(
        self,
        name: str,
        share: float,
        seen: dict[str, dict[str, Any]],
        draws: list[dict[str, dict[str, Any]]],
    ) -> dict[str, float] | None:
        """Return the share of the baseline's edits that is saved; None if unknown.

        Unknown where one of the two did not reach the target with every seed.
        """
        if BASELINE not in seen or name == BASELINE:
            return None
        if any(
            seen[who]["n_reached"][share] < len(self.seeds) for who in (name, BASELINE)
        ):
            return None
        key = ("edits", share)

        def saving(measured: dict[str, dict[str, Any]]) -> float:
            base = measured[BASELINE]["costs"][key]
            return 1 - measured[name]["costs"][key] / base if base > 0 else 0.0

        return _with_interval(saving(seen), [saving(draw) for draw in draws])


def _tails() -> list[float]:
    return [(1 - LEVEL) / 2, (1 + LEVEL) / 2]


def _with_interval(value: float, drawn: Sequence[float]) -> dict[str, float]:
    low, high = np.quantile(np.array(drawn), _tails())
    return {
        "value": round(value, 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def backtest(runs: Sequence[Run]) -> dict[str, int]:
    """Forecast every later round from the earlier ones; count how often it held.

    The interval is that of the curve, the later round scatters about it: the share held
    may lie below the level for that alone.
    """
    n_held = n_all = 0
    for run in runs:
        rounds = [row for row in run.rounds if row["n_notes"] > 0]
        sizes = [row["n_notes"] for row in rounds]
        scores = [row["f1"] for row in rounds]
        for known in range(MIN_ROUNDS, len(rounds)):
            curve = fit_curve(sizes[:known], scores[:known])
            if curve is None:
                continue
            for size, score in zip(sizes[known:], scores[known:], strict=True):
                gain = curve.forecast(size - sizes[known - 1])
                n_held += gain.f1_low <= score <= gain.f1_high
                n_all += 1
    return {"held": n_held, "of": n_all}


def to_markdown(figures: Sequence[dict[str, Any]], *, plan: dict[str, Any]) -> str:
    """Return the figures as a Markdown document."""
    about = (
        f"Recipe {plan['recipe']}, batches {_listed(plan['batches'])}, first batch"
        f" {plan['first']}, seeds {_listed(plan['seeds'])}. Intervals of {LEVEL:.0%} by"
        " bootstrap over test notes and seeds. Costs are those of the table in"
        " `ner_engine/active_learning/costs.py`; a strategy that did not reach a target"
        " with every seed has a lower bound (≥)."
    )
    parts = ["# Simulation", about]
    for group in figures:
        parts.append(f"## {group['corpus']}, from {group['start']}")
        if not group["strategies"]:
            parts.append("No seed that every strategy and the full data finished.")
            continue
        parts.append(
            f"Full-data F1 {group['full_f1']:.3f}, {group['n_test']} test notes,"
            f" {len(group['seeds'])} seeds; area up to {group['most_edits']:.0f} edits."
        )
        parts.append("\n".join(_table(group)))
    return "\n\n".join(parts) + "\n"


def _listed(values: Sequence[int]) -> str:
    return ", ".join(str(value) for value in values)


def _table(group: dict[str, Any]) -> list[str]:
    heads = ["strategy", "area (95 %)"]
    heads += [f"edits to {float(share):.0%}" for share in _shares(group)]
    heads += ["saved at 95 % (95 %)", "forecast held"]
    lines = [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    ranked = sorted(
        group["strategies"].items(), key=lambda row: -row[1]["area"]["value"]
    )
    for name, row in ranked:
        saving = row["to_reach"]["0.95"]["saving_of_edits"]
        cells = [
            name,
            _interval(row["area"], ".3f"),
            *(_reached(row["to_reach"][share]) for share in _shares(group)),
            "" if saving is None else _interval(saving, ".1%"),
            f"{row['backtest']['held']} of {row['backtest']['of']}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _shares(group: dict[str, Any]) -> list[str]:
    return list(next(iter(group["strategies"].values()))["to_reach"])


def _interval(values: dict[str, float], form: str) -> str:
    low, high = format(values["low"], form), format(values["high"], form)
    return f"{values['value']:{form}} ({low} to {high})"


def _reached(row: dict[str, Any]) -> str:
    bound = "" if row["n_reached"] == row["of"] else "≥ "
    return f"{bound}{row['edits']:.0f}"
