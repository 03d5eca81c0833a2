"""Pools for tests: made by hand or drawn, with every signal."""

from __future__ import annotations

import numpy as np

from ner_engine.active_learning.pool import Pool


def drawn_pool(n_notes: int = 60, *, n_labels: int = 3, width: int = 8, seed: int = 0):
    """Return a pool with every signal, drawn by the seed."""
    rng = np.random.default_rng(seed)
    n_spans = rng.integers(0, 6, n_notes)
    span_notes = np.repeat(np.arange(n_notes), n_spans)
    total = len(span_notes)
    confidences = rng.uniform(0.3, 1, total)
    labels = rng.integers(0, n_labels, total)
    expected = rng.uniform(0, 1, (n_notes, n_labels))
    np.add.at(expected, (span_notes, labels), confidences)
    n_tokens = rng.integers(20, 200, n_notes)
    return Pool(
        n_tokens=n_tokens,
        labels=tuple("ABCDEFGH"[:n_labels]),
        path_log_probability=-rng.uniform(0, 20, n_notes),
        token_entropy=rng.uniform(0, 30, n_notes),
        entity_entropy=rng.uniform(0, 1, n_notes),
        token_margin=rng.uniform(0.5, 1, n_notes),
        expected_spans=expected,
        span_notes=span_notes,
        span_labels=labels,
        span_confidences=confidences,
        span_probabilities=confidences,
        span_surfaces=rng.integers(0, 10_000, total),
        embeddings=rng.normal(size=(n_notes, width)).astype(np.float32),
        mutual_information=rng.uniform(0, 1, n_notes),
        vote_entropy=rng.uniform(0, 1, n_notes),
        dictionary_matches=rng.integers(0, 9, n_notes).astype(float),
        annotated_embeddings=rng.normal(size=(4, width)).astype(np.float32),
        annotated_spans=np.array([100, 80, 3, 70, 60, 90, 90, 90])[:n_labels],
    )


def pool_of_spans(spans, *, n_notes: int, labels=("A", "B"), expected=None):
    """Return a pool of (note, label, confidence, surface) with 10 tokens a note."""
    notes, names, confidences, surfaces = (
        zip(*spans, strict=True) if spans else ((), (), (), ())
    )
    expected_spans = np.zeros((n_notes, len(labels)))
    for note, label, confidence, _ in spans:
        expected_spans[note, label] += confidence
    if expected is not None:
        expected_spans = np.array(expected, float)
    return Pool(
        n_tokens=np.full(n_notes, 10),
        labels=labels,
        path_log_probability=-np.arange(n_notes, 0, -1, dtype=float),
        expected_spans=expected_spans,
        span_notes=np.array(notes, np.int64),
        span_labels=np.array(names, np.int64),
        span_confidences=np.array(confidences, float),
        span_probabilities=np.array(confidences, float),
        span_surfaces=np.array(surfaces, np.int64),
    )
