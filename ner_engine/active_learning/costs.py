"""What annotation costs: edits by a stated table, seconds by a stated model.

`EDIT_COSTS` counts gestures: a suggestion accepted, given another label or rejected is
one; an edge moved is one; a missed span is two (mark it, name it). The seconds are a
model, not a measurement: a project with a ledger of its own should fit its own
`SecondsModel`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np

from ner_engine.active_learning.pool import Floats, Pool
from ner_engine.active_learning.uncertainty import expected_misses
from ner_engine.types import Span

EDIT_COSTS: Mapping[str, int] = MappingProxyType(
    {
        "accept": 1,
        "relabel": 1,
        "boundary": 1,  # one edge
        "boundaries": 2,  # both edges
        "relabel_boundary": 2,  # the label and one edge
        "add": 2,
        "reject": 1,
    }
)
# A wrong suggestion that stands over a missed span is put right by moving one edge or
# both.
_MEAN_BOUNDARY = 1.5


@dataclass(frozen=True, slots=True)
class EditCounts:
    """How many gestures of each kind bring suggestions to the gold spans."""

    accept: int = 0
    relabel: int = 0
    boundary: int = 0
    boundaries: int = 0
    relabel_boundary: int = 0
    add: int = 0
    reject: int = 0

    def __add__(self, other: EditCounts) -> EditCounts:
        ours, theirs = asdict(self), asdict(other)
        return EditCounts(**{name: ours[name] + theirs[name] for name in ours})

    @property
    def edits(self) -> int:
        """Number of edits by `EDIT_COSTS`."""
        return sum(EDIT_COSTS[name] * count for name, count in asdict(self).items())


@dataclass(frozen=True, slots=True)
class SecondsModel:
    """Modelled seconds of a clinician at work on one note.

    Assumed, not measured: reading at about 240 words a minute, and gestures by the
    keyboard. What a token is follows the project's tokenizer.
    """

    note: float = 5.0
    token: float = 0.25
    accept: float = 1.0
    relabel: float = 2.5
    boundary: float = 3.0
    boundaries: float = 5.0
    relabel_boundary: float = 4.5
    add: float = 5.0
    reject: float = 1.5

    def seconds(self, n_tokens: int, counts: EditCounts) -> float:
        """Return the seconds of a note with these gestures."""
        gestures = sum(
            getattr(self, name) * count for name, count in asdict(counts).items()
        )
        return self.note + self.token * n_tokens + float(gestures)


def count_edits(suggested: Iterable[Span], gold: Iterable[Span]) -> EditCounts:
    """Count the gestures that turn the suggestions of a note into its gold spans.

    Suggestions find their gold span in this order, each at most one: the same range
    and label; the same range; the same label with one edge off, then with both; another
    label with one edge off. What finds none is rejected or added: that is no dearer
    than the other ways.
    """
    left = sorted(set(suggested))
    missing = sorted(set(gold))
    found: dict[str, int] = {}
    for kind, is_pair in _PAIRINGS:
        pairs = [
            (-_overlap(ours, theirs), ours, theirs)
            for ours in left
            for theirs in missing
            if ours.overlaps(theirs) and is_pair(ours, theirs)
        ]
        for _, ours, theirs in sorted(pairs):
            if ours in left and theirs in missing:
                left.remove(ours)
                missing.remove(theirs)
                found[kind] = found.get(kind, 0) + 1
    return EditCounts(add=len(missing), reject=len(left), **found)


def expected_edits(pool: Pool) -> Floats:
    """Return the edits that each note will cost, as the model expects them, (N,).

    Suggestions are accepted as often as they are right by calibrated confidence. The
    wrong ones pair with the expected misses as far as they go: a boundary each; the
    rest is rejected or added. Exact in the number of wrong and missed spans under the
    model, an assumption in how they pair.
    """
    right = pool.sum_spans(pool.span_confidences)
    wrong = pool.sum_spans(1 - pool.span_confidences)
    missed = expected_misses(pool).sum(axis=1)
    moved = np.minimum(wrong, missed)
    edits: Floats = (
        EDIT_COSTS["accept"] * right
        + _MEAN_BOUNDARY * moved
        + EDIT_COSTS["reject"] * (wrong - moved)
        + EDIT_COSTS["add"] * (missed - moved)
    )
    return edits


def expected_seconds(pool: Pool, model: SecondsModel | None = None) -> Floats:
    """Return the modelled seconds that each note will take, (N,).

    Gestures as in `expected_edits`; without a model's signals, reading alone.
    """
    model = model or SecondsModel()
    reading = model.note + model.token * pool.n_tokens.astype(np.float64)
    if not pool.has("expected_spans"):
        return reading
    wrong = pool.sum_spans(1 - pool.span_confidences)
    missed = expected_misses(pool).sum(axis=1)
    moved = np.minimum(wrong, missed)
    seconds: Floats = (
        reading
        + model.accept * pool.sum_spans(pool.span_confidences)
        + (model.boundary + model.boundaries) / 2 * moved
        + model.reject * (wrong - moved)
        + model.add * (missed - moved)
    )
    return seconds


def _overlap(first: Span, second: Span) -> int:
    ends = min(first.end_char, second.end_char)
    return ends - max(first.start_char, second.start_char)


def _edges_off(first: Span, second: Span) -> int:
    return (first.start_char != second.start_char) + (first.end_char != second.end_char)


def _is_exact(ours: Span, theirs: Span) -> bool:
    return ours == theirs


def _is_relabel(ours: Span, theirs: Span) -> bool:
    return _edges_off(ours, theirs) == 0


def _is_boundary(ours: Span, theirs: Span) -> bool:
    return ours.label == theirs.label and _edges_off(ours, theirs) == 1


def _is_boundaries(ours: Span, theirs: Span) -> bool:
    return ours.label == theirs.label


def _is_relabel_boundary(ours: Span, theirs: Span) -> bool:
    return _edges_off(ours, theirs) == 1


_PAIRINGS = (
    ("accept", _is_exact),
    ("relabel", _is_relabel),
    ("boundary", _is_boundary),
    ("boundaries", _is_boundaries),
    ("relabel_boundary", _is_relabel_boundary),
)


def total_edits(pairs: Sequence[tuple[Iterable[Span], Iterable[Span]]]) -> EditCounts:
    """Add up the gestures over notes, each a pair of suggested and gold spans."""
    return sum((count_edits(*pair) for pair in pairs), EditCounts())
