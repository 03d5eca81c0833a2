"""What CoNLL cannot carry of a gold set beside its spans, and how much of it there is.

The engine says which spans a token scheme lost. That a mention is negated, and that
nobody has decided about a label in a note, have no place in the form either: without a
word both would read as a positive finding and as "there is none".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from annotator import engine
from annotator.enums import Attribute
from annotator.models import AnnotationSet
from annotator.selectors.gold import gold_document

# Of these reasons a span is not in the file at all.
LEFT_OUT = frozenset({"overlap", "empty"})

Loss = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LossCounts:
    """Losses by reason; ``negated`` are those of ``attributes`` that say so."""

    overlap: int = 0
    misaligned: int = 0
    empty: int = 0
    attributes: int = 0
    negated: int = 0
    undecided: int = 0
    undecided_notes: int = 0

    @property
    def n_all(self) -> int:
        return (
            self.overlap
            + self.misaligned
            + self.empty
            + self.attributes
            + self.undecided
        )


def count_losses(losses: Iterable[Loss]) -> LossCounts:
    """Count by reason."""
    reasons: Counter[str] = Counter()
    notes = set()
    n_negated = 0
    for loss in losses:
        reasons[loss["reason"]] += 1
        n_negated += Attribute.NEGATED in loss.get("attributes", ())
        if loss["reason"] == "undecided":
            notes.add(loss["note"])
    return LossCounts(
        overlap=reasons["overlap"],
        misaligned=reasons["misaligned"],
        empty=reasons["empty"],
        attributes=reasons["attributes"],
        negated=n_negated,
        undecided=reasons["undecided"],
        undecided_notes=len(notes),
    )


def conll_losses(gold: AnnotationSet, labels: Sequence[str]) -> list[Loss]:
    """Return all that CoNLL cannot carry of one note, of a project's *labels*."""
    lost = engine.conll_losses(gold_document(gold), gold.note.tokens)
    return [*lost, *beside_spans(context_losses(gold, labels), lost)]


def context_losses(gold: AnnotationSet, labels: Sequence[str]) -> list[Loss]:
    """Return the attributes of spans, and the labels that are not settled in the note.

    Rows have the form of the engine's. Those of ``attributes`` name them; a label's row
    of ``undecided`` has no offsets: it is about the whole note.
    """
    document = gold_document(gold, with_attributes=True)
    rows: list[Loss] = [
        {
            "note": document["id"],
            "start_char": entity["start"],
            "end_char": entity["end"],
            "label": entity["label"],
            "reason": "attributes",
            "attributes": entity["attributes"],
        }
        for entity in document["entities"]
        if "attributes" in entity
    ]
    settled = set(document["exhaustive_for"])
    rows += [
        {
            "note": document["id"],
            "start_char": None,
            "end_char": None,
            "label": label,
            "reason": "undecided",
        }
        for label in labels
        if label not in settled
    ]
    return rows


def beside_spans(rows: Iterable[Loss], lost: Iterable[Loss]) -> list[Loss]:
    """Drop the attributes of spans that are not in the file: these are said already."""
    gone = {_span_of(loss) for loss in lost if loss["reason"] in LEFT_OUT}
    return [row for row in rows if _span_of(row) not in gone]


def _span_of(loss: Loss) -> tuple[Any, ...]:
    return loss["note"], loss["start_char"], loss["end_char"], loss["label"]
