"""Why a note was picked: codes with numbers, from which the application makes words.

========================  ======================================================
code                      numbers
========================  ======================================================
``random``                ``share``: of the batch that is drawn by chance
``unsure_spans``          ``label``, ``n``: suggestions of it in doubt in the note,
                          ``confidence``: their mean, ``n_all``: of all labels
``possible_misses``       ``label``, ``n``: expected spans that are not suggested
``unsure_text``           ``score``: the strategy's; nothing can be pointed at
``disagreement``          ``score``: nats over the note
``unlike_annotated``      ``distance``: to the nearest annotated or picked note, 0 to 2
``typical``               ``similarity``: mean cosine to the pool, ``score``
``new_cluster``           ``size``: notes like it, of which none is annotated
``rare_label``            ``label``, ``n``: expected spans, ``annotated``: so far
``dictionary``            ``n``: different terms found
``value``                 ``edits`` or ``seconds``: expected, ``score``: doubt settled
========================  ======================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ner_engine.active_learning.pool import Ints, Pool
from ner_engine.active_learning.uncertainty import expected_misses

# A suggestion is in doubt below this confidence.
UNSURE = 0.9

Number = float | int | str


@dataclass(frozen=True, slots=True)
class Reason:
    """A code of the table above with its numbers."""

    code: str
    numbers: Mapping[str, Number] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"code": self.code, **self.numbers}


CODES = (
    "random",
    "unsure_spans",
    "possible_misses",
    "unsure_text",
    "disagreement",
    "unlike_annotated",
    "typical",
    "new_cluster",
    "rare_label",
    "dictionary",
    "value",
)


def unsure_spans_of(pool: Pool, note: int) -> Ints:
    """Return the places of a note's spans in doubt, least sure first."""
    own = np.flatnonzero(pool.span_notes == note)
    own = own[pool.span_confidences[own] < UNSURE]
    return own[np.argsort(pool.span_confidences[own], kind="stable")]


def doubt_of(pool: Pool, note: int, score: float) -> Reason:
    """Say what in a note the model is unsure of: the label with most doubtful spans."""
    unsure = unsure_spans_of(pool, note)
    if len(unsure):
        counts = np.bincount(pool.span_labels[unsure], minlength=len(pool.labels))
        label = int(counts.argmax())
        own = unsure[pool.span_labels[unsure] == label]
        return Reason(
            "unsure_spans",
            {
                "label": pool.labels[label],
                "n": int(counts[label]),
                "confidence": round(float(pool.span_confidences[own].mean()), 4),
                "n_all": len(unsure),
            },
        )
    if pool.has("expected_spans") and len(pool.labels):
        missed = expected_misses(pool)[note]
        label = int(missed.argmax())
        if missed[label] >= 0.5:
            return Reason(
                "possible_misses",
                {"label": pool.labels[label], "n": round(float(missed[label]), 2)},
            )
    return Reason("unsure_text", {"score": round(score, 4)})
