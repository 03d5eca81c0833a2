"""Runs a tagger over documents of any length and decodes the answers into spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ner_engine.labels import LabelScheme
from ner_engine.models.calibration import Calibration
from ner_engine.models.decoding import decode, log_softmax
from ner_engine.models.pieces import EncodedDocument, PieceEncoder
from ner_engine.types import Span

if TYPE_CHECKING:
    from ner_engine.models.tagger import MultiHeadTagger

DEFAULT_BATCH_PIECES = 4096
# Decoding pads sequences to the longest of a group; like lengths waste little.
_DECODE_CELLS = 400_000
# Longer documents are decoded in parts: a note has hundreds of tokens, a book of 5 MB a
# million.
_DECODE_TOKENS = 20_000


def emit(
    tagger: MultiHeadTagger,
    encoder: PieceEncoder,
    documents: Sequence[EncodedDocument],
    *,
    batch_pieces: int = DEFAULT_BATCH_PIECES,
    autocast: bool = False,
) -> list[NDArray[np.float32]]:
    """Return emission logits of each document, (N, H, K).

    Windows of all documents are sorted by length and batched up to *batch_pieces*
    pieces, padding included; each token is answered by the window that keeps it.
    """
    import torch  # noqa: PLC0415 - slow import

    from ner_engine.models.encoder import position_limit  # noqa: PLC0415 - slow import
    from ner_engine.models.tagger import collate  # noqa: PLC0415 - slow import

    answers = [
        np.zeros((len(document.tokens), tagger.n_heads, tagger.n_tags), np.float32)
        for document in documents
    ]
    places = [
        (row, window)
        for row, document in enumerate(documents)
        for window in document.windows
    ]
    sizes = [
        sum(map(len, documents[row].pieces[window.token_start : window.token_end]))
        for row, window in places
    ]
    pad_id = int(getattr(tagger.encoder.config, "pad_token_id", 0) or 0)
    limit = position_limit(tagger.encoder.config)
    tagger.eval()
    with (
        torch.inference_mode(),
        torch.autocast(tagger.device.type, dtype=torch.bfloat16, enabled=autocast),
    ):
        for group in group_by_size(sizes, batch_pieces, extra=encoder.n_special):
            batch = collate(
                [
                    documents[row].pieces[window.token_start : window.token_end]
                    for row, window in (places[index] for index in group)
                ],
                prefix=encoder.prefix,
                suffix=encoder.suffix,
                pad_id=pad_id,
                limit=limit,
            ).to(tagger.device)
            logits = tagger(batch).float().cpu().numpy()  # (B, N, H, K)
            for line, index in enumerate(group):
                row, window = places[index]
                first = window.keep_start - window.token_start
                last = window.keep_end - window.token_start
                answers[row][window.keep_start : window.keep_end] = logits[
                    line, first:last
                ]
    return answers


class TorchEngine:
    """Emission logits by torch.

    Parameters
    ----------
    tagger : MultiHeadTagger
        With *bfloat16*, its encoder is turned to bfloat16 in place.
    encoder : PieceEncoder

    Attributes
    ----------
    max_pieces : int
        Longest input that the encoder has positions for.
    transitions : float32, (H, K, K), or None
        What decoding must know of the tagger.
    """

    def __init__(
        self, tagger: MultiHeadTagger, encoder: PieceEncoder, *, bfloat16: bool
    ) -> None:
        import torch  # noqa: PLC0415 - slow import

        from ner_engine.models.encoder import (  # noqa: PLC0415 - slow import
            position_limit,
        )

        self.name = "bfloat16" if bfloat16 else "float32"
        self.max_pieces = position_limit(tagger.encoder.config)
        self.transitions = tagger.learned_transitions
        self._tagger = tagger
        self._encoder = encoder
        if bfloat16:
            tagger.encoder.to(torch.bfloat16)
        tagger.eval()

    def emit(
        self, documents: Sequence[EncodedDocument], *, batch_pieces: int
    ) -> list[NDArray[np.float32]]:
        """Return emission logits of each document, (N, H, K)."""
        return emit(self._tagger, self._encoder, documents, batch_pieces=batch_pieces)


def group_by_size(
    sizes: Sequence[int], most: int, *, extra: int = 0
) -> Iterator[list[int]]:
    """Group indices, longest first, so that a padded group stays below *most*."""
    order = sorted(range(len(sizes)), key=lambda index: -sizes[index])
    at = 0
    while at < len(order):
        widest = sizes[order[at]] + extra
        n_rows = max(1, most // max(widest, 1))
        yield order[at : at + n_rows]
        at += n_rows


def decode_documents(
    documents: Sequence[EncodedDocument],
    emissions: Sequence[NDArray[np.float32]],
    scheme: LabelScheme,
    calibration: Calibration,
    *,
    transitions: NDArray[np.float32] | None = None,
) -> list[tuple[Span, ...]]:
    """Decode emissions into spans, sorted, with calibrated confidence.

    *transitions* are the tagger's `learned_transitions`, if it has any.
    """
    found: list[list[Span]] = [[] for _ in documents]
    parts = [
        (row, start, end)
        for row, scores in enumerate(emissions)
        for start, end in _cut(scores)
    ]
    if not parts:
        return [() for _ in documents]  # blank texts
    _, n_heads, n_tags = emissions[0].shape
    lengths = [end - start for _, start, end in parts]
    for group in group_by_size(lengths, _DECODE_CELLS // (n_heads * n_tags)):
        longest = lengths[group[0]]
        padded = np.zeros((len(group), n_heads, longest, n_tags), np.float32)
        for line, index in enumerate(group):
            row, start, end = parts[index]
            scores = emissions[row][start:end]
            padded[line, :, : end - start] = scores.transpose(1, 0, 2)
        flat = log_softmax(padded.reshape(-1, longest, n_tags))
        flat_lengths = np.repeat(np.array([lengths[i] for i in group]), n_heads)
        for span in decode(flat, flat_lengths, transitions):
            line, head = divmod(span.sequence, n_heads)
            row, start, _ = parts[group[line]]
            document = documents[row]
            confidence = calibration.apply(span.probability, document.document.language)
            found[row].append(
                Span(
                    document.tokens[start + span.token_start].start_char,
                    document.tokens[start + span.token_end - 1].end_char,
                    # One of the two is always 0: a joint head's labels are its own.
                    scheme.names[head + span.label],
                    confidence,
                )
            )
    return [tuple(sorted(spans)) for spans in found]


def _cut(scores: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Cut a very long document where a cut changes nothing; scores are (N, H, K).

    Chains of a whole book would take gigabytes. A part ends with the token that all
    heads are surest of lying outside spans: what follows may begin with the same tags
    as a document, and the probability that is lost is that of the token lying inside.
    """
    start = 0
    while len(scores) - start > _DECODE_TOKENS:
        earliest = start + _DECODE_TOKENS // 2
        tail = scores[earliest : start + _DECODE_TOKENS]
        margins = (tail[:, :, 0] - tail[:, :, 1:].max(axis=2)).min(axis=1)
        end = earliest + int(margins.argmax()) + 1
        yield start, end
        start = end
    if start < len(scores):
        yield start, len(scores)
