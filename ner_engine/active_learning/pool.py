"""What strategies choose from: the signals of unlabelled notes, as arrays.

NumPy alone. Nothing here holds a note's text: a mention is known by a number that its
folded surface was hashed to.

Letters: N notes, S spans of all notes, L labels, D width of an embedding, A annotated
notes.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_engine.errors import BadInput, NerEngineError

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]


class MissingSignal(NerEngineError):
    """A strategy needs a signal that the pool was not given."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the pool has no {name.replace('_', ' ')}")


@dataclass(frozen=True, slots=True)
class SpanSignal:
    """A predicted span as strategies see it.

    Parameters
    ----------
    label : int
        Place in the label scheme.
    confidence : float
        Calibrated, as the application shows it.
    probability : float
        Exact posterior before calibration.
    surface : int
        Hash of label-free folded surface: the same number, the same mention.
    """

    label: int
    confidence: float
    probability: float
    surface: int


@dataclass(frozen=True, slots=True)
class NoteSignals:
    """What a model has to say of one note; `signals` beside this file makes it.

    Parameters
    ----------
    n_tokens : int
    path_log_probability : float
        Log-probability of the best tag path, summed over the heads; nats, at most 0.
    token_entropy : float
        Entropy of the exact tag marginals, summed over tokens and heads; nats.
    entity_entropy : float
        Mean entropy of a token, weighted by its probability of lying in a span.
    token_margin : float
        Mean over tokens of the gap between the two likeliest tags, least sure head.
    expected_spans : float64, (L,)
        Exact expected number of spans of each label.
    spans : tuple of SpanSignal
    embedding : float32, (D,), optional
        Mean of the encoder's output over the note's tokens.
    mutual_information : float, optional
        Of Monte-Carlo dropout, mean over tokens; nats.
    """

    n_tokens: int
    path_log_probability: float
    token_entropy: float
    entity_entropy: float
    token_margin: float
    expected_spans: Floats
    spans: tuple[SpanSignal, ...] = ()
    embedding: Singles | None = None
    mutual_information: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; the embedding in half precision, base64."""
        embedding = None
        if self.embedding is not None:
            halves = self.embedding.astype("<f2").tobytes()
            embedding = base64.b64encode(halves).decode("ascii")
        return {
            "n_tokens": self.n_tokens,
            "path_log_probability": self.path_log_probability,
            "token_entropy": self.token_entropy,
            "entity_entropy": self.entity_entropy,
            "token_margin": self.token_margin,
            "expected_spans": [round(float(n), 6) for n in self.expected_spans],
            "spans": [
                [span.label, span.confidence, span.probability, span.surface]
                for span in self.spans
            ],
            "embedding": embedding,
            "mutual_information": self.mutual_information,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> NoteSignals:
        """Read the JSON form back, or raise `BadInput`."""
        try:
            embedding = None
            if values["embedding"] is not None:
                halves = base64.b64decode(values["embedding"], validate=True)
                embedding = np.frombuffer(halves, "<f2").astype(np.float32)
            return cls(
                n_tokens=int(values["n_tokens"]),
                path_log_probability=float(values["path_log_probability"]),
                token_entropy=float(values["token_entropy"]),
                entity_entropy=float(values["entity_entropy"]),
                token_margin=float(values["token_margin"]),
                expected_spans=np.array(values["expected_spans"], np.float64),
                spans=tuple(
                    SpanSignal(int(label), float(shown), float(raw), int(surface))
                    for label, shown, raw, surface in values["spans"]
                ),
                embedding=embedding,
                mutual_information=values["mutual_information"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput("not the signals of a note") from error


@dataclass(frozen=True, slots=True)
class Pool:
    """The notes to choose from. Without a model only sizes and what else is given.

    Parameters
    ----------
    n_tokens : int64, (N,)
    labels : tuple of str, (L,)
    path_log_probability, token_entropy, entity_entropy, token_margin : float64, (N,)
        As in `NoteSignals`; None before there is a model.
    expected_spans : float64, (N, L)
    span_notes, span_labels : int64, (S,)
        Note and label of each predicted span.
    span_confidences, span_probabilities : float64, (S,)
    span_surfaces : int64, (S,)
    embeddings : float32, (N, D)
    mutual_information : float64, (N,)
        Disagreement under Monte-Carlo dropout.
    vote_entropy : float64, (N,)
        Disagreement of a committee (`ner_engine.active_learning.uncertainty`).
    dictionary_matches : float64, (N,)
        Number of different terms of dictionaries and patterns in the note.
    annotated_embeddings : float32, (A, D)
        Of the notes that are annotated already.
    annotated_spans : int64, (L,)
        How many spans of each label are annotated already.
    """

    n_tokens: Ints
    labels: tuple[str, ...] = ()
    path_log_probability: Floats | None = None
    token_entropy: Floats | None = None
    entity_entropy: Floats | None = None
    token_margin: Floats | None = None
    expected_spans: Floats | None = None
    span_notes: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    span_labels: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    span_confidences: Floats = field(default_factory=lambda: np.zeros(0))
    span_probabilities: Floats = field(default_factory=lambda: np.zeros(0))
    span_surfaces: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    embeddings: Singles | None = None
    mutual_information: Floats | None = None
    vote_entropy: Floats | None = None
    dictionary_matches: Floats | None = None
    annotated_embeddings: Singles | None = None
    annotated_spans: Ints | None = None

    def __post_init__(self) -> None:
        for name in (*_BY_NOTE, "expected_spans", "embeddings"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self):
                raise ValueError(f"{name}: {len(values)} rows for {len(self)} notes")
        for name in _BY_SPAN:
            if len(getattr(self, name)) != len(self.span_notes):
                raise ValueError(f"{name} and span_notes differ in length")

    def __len__(self) -> int:
        return len(self.n_tokens)

    def need(self, name: str) -> Any:
        """Return a signal by name, or raise `MissingSignal`."""
        values = getattr(self, name)
        if values is None:
            raise MissingSignal(name)
        return values

    def has(self, *names: str) -> bool:
        """Tell whether the pool was given all these signals."""
        return all(getattr(self, name) is not None for name in names)

    def sum_spans(self, values: Floats) -> Floats:
        """Add up a value of each span, (S,), by note, (N,)."""
        sums: Floats = np.bincount(
            self.span_notes, weights=values, minlength=len(self)
        ).astype(np.float64)
        return sums


_BY_NOTE = (
    "path_log_probability",
    "token_entropy",
    "entity_entropy",
    "token_margin",
    "mutual_information",
    "vote_entropy",
    "dictionary_matches",
)
_BY_SPAN = (
    "span_labels",
    "span_confidences",
    "span_probabilities",
    "span_surfaces",
)


def make_pool(
    signals: Sequence[NoteSignals],
    labels: Sequence[str],
    *,
    annotated_embeddings: Singles | None = None,
    annotated_spans: Sequence[int] | None = None,
    vote_entropy: Sequence[float] | None = None,
    dictionary_matches: Sequence[float] | None = None,
) -> Pool:
    """Stack the signals of notes, in their order, into a pool.

    Raises
    ------
    ValueError
        When the notes were scored by models of different label schemes or widths.
    """
    n_labels = len(labels)
    if any(len(note.expected_spans) != n_labels for note in signals):
        raise ValueError(f"signals of another scheme than {n_labels} labels")
    spans = [(row, span) for row, note in enumerate(signals) for span in note.spans]
    return Pool(
        n_tokens=np.array([note.n_tokens for note in signals], np.int64),
        labels=tuple(labels),
        path_log_probability=_stack(signals, "path_log_probability"),
        token_entropy=_stack(signals, "token_entropy"),
        entity_entropy=_stack(signals, "entity_entropy"),
        token_margin=_stack(signals, "token_margin"),
        expected_spans=np.array(
            [note.expected_spans for note in signals], np.float64
        ).reshape(len(signals), n_labels),
        span_notes=np.array([row for row, _ in spans], np.int64),
        span_labels=np.array([span.label for _, span in spans], np.int64),
        span_confidences=np.array([span.confidence for _, span in spans], np.float64),
        span_probabilities=np.array(
            [span.probability for _, span in spans], np.float64
        ),
        span_surfaces=np.array([span.surface for _, span in spans], np.int64),
        embeddings=_stack_embeddings(signals),
        mutual_information=_stack_optional(signals),
        vote_entropy=_optional(vote_entropy),
        dictionary_matches=_optional(dictionary_matches),
        annotated_embeddings=annotated_embeddings,
        annotated_spans=(
            None if annotated_spans is None else np.array(annotated_spans, np.int64)
        ),
    )


def _stack(signals: Sequence[NoteSignals], name: str) -> Floats:
    return np.array([getattr(note, name) for note in signals], np.float64)


def _stack_embeddings(signals: Sequence[NoteSignals]) -> Singles | None:
    rows = [note.embedding for note in signals if note.embedding is not None]
    if not rows or len(rows) != len(signals):
        return None
    return np.stack(rows).astype(np.float32)


def _stack_optional(signals: Sequence[NoteSignals]) -> Floats | None:
    if not signals or any(note.mutual_information is None for note in signals):
        return None
    return _stack(signals, "mutual_information")


def _optional(values: Sequence[float] | None) -> Floats | None:
    return None if values is None else np.array(values, np.float64)
