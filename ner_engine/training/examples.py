"""Turns documents into training windows with targets, masks and seeded batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from ner_engine.labels import LabelScheme
from ner_engine.models.decoding import BEGIN, INSIDE, OUTSIDE
from ner_engine.models.pieces import EncodedDocument, PieceEncoder
from ner_engine.models.tagger import Batch, collate
from ner_engine.tagging import TokenIndex, encode_iob2
from ner_engine.types import Document, Span

_TAG_IDS = {"O": OUTSIDE, "B": BEGIN, "I": INSIDE}
# Batches are cut from this many batches' worth of shuffled windows sorted by length:
# little padding, and still another mixture each epoch.
_BUCKET_BATCHES = 16


@dataclass(frozen=True, slots=True)
class Example:
    """One window to learn from.

    Parameters
    ----------
    pieces : list of tuple of int
        Pieces of each token.
    targets : int64, (N, H)
        Tag ids.
    weights : float32, (N, H)
        0 where that head may not learn from that token.
    open_tags : bool, (K,), optional
        Of a joint head: the tags of labels that the document was not exhaustively
        annotated for. An O may be any of them.
    n_context : int
        Tokens that only give context to the others.
    """

    pieces: list[tuple[int, ...]]
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]
    open_tags: NDArray[np.bool_] | None = None
    n_context: int = 0

    @property
    def n_pieces(self) -> int:
        """Length of the window, special pieces not counted."""
        return sum(len(ids) for ids in self.pieces)

    @property
    def n_learned(self) -> int:
        """Number of tokens that are not context alone."""
        return len(self.pieces) - self.n_context


@dataclass(frozen=True, slots=True)
class Targets:
    """What a batch is to learn.

    Parameters
    ----------
    tags : Tensor, int64, (B, N, H)
    weights : Tensor, float32, (B, N, H)
        0 for padding, context and what a head may not learn.
    open_tags : Tensor, bool, (B, K), optional
        As in `Example`; None when no window has any.
    """

    tags: torch.Tensor
    weights: torch.Tensor
    open_tags: torch.Tensor | None

    def to(self, device: torch.device) -> Targets:
        """Return the targets on a device."""
        return Targets(
            self.tags.to(device),
            self.weights.to(device),
            None if self.open_tags is None else self.open_tags.to(device),
        )


@dataclass(frozen=True, slots=True)
class ExampleMaker:
    """Cuts documents into windows with targets.

    Parameters
    ----------
    is_joint : bool
        Targets of one joint head: of overlapping spans the longest is kept.
    context : int
        Tokens that neighbouring windows of a document share at most; each is learned
        from in the window where it has most context.
    entity_weight : float
        Weight of tokens inside spans.
    unsure : mapping of str to tuple of Span
        By document id: ranges that the label's head may not learn from.
    """

    encoder: PieceEncoder
    scheme: LabelScheme
    max_pieces: int
    is_joint: bool = False
    context: int = 0
    entity_weight: float = 1.0
    unsure: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)

    def make(self, documents: Sequence[Document]) -> list[Example]:
        """Return the windows; those with nothing to learn are left out."""
        return [
            example
            for document in documents
            if document.spans is not None
            for example in self._cut(document)
        ]

    def _cut(self, document: Document) -> Iterator[Example]:
        encoded = self.encoder.encode(
            document, max_pieces=self.max_pieces, context=self.context
        )
        open_tags: NDArray[np.bool_] | None = None
        if self.is_joint:
            targets, weights, open_tags = make_joint_targets(encoded, self.scheme)
        else:
            targets, weights = make_targets(encoded, self.scheme)
        weights[targets != OUTSIDE] *= self.entity_weight
        index = TokenIndex(encoded.tokens)
        for span in self.unsure.get(document.id, ()):
            head = 0 if self.is_joint else self.scheme.index(span.label)
            weights[slice(*index.cover(span.start_char, span.end_char)), head] = 0
        for window in encoded.windows:
            part = slice(window.token_start, window.token_end)
            own = weights[part].copy()
            own[: window.keep_start - window.token_start] = 0
            own[window.keep_end - window.token_start :] = 0
            n_kept = window.keep_end - window.keep_start
            if own.any():
                yield Example(
                    encoded.pieces[part],
                    targets[part],
                    own,
                    open_tags,
                    window.token_end - window.token_start - n_kept,
                )


def make_targets(
    encoded: EncodedDocument, scheme: LabelScheme
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return targets and weights, (N, L) each, of a whole document.

    Of nested mentions of one label the longest is trained on. A label that the
    document was not exhaustively annotated for teaches by its annotated tokens alone.
    """
    document = encoded.document
    n_tokens = len(encoded.tokens)
    targets = np.zeros((n_tokens, len(scheme)), np.int64)
    weights = np.ones((n_tokens, len(scheme)), np.float32)
    for index, label in enumerate(scheme.names):
        if any(span.label == label for span in document.spans or ()):
            tags = encode_iob2(encoded.tokens, document.spans or (), label=label).tags
            targets[:, index] = [_TAG_IDS[tag[0]] for tag in tags]
        if not _is_exhaustive(document, label):
            weights[:, index] = targets[:, index] != OUTSIDE
    return targets, weights


def make_joint_targets(
    encoded: EncodedDocument, scheme: LabelScheme
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_] | None]:
    """Return targets and weights, (N, 1) each, and open tags (K,) of a joint head.

    Of overlapping spans, of whatever labels, the longest is kept.
    """
    document = encoded.document
    spans = [span for span in document.spans or () if span.label in scheme]
    tags = encode_iob2(encoded.tokens, spans).tags
    ids = {"O": OUTSIDE}
    for place, label in enumerate(scheme.names):
        ids[f"B-{label}"], ids[f"I-{label}"] = 2 * place + 1, 2 * place + 2
    targets = np.array([[ids[tag]] for tag in tags], np.int64).reshape(-1, 1)
    weights = np.ones((len(tags), 1), np.float32)
    is_open = [not _is_exhaustive(document, label) for label in scheme.names]
    if not any(is_open):
        return targets, weights, None
    if all(is_open):
        weights[targets == OUTSIDE] = 0
    return targets, weights, np.array([False, *np.repeat(is_open, 2)])


def _is_exhaustive(document: Document, label: str) -> bool:
    return document.exhaustive_for is None or label in document.exhaustive_for


def count_entities(examples: Sequence[Example]) -> int:
    """Return how many spans the windows have to teach."""
    return sum(
        int(((example.targets % 2 == BEGIN) & (example.weights > 0)).sum())
        for example in examples
    )


def plan_batches(
    examples: Sequence[Example], batch_size: int, *, seed: int, epoch: int
) -> list[list[int]]:
    """Return the batches of an epoch as lists of indices: same seed, same plan."""
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(examples))
    bucket = batch_size * _BUCKET_BATCHES
    batches: list[list[int]] = []
    for begin in range(0, len(order), bucket):
        part = sorted(
            order[begin : begin + bucket].tolist(),
            key=lambda index: examples[index].n_pieces,
        )
        batches += [
            part[at : at + batch_size] for at in range(0, len(part), batch_size)
        ]
    return [batches[index] for index in rng.permutation(len(batches)).tolist()]


def split_by_pieces(
    indices: Sequence[int], examples: Sequence[Example], most_pieces: int
) -> Iterator[list[int]]:
    """Split a batch into micro-batches whose padded size stays below a bound."""
    part: list[int] = []
    longest = 0
    for index in sorted(indices, key=lambda index: examples[index].n_pieces):
        longest = max(longest, examples[index].n_pieces)
        if part and longest * (len(part) + 1) > most_pieces:
            yield part
            part = []
        part.append(index)
    if part:
        yield part


def collate_examples(
    examples: Sequence[Example], encoder: PieceEncoder, *, pad_id: int, limit: int
) -> tuple[Batch, Targets]:
    """Return a batch with what it is to learn."""
    batch = collate(
        [example.pieces for example in examples],
        prefix=encoder.prefix,
        suffix=encoder.suffix,
        pad_id=pad_id,
        limit=limit,
    )
    n_tokens = batch.first_pieces.shape[1]
    n_heads = examples[0].targets.shape[1]
    tags = np.zeros((len(examples), n_tokens, n_heads), np.int64)
    weights = np.zeros((len(examples), n_tokens, n_heads), np.float32)
    for row, example in enumerate(examples):
        tags[row, : len(example.pieces)] = example.targets
        weights[row, : len(example.pieces)] = example.weights
    targets = Targets(
        torch.from_numpy(tags), torch.from_numpy(weights), _stack_open_tags(examples)
    )
    return batch, targets


def _stack_open_tags(examples: Sequence[Example]) -> torch.Tensor | None:
    """Return the windows' open tags, bool, (B, K), or None when there are none."""
    known = [e.open_tags for e in examples if e.open_tags is not None]
    if not known:
        return None
    none = np.zeros_like(known[0])
    rows = [none if e.open_tags is None else e.open_tags for e in examples]
    return torch.from_numpy(np.stack(rows))
