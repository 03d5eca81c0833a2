"""Fills a batch: a strategy's order, bent by what a good batch needs besides.

In this order: a share drawn by chance from the whole pool, so that statistics over
those notes stay honest; a share for labels of which little is annotated; the rest by
the strategy. The last two pass over notes that would show again what the batch shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ner_engine.active_learning.pool import Floats, Ints, Pool
from ner_engine.active_learning.reasons import UNSURE, Reason
from ner_engine.active_learning.strategies import by_score, get_strategy

RANDOM_SHARE = 0.1
RARE_SHARE = 0.2
RARE_BELOW = 50


@dataclass(frozen=True, slots=True)
class BatchRules:
    """What a batch must be besides what its strategy wants.

    Parameters
    ----------
    random_share : float
        Of the batch, drawn from the whole pool, each note as likely as any other. A
        fraction of a note is a chance of a whole one, so that it holds in the long run.
    rare_share : float
        At most this share goes to labels of which fewer than *rare_below* spans are
        annotated, if the pool knows (`annotated_spans`, `expected_spans`).
    rare_below : int
    fresh_share : float
        Share of a note's doubtful surfaces that the batch must not hold yet. Its most
        doubtful one must always be new. 0 switches the rule off.
    """

    random_share: float = RANDOM_SHARE
    rare_share: float = RARE_SHARE
    rare_below: int = RARE_BELOW
    fresh_share: float = 0.5

    def __post_init__(self) -> None:
        for name in ("random_share", "rare_share", "fresh_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is not in [0, 1]")
        if self.random_share + self.rare_share > 1:
            raise ValueError("random_share and rare_share are more than the batch")


@dataclass(frozen=True, slots=True)
class Pick:
    """A note of the batch.

    Parameters
    ----------
    note : int
        Its place in the pool.
    reason : Reason
    is_random : bool
        Drawn by chance: statistics over these notes hold for the whole pool.
    """

    note: int
    reason: Reason
    is_random: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "note": self.note,
            "reason": self.reason.to_json(),
            "is_random": self.is_random,
        }


def select_batch(
    pool: Pool,
    strategy: str,
    size: int,
    *,
    seed: int,
    rules: BatchRules | None = None,
) -> list[Pick]:
    """Choose the notes to annotate next, most wanted first.

    Parameters
    ----------
    pool : Pool
    strategy : str
        Of `STRATEGIES`.
    size : int
        Of the batch; a smaller pool is taken whole.
    seed : int
        Of all that is drawn by chance.
    rules : BatchRules, optional

    Returns
    -------
    list of Pick
        Distinct notes; those drawn by chance are spread evenly over the list, so that
        stopping early keeps about their share.

    Raises
    ------
    BadInput
        For an unknown strategy.
    MissingSignal
        When the pool has not what the strategy needs.
    """
    if size < 0:
        raise ValueError(f"a batch of {size} notes")
    rules = rules or BatchRules()
    chosen = get_strategy(strategy)
    if chosen.name == "random":  # nothing may bend it
        rules = replace(rules, random_share=1.0, rare_share=0.0)
    for name in chosen.needs:
        pool.need(name)
    rng = np.random.default_rng(seed)
    size = min(size, len(pool))
    if size == 0:
        return []
    drawn = _draw(pool, size, rules, rng)
    batch = _Batch(pool, rules, taken={pick.note for pick in drawn})
    wanted = size - len(drawn)
    picks = _rare(pool, batch, min(wanted, int(rules.rare_share * size)), rules, rng)
    if len(picks) < wanted:
        ranking = chosen.order(pool, size, rng)
        picks += [
            Pick(note, ranking.explain(note))
            for note in batch.take(ranking.order.tolist(), wanted - len(picks))
        ]
    return _spread(drawn, picks)


def _draw(
    pool: Pool, size: int, rules: BatchRules, rng: np.random.Generator
) -> list[Pick]:
    whole, part = divmod(rules.random_share * size, 1)
    n_drawn = min(int(whole) + int(rng.random() < part), size)
    reason = Reason("random", {"share": rules.random_share})
    notes = rng.choice(len(pool), n_drawn, replace=False)
    return [Pick(int(note), reason, is_random=True) for note in notes]


def _rare(
    pool: Pool,
    batch: _Batch,
    n_picks: int,
    rules: BatchRules,
    rng: np.random.Generator,
) -> list[Pick]:
    """Pick for labels with little annotation, the one furthest behind first."""
    if n_picks <= 0 or not pool.has("annotated_spans", "expected_spans"):
        return []
    annotated: Ints = pool.need("annotated_spans")
    expected: Floats = pool.need("expected_spans")
    behind = [
        label
        for label in np.argsort(annotated, kind="stable").tolist()
        if annotated[label] < rules.rare_below
    ]
    picks: list[Pick] = []
    for number in range(n_picks):
        if not behind:
            break
        label = behind[number % len(behind)]
        # Spans by the token: the longest notes are not meant.
        dense = expected[:, label] / np.sqrt(np.maximum(pool.n_tokens, 1))
        # Below one half, the model would be guessing.
        order = [n for n in by_score(dense, rng).tolist() if expected[n, label] >= 0.5]
        picks += [
            Pick(note, _of_rare(pool, label, note))
            for note in batch.take(order, 1, is_filled=False)
        ]
    return picks


def _of_rare(pool: Pool, label: int, note: int) -> Reason:
    return Reason(
        "rare_label",
        {
            "label": pool.labels[label],
            "n": round(float(pool.need("expected_spans")[note, label]), 2),
            "annotated": int(pool.need("annotated_spans")[label]),
        },
    )


def _spread(drawn: list[Pick], picks: list[Pick]) -> list[Pick]:
    """Put the drawn notes at even distances among the others."""
    total = len(drawn) + len(picks)
    if not drawn:
        return picks
    places = {int((number + 0.5) * total / len(drawn)) for number in range(len(drawn))}
    first, second = iter(drawn), iter(picks)
    return [next(first if place in places else second) for place in range(total)]


@dataclass
class _Batch:
    """Notes taken so far and the doubtful surfaces they show."""

    pool: Pool
    rules: BatchRules
    taken: set[int]
    shown: set[int] = field(default_factory=set)
    doubtful: dict[int, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        pool = self.pool
        unsure = np.flatnonzero(pool.span_confidences < UNSURE)
        unsure = unsure[np.argsort(pool.span_confidences[unsure], kind="stable")]
        self.doubtful = {}
        for place in unsure.tolist():
            own = self.doubtful.setdefault(int(pool.span_notes[place]), [])
            own.append(int(pool.span_surfaces[place]))
        for note in self.taken:
            self.shown.update(self.doubtful.get(note, ()))

    def take(
        self, order: Iterable[int], n_picks: int, *, is_filled: bool = True
    ) -> list[int]:
        """Take notes in order; those passed over come last, if it must be filled."""
        picks: list[int] = []
        passed: list[int] = []
        for note in order:
            if len(picks) == n_picks:
                break
            if note in self.taken:
                continue
            if self._is_fresh(note):
                self._add(note, picks)
            else:
                passed.append(note)
        if is_filled:
            for note in passed[: n_picks - len(picks)]:
                self._add(note, picks)
        return picks

    def _add(self, note: int, picks: list[int]) -> None:
        picks.append(note)
        self.taken.add(note)
        self.shown.update(self.doubtful.get(note, ()))

    def _is_fresh(self, note: int) -> bool:
        surfaces = self.doubtful.get(note)
        if not surfaces or self.rules.fresh_share == 0:
            return True
        if surfaces[0] in self.shown:
            return False
        different = set(surfaces)
        n_new = len(different - self.shown)
        return n_new >= self.rules.fresh_share * len(different)
