"""When more annotation no longer changes the model: stability and plateau.

Both rules want several rounds in a row: one still round is luck.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ner_engine.types import Span

STABLE_KAPPA = 0.99
STABLE_ROUNDS = 3
PLATEAU_ROUNDS = 3
PLATEAU_GAIN = 0.005
# Ranges of up to this many tokens count as places where a span could have been.
MAX_SPAN_TOKENS = 10


def span_kappa(
    before: Sequence[Iterable[Span]],
    after: Sequence[Iterable[Span]],
    n_tokens: Sequence[int],
) -> float | None:
    """Return the agreement of two models on a set of unlabelled notes.

    Cohen's kappa over the places where a span could be: the ranges of 1 to
    `MAX_SPAN_TOKENS` tokens of each note, each a span of a label or none. Such places
    are many, so it lies close to its limit, the F1 of one model against the other.

    Parameters
    ----------
    before, after : sequence of iterable of Span, (note,)
        Predictions of two models for the same notes: of consecutive rounds.
    n_tokens : sequence of int, (note,)

    Returns
    -------
    float or None
        1 for full agreement; None where neither proposes a span.

    Raises
    ------
    ValueError
        When the sequences differ in length.

    Source: Bloodgood and Vijay-Shanker (2009), "A method for stopping active learning
    based on stabilizing predictions and the need for user-adjustable stopping"; spans
    after Hripcsak and Rothschild (2005), "Agreement, the F-measure, and reliability in
    information retrieval".
    """
    if not len(before) == len(after) == len(n_tokens):
        raise ValueError("before, after and n_tokens are not of the same notes")
    both = ours = theirs = n_places = 0
    for first, second, length in zip(before, after, n_tokens, strict=True):
        one, two = set(first), set(second)
        both += len(one & two)
        ours += len(one)
        theirs += len(two)
        n_places += sum(max(length - size, 0) for size in range(MAX_SPAN_TOKENS))
    if ours + theirs == 0:
        return None
    # Spans that are longer or overlap in every label must not exceed the places.
    n_places = max(n_places, ours + theirs - both)
    observed = 1 - (ours + theirs - 2 * both) / n_places
    by_chance = (ours * theirs + (n_places - ours) * (n_places - theirs)) / n_places**2
    if by_chance == 1:
        return 1.0 if both == ours == theirs else 0.0
    return (observed - by_chance) / (1 - by_chance)


@dataclass(frozen=True, slots=True)
class StopAdvice:
    """Whether to stop, and on what ground.

    Parameters
    ----------
    should_stop : bool
        Both rules hold.
    is_stable : bool
    has_plateaued : bool or None
        None without held-out scores of enough rounds.
    kappa : float or None
        The lowest of the last rounds.
    gain : float or None
        Best held-out F1 of the last rounds less the best before them.
    """

    should_stop: bool
    is_stable: bool
    has_plateaued: bool | None
    kappa: float | None
    gain: float | None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "should_stop": self.should_stop,
            "is_stable": self.is_stable,
            "has_plateaued": self.has_plateaued,
            "kappa": self.kappa,
            "gain": self.gain,
        }


def is_stable(
    kappas: Sequence[float | None],
    *,
    threshold: float = STABLE_KAPPA,
    rounds: int = STABLE_ROUNDS,
) -> bool:
    """Tell whether the last rounds' kappas all reach the threshold.

    Source: Bloodgood and Vijay-Shanker (2009): 0.99 over three rounds.
    """
    last = kappas[-rounds:]
    return len(last) == rounds and all(
        kappa is not None and kappa >= threshold for kappa in last
    )


def plateau_gain(scores: Sequence[float], *, rounds: int) -> float | None:
    """Return the best of the last rounds less the best before; None with too few."""
    if len(scores) <= rounds:
        return None
    return max(scores[-rounds:]) - max(scores[:-rounds])


def advise(
    kappas: Sequence[float | None],
    scores: Sequence[float],
    *,
    threshold: float = STABLE_KAPPA,
    stable_rounds: int = STABLE_ROUNDS,
    plateau_rounds: int = PLATEAU_ROUNDS,
    min_gain: float = PLATEAU_GAIN,
) -> StopAdvice:
    """Advise to stop when predictions are stable and held-out F1 no longer rises.

    Parameters
    ----------
    kappas : sequence of float or None
        Of `span_kappa` between each round and the one before, oldest first.
    scores : sequence of float
        Held-out F1 of each round, oldest first; empty where nothing is held out. Then
        there is no advice to stop: a stable model may be stably wrong.
    """
    stable = is_stable(kappas, threshold=threshold, rounds=stable_rounds)
    gain = plateau_gain(scores, rounds=plateau_rounds)
    plateaued = None if gain is None else gain < min_gain
    last = [kappa for kappa in kappas[-stable_rounds:] if kappa is not None]
    return StopAdvice(
        should_stop=stable and plateaued is True,
        is_stable=stable,
        has_plateaued=plateaued,
        kappa=min(last) if last else None,
        gain=gain,
    )
