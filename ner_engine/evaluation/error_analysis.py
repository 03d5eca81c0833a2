"""What kind of mistake each wrong span is. Standard library only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ner_engine.types import Span

ErrorKind = Literal["label", "boundary", "boundary_and_label", "missed", "spurious"]
ERROR_KINDS: tuple[ErrorKind, ...] = (
    "label",
    "boundary",
    "boundary_and_label",
    "missed",
    "spurious",
)


@dataclass(frozen=True, slots=True)
class SpanError:
    """A gold span that was not found as it is, or a predicted one that is not gold.

    ``label``: found at the same range under another label. ``boundary``: a wrong
    prediction of the label overlaps it. ``boundary_and_label``: only one of another
    label does. ``missed``: none does. ``spurious``: a prediction over no gold span
    that was not found.
    """

    kind: ErrorKind
    gold: Span | None
    predicted: Span | None


def find_errors(gold: Iterable[Span], predicted: Iterable[Span]) -> list[SpanError]:
    """List the errors of one document, in text order.

    Each gold span that was not found gives one error; a wrong prediction that explains
    none of these gives one more.
    """
    gold_set, predicted_set = set(gold), set(predicted)
    wrong = sorted(predicted_set - gold_set)
    errors: list[SpanError] = []
    explained: set[Span] = set()
    for span in sorted(gold_set - predicted_set):
        rivals = [other for other in wrong if other.overlaps(span)]
        kind, rival = _explain(span, rivals)
        errors.append(SpanError(kind, span, rival))
        explained.update(rivals)
    spurious = [span for span in wrong if span not in explained]
    errors.extend(SpanError("spurious", None, span) for span in spurious)
    return sorted(errors, key=_position)


def count_errors(errors: Iterable[SpanError]) -> dict[ErrorKind, int]:
    """Count errors by kind; every kind is present."""
    counts = Counter(error.kind for error in errors)
    return {kind: counts[kind] for kind in ERROR_KINDS}


def _explain(span: Span, rivals: list[Span]) -> tuple[ErrorKind, Span | None]:
    """Return the kind of a missing gold span and the prediction nearest to it."""
    for rival in rivals:
        if (rival.start_char, rival.end_char) == (span.start_char, span.end_char):
            return "label", rival
    for rival in rivals:
        if rival.label == span.label:
            return "boundary", rival
    return ("boundary_and_label", rivals[0]) if rivals else ("missed", None)


def _position(error: SpanError) -> tuple[int, int]:
    span = error.gold or error.predicted
    return (0, 0) if span is None else (span.start_char, span.end_char)
