"""Computes the signals of notes with a bundle: exact chain statistics and embeddings.

The spans and their confidences are those that `ner_engine.inference.Predictor` with the
torch engine finds in the same note; nothing there is changed. The ONNX engine gives no
hidden states, so signals always come from torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ner_engine.active_learning.pool import (
    Floats,
    Ints,
    NoteSignals,
    Singles,
    SpanSignal,
)
from ner_engine.active_learning.uncertainty import (
    entity_weighted_entropy,
    entropy,
    mutual_information,
    tag_margins,
)
from ner_engine.data.pattern_matcher import fold
from ner_engine.models.chains import best_paths, legal_scores, run_scored_chain
from ner_engine.models.decoding import log_softmax, run_chain, viterbi
from ner_engine.types import Document, Span

if TYPE_CHECKING:
    import torch

    from ner_engine.bundle import Bundle
    from ner_engine.models.pieces import EncodedDocument, PieceEncoder
    from ner_engine.models.tagger import MultiHeadTagger

CHUNK_TOKENS = 20_000
BATCH_PIECES = 4096
# Notes are read in parts of this many tokens when chains run over them: the statistics
# are sums, and a part boundary costs two tokens their exactness.
_PART_TOKENS = 2_000
DROPOUT = 0.1


@dataclass(frozen=True, slots=True)
class ScoredNote:
    """A note with its predicted spans and signals; the spans in the same order."""

    document: Document
    signals: NoteSignals


def surface_hash(mention: str) -> int:
    """Return a number for a mention: case, accents and white space do not change it.

    It is 63 bits of a digest, there to compare and not to hide: whoever has a list of
    terms can find theirs again.
    """
    folded = " ".join(fold(mention).casefold().split())
    digest = hashlib.blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big") >> 1


def score_notes(
    bundle: Bundle,
    documents: Iterable[Document],
    *,
    dropout_passes: int = 0,
    dropout: float = DROPOUT,
    seed: int = 0,
    batch_pieces: int = BATCH_PIECES,
) -> Iterator[ScoredNote]:
    """Yield each note with predicted spans and signals, in order.

    Parameters
    ----------
    bundle : Bundle
        Loaded whole; its weights are not changed.
    documents : iterable of Document
        Read in chunks as the answers are consumed.
    dropout_passes : int
        Passes with dropout for `mutual_information`; each costs as much as predicting.
        0 leaves it out.
    dropout : float
        Probability in those passes, inside the encoder and before the heads.
    seed : int
        Of the dropout.
    batch_pieces : int

    Raises
    ------
    ValueError
        For a single pass: one pass cannot disagree.
    """
    from ner_engine.models.calibration import (  # noqa: PLC0415 - slow import
        Calibration,
    )
    from ner_engine.models.emissions import (  # noqa: PLC0415 - slow import
        decode_documents,
    )
    from ner_engine.models.pieces import (  # noqa: PLC0415 - slow import
        PieceEncoder,
    )

    if dropout_passes == 1 or dropout_passes < 0:
        raise ValueError("dropout_passes is 0 or at least 2")
    tagger, encoder = bundle.tagger, PieceEncoder(bundle.tokenizer)
    transitions = tagger.learned_transitions
    max_pieces = _window_pieces(bundle)
    for number, chunk in enumerate(_chunks(documents, encoder, max_pieces)):
        logits, embeddings = _read(tagger, encoder, chunk, batch_pieces)
        raw = decode_documents(
            chunk, logits, bundle.scheme, Calibration(), transitions=transitions
        )
        gains = _disagreements(
            tagger,
            encoder,
            chunk,
            n_passes=dropout_passes,
            dropout=dropout,
            seed=(seed * 1_000_003 + number) % 2**63,
            batch_pieces=batch_pieces,
        )
        for row, encoded in enumerate(chunk):
            spans = _calibrated(raw[row], encoded.document.language, bundle)
            signals = _signals(
                encoded, logits[row], raw[row], embeddings[row], gains[row], bundle
            )
            yield ScoredNote(replace(encoded.document, spans=spans), signals)


def embed_notes(
    bundle: Bundle,
    documents: Iterable[Document],
    *,
    batch_pieces: int = BATCH_PIECES,
) -> Singles:
    """Return the mean of the encoder's output over each note's tokens, (N, D)."""
    from ner_engine.models.pieces import (  # noqa: PLC0415 - slow import
        PieceEncoder,
    )

    encoder = PieceEncoder(bundle.tokenizer)
    rows: list[Singles] = []
    for chunk in _chunks(documents, encoder, _window_pieces(bundle)):
        rows += _read(bundle.tagger, encoder, chunk, batch_pieces)[1]
    width = int(bundle.tagger.encoder.config.hidden_size)
    return np.stack(rows) if rows else np.zeros((0, width), np.float32)


def _window_pieces(bundle: Bundle) -> int:
    """Return the window that `Predictor` reads in."""
    from ner_engine.models.encoder import position_limit  # noqa: PLC0415 - slow import
    from ner_engine.models.pieces import (  # noqa: PLC0415 - slow import
        prediction_pieces,
    )
    from ner_engine.text.windows import DEFAULT_MAX_PIECES  # noqa: PLC0415 - as above

    trained = int(bundle.info.recipe.get("max_pieces", DEFAULT_MAX_PIECES))
    return prediction_pieces(trained, position_limit(bundle.tagger.encoder.config))


def _chunks(
    documents: Iterable[Document], encoder: PieceEncoder, max_pieces: int
) -> Iterator[list[EncodedDocument]]:
    chunk: list[EncodedDocument] = []
    n_tokens = 0
    for document in documents:
        encoded = encoder.encode(document, max_pieces=max_pieces)
        chunk.append(encoded)
        n_tokens += len(encoded.tokens)
        if n_tokens >= CHUNK_TOKENS:
            yield chunk
            chunk, n_tokens = [], 0
    if chunk:
        yield chunk


def _read(
    tagger: MultiHeadTagger,
    encoder: PieceEncoder,
    documents: Sequence[EncodedDocument],
    batch_pieces: int,
) -> tuple[list[NDArray[np.float32]], list[Singles]]:
    """Return emission logits (N, H, K) and the mean hidden state (D,) of each note.

    The same windows, batches and order as `ner_engine.models.emissions.emit`.
    """
    import torch

    from ner_engine.models.emissions import group_by_size  # noqa: PLC0415 - slow import
    from ner_engine.models.encoder import position_limit  # noqa: PLC0415 - slow import
    from ner_engine.models.tagger import collate  # noqa: PLC0415 - slow import

    width = int(tagger.encoder.config.hidden_size)
    sums = [np.zeros(width, np.float64) for _ in documents]
    logits = [
        np.zeros((len(document.tokens), tagger.n_heads, tagger.n_tags), np.float32)
        for document in documents
    ]
    places = [
        (row, window)
        for row, document in enumerate(documents)
        for window in document.windows
    ]
    pieces = [
        documents[row].pieces[window.token_start : window.token_end]
        for row, window in places
    ]
    sizes = [sum(map(len, window)) for window in pieces]
    pad_id = int(getattr(tagger.encoder.config, "pad_token_id", 0) or 0)
    limit = position_limit(tagger.encoder.config)
    with torch.inference_mode():
        for group in group_by_size(sizes, batch_pieces, extra=encoder.n_special):
            batch = collate(
                [pieces[index] for index in group],
                prefix=encoder.prefix,
                suffix=encoder.suffix,
                pad_id=pad_id,
                limit=limit,
            ).to(tagger.device)
            hidden = tagger.encoder(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask
            ).last_hidden_state
            scores = tagger.score(hidden, batch.first_pieces).float().cpu().numpy()
            tokens = _first_pieces(hidden, batch.first_pieces)
            for line, index in enumerate(group):
                row, window = places[index]
                first = window.keep_start - window.token_start
                last = window.keep_end - window.token_start
                kept = slice(window.keep_start, window.keep_end)
                logits[row][kept] = scores[line, first:last]
                sums[row] += tokens[line, first:last].sum(axis=0)
    means = [
        (total / max(len(document.tokens), 1)).astype(np.float32)
        for total, document in zip(sums, documents, strict=True)
    ]
    return logits, means


def _first_pieces(hidden: torch.Tensor, first_pieces: torch.Tensor) -> Floats:
    index = first_pieces.unsqueeze(-1).expand(-1, -1, hidden.shape[-1])
    rows: Floats = hidden.gather(1, index).float().cpu().numpy().astype(np.float64)
    return rows


def _disagreements(
    tagger: MultiHeadTagger,
    encoder: PieceEncoder,
    chunk: Sequence[EncodedDocument],
    *,
    n_passes: int,
    dropout: float,
    seed: int,
    batch_pieces: int,
) -> list[float | None]:
    if n_passes == 0:
        return [None] * len(chunk)
    import torch

    transitions = tagger.learned_transitions
    passes: list[list[Floats]] = []
    with torch.random.fork_rng(), dropout_on(tagger, dropout):
        torch.manual_seed(seed)
        for _ in range(n_passes):
            logits, _ = _read(tagger, encoder, chunk, batch_pieces)
            passes.append([read_chains(rows, transitions).marginals for rows in logits])
    return [mutual_information(np.stack(rows)) for rows in zip(*passes, strict=True)]


@contextmanager
def dropout_on(tagger: Any, probability: float) -> Iterator[None]:
    """Switch dropout on in a tagger that is not training, and back off after.

    Source: Gal and Ghahramani (2016), "Dropout as a Bayesian approximation".
    """
    from torch import nn

    layers = [module for module in tagger.modules() if isinstance(module, nn.Dropout)]
    before = [layer.p for layer in layers]
    tagger.eval()
    try:
        for layer in layers:
            layer.p = probability
            layer.train()
        yield
    finally:
        for layer, value in zip(layers, before, strict=True):
            layer.p = value
        tagger.eval()


@dataclass(frozen=True, slots=True)
class ChainReading:
    """Exact statistics of a note's tag chains.

    Parameters
    ----------
    marginals : float64, (T, H, K)
        Probability of each tag of each token.
    path_log_probability : float
        Of the best path, summed over heads.
    """

    marginals: Floats
    path_log_probability: float


def read_chains(
    logits: NDArray[np.float32], transitions: NDArray[np.float32] | None
) -> ChainReading:
    """Return the marginals and the best path's log-probability of a note's chains.

    Parameters
    ----------
    logits : float32, (T, H, K)
    transitions : float32, (H, K, K), optional
        Learned, of the tagger.
    """
    n_tokens, n_heads, n_tags = logits.shape
    marginals = np.zeros((n_tokens, n_heads, n_tags))
    total = 0.0
    for start in range(0, n_tokens, _PART_TOKENS):
        part = logits[start : start + _PART_TOKENS].transpose(1, 0, 2)
        emissions = log_softmax(part)  # (H, T, K)
        lengths = np.full(n_heads, emissions.shape[1], np.int64)
        if transitions is None and n_tags == 3:
            paths = viterbi(emissions, lengths)
            plain = run_chain(emissions, lengths)
            logs, partition = plain.forward + plain.backward, plain.log_partition
            between = np.zeros(n_heads)
        else:
            scores = legal_scores(transitions, n_tags)
            paths = best_paths(emissions, lengths, scores)
            scored = run_scored_chain(emissions, lengths, scores)
            logs, partition = scored.forward + scored.backward, scored.log_partition
            between = _transition_sums(paths, scores)
        tags = paths.astype(np.int64)[:, :, None]
        walked = np.take_along_axis(emissions, tags, axis=2)[:, :, 0].sum(axis=1)
        total += float((walked + between - partition).sum())
        chances = np.exp(np.minimum(logs - partition[:, None, None], 0.0))
        chances /= chances.sum(axis=2, keepdims=True)
        marginals[start : start + part.shape[1]] = chances.transpose(1, 0, 2)
    return ChainReading(marginals, min(total, 0.0))


def _transition_sums(paths: NDArray[np.int8], scores: Floats) -> Floats:
    """Add up the transition scores along each head's path, (H,)."""
    heads = np.arange(len(paths))[:, None] % len(scores)
    tags = paths.astype(np.int64)
    sums: Floats = scores[heads, tags[:, :-1], tags[:, 1:]].sum(axis=1)
    return sums


def _signals(
    encoded: EncodedDocument,
    logits: NDArray[np.float32],
    raw: tuple[Span, ...],
    embedding: Singles,
    gain: float | None,
    bundle: Bundle,
) -> NoteSignals:
    reading = read_chains(logits, bundle.tagger.learned_transitions)
    marginals = reading.marginals
    document = encoded.document
    shown_spans = _calibrated(raw, document.language, bundle)
    n_tokens = len(encoded.tokens)
    return NoteSignals(
        n_tokens=n_tokens,
        path_log_probability=reading.path_log_probability,
        token_entropy=float(entropy(marginals).sum()),
        entity_entropy=entity_weighted_entropy(marginals),
        token_margin=float(tag_margins(marginals).mean()) if n_tokens else 1.0,
        expected_spans=expected_spans(marginals, len(bundle.scheme)),
        spans=tuple(
            SpanSignal(
                bundle.scheme.index(span.label),
                shown.confidence or 0.0,
                span.confidence or 0.0,
                surface_hash(span.mention(document.text)),
            )
            for span, shown in zip(raw, shown_spans, strict=True)
        ),
        embedding=embedding,
        mutual_information=gain,
    )


def expected_spans(marginals: Floats, n_labels: int) -> Floats:
    """Return the expected number of spans of each label, (L,): each begins once.

    *marginals* are (T, H, K), of BIO heads or of one joint head.
    """
    begins: Ints = np.arange(1, marginals.shape[2], 2)
    counts: Floats = marginals[:, :, begins].sum(axis=0).reshape(-1)
    if len(counts) != n_labels:
        raise ValueError(f"marginals of {len(counts)} labels, not of {n_labels}")
    return counts


def _calibrated(
    spans: tuple[Span, ...], language: str, bundle: Bundle
) -> tuple[Span, ...]:
    apply = bundle.calibration.apply
    return tuple(
        replace(span, confidence=apply(span.confidence or 0.0, language))
        for span in spans
    )
