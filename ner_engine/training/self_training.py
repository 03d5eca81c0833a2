"""Self-training: a teacher marks unlabelled notes, and what it is sure of is learned.

Confident spans become silver. Tokens that the teacher is sure are outside all spans
teach that; where it is sure of neither, the label's head learns nothing.

Source: Scudder 1965 for the idea; confidence here is the exact posterior of a span.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ner_engine.labels import LabelScheme
from ner_engine.models.calibration import Calibration
from ner_engine.models.decoding import log_softmax, outside_probabilities
from ner_engine.models.emissions import decode_documents, emit
from ner_engine.models.pieces import EncodedDocument
from ner_engine.tagging import TokenIndex
from ner_engine.training.loop import Trainer
from ner_engine.types import Document, Span

DEFAULT_THRESHOLD = 0.9
_PREFIX = "silver:"  # no id of a gold document may meet one of these


@dataclass(frozen=True, slots=True)
class Silver:
    """Notes that a teacher marked.

    Parameters
    ----------
    documents : list of Document
        Those in which it was sure of a span; ids begin with ``silver:``.
    unsure : dict of str to tuple of Span
        By id: ranges that the label's head is not to learn from.
    """

    documents: list[Document] = field(default_factory=list)
    unsure: dict[str, tuple[Span, ...]] = field(default_factory=dict)

    @property
    def n_spans(self) -> int:
        """Number of silver spans."""
        return sum(len(document.spans or ()) for document in self.documents)


def make_silver(
    teacher: Trainer,
    documents: Sequence[Document],
    *,
    threshold: float,
    calibration: Calibration,
) -> Silver:
    """Mark documents with a trained teacher; its processes share the work.

    Parameters
    ----------
    threshold : float
        Least calibrated confidence of a silver span, and least probability of a token
        that is taken for outside, in (0, 1].
    calibration : Calibration
        Of the teacher's confidences.
    """
    tagger = teacher.tagger
    own = [
        teacher.encoder.encode(document, max_pieces=teacher.prediction_pieces)
        for document in teacher.team.share(documents)
    ]
    emissions = emit(tagger, teacher.encoder, own, autocast=bool(teacher.bfloat16))
    transitions = tagger.learned_transitions
    answers = decode_documents(
        own, emissions, tagger.scheme, calibration, transitions=transitions
    )
    rows: list[tuple[tuple[Span, ...], tuple[Span, ...]]] = []
    for encoded, emission, spans in zip(own, emissions, answers, strict=True):
        sure = tuple(span for span in spans if (span.confidence or 0.0) >= threshold)
        is_doubtful = _outside(emission, transitions) < threshold
        doubtful = _doubtful_ranges(encoded, tagger.scheme, sure, is_doubtful)
        rows.append((sure, tuple(doubtful)))
    silver = Silver()
    for document, (sure, unsure) in zip(
        documents, teacher.team.gather(rows, len(documents)), strict=True
    ):
        if sure:
            marked = replace(
                document,
                id=_PREFIX + document.id,
                spans=tuple(replace(span, confidence=None) for span in sure),
                exhaustive_for=None,
            )
            silver.documents.append(marked)
            silver.unsure[marked.id] = unsure
    return silver


def _outside(
    emission: NDArray[np.float32], transitions: NDArray[np.float32] | None
) -> NDArray[np.float64]:
    """Return each token's probability of being outside, (H, N), of one document."""
    n_tokens, n_heads, _ = emission.shape
    if not n_tokens:
        return np.ones((n_heads, 0))
    flat = log_softmax(emission.transpose(1, 0, 2))  # (H, N, K)
    return outside_probabilities(flat, np.full(n_heads, n_tokens), transitions)


def _doubtful_ranges(
    encoded: EncodedDocument,
    scheme: LabelScheme,
    sure: Sequence[Span],
    is_doubtful: NDArray[np.bool_],
) -> Iterator[Span]:
    """Yield the runs of doubtful tokens, (H, N), that no silver span covers."""
    index = TokenIndex(encoded.tokens)
    is_joint = len(is_doubtful) == 1
    for head, row in enumerate(is_doubtful):
        doubtful = row.copy()
        for span in sure:
            if is_joint or span.label == scheme.names[head]:
                doubtful[slice(*index.cover(span.start_char, span.end_char))] = False
        edges = np.flatnonzero(np.diff(np.concatenate([[0], doubtful, [0]])))
        for first, end in edges.reshape(-1, 2).tolist():
            yield Span(
                encoded.tokens[first].start_char,
                encoded.tokens[end - 1].end_char,
                scheme.names[head],
            )
