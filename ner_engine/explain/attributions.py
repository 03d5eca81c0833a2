"""Attention rollout and integrated gradients over the tokens behind a predicted span.

Two answers to two questions. Attention rollout tells which tokens could flow into the
span's tags through the layers; integrated gradients tell which tokens moved the score,
and add up to it: the attributions' sum is the score of the text less that of a baseline
without words.

Letters: T pieces, H width, S steps.

Sources: Abnar and Zuidema (2020), "Quantifying Attention Flow in Transformers";
Sundararajan, Taly and Yan (2017), "Axiomatic Attribution for Deep Networks", whose
completeness the tests check. The sum is short enough to stand here: captum's version of
it needs a plotting library.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ner_engine.bundle import Bundle, load_bundle
from ner_engine.inference import Predictor
from ner_engine.models.encoder import position_limit
from ner_engine.models.pieces import EncodedDocument
from ner_engine.models.tagger import Batch, MultiHeadTagger, collate
from ner_engine.tagging import TokenIndex
from ner_engine.text.windows import Window
from ner_engine.types import Document, Span, Token

# Gauss-Legendre points: where the score is smooth, as good as hundreds evenly spaced.
DEFAULT_STEPS = 24
_STEPS_AT_ONCE = 8
NEAR_TOKENS = 10


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of the attributions' absolute sum lies where; the three add up to 1.

    ``near`` is within `NEAR_TOKENS` tokens of the span on either side.
    """

    inside: float
    near: float
    far: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a span was read from.

    Parameters
    ----------
    span : Span
    tokens : tuple of Token
        Of the window that the span was answered from.
    attention : tuple of float, (token,)
        Rollout from the span's tokens; what is missing to 1 went to the pieces that
        surround a window.
    gradients : tuple of float, (token,)
        Integrated gradients, in units of the score; negative: speaks against the span.
    score, baseline_score : float
        Mean over the span's tokens of the logit of its tag less that of O, for the text
        and for the same window with every word blanked.
    """

    span: Span
    tokens: tuple[Token, ...]
    attention: tuple[float, ...]
    gradients: tuple[float, ...]
    score: float
    baseline_score: float

    @property
    def remainder(self) -> float:
        """What the finite number of steps left out of the gradients' sum."""
        return self.score - self.baseline_score - sum(self.gradients)

    def shares(self, values: tuple[float, ...]) -> Shares:
        """Tell how *values*, one a token, spread over span and context."""
        token_start, token_end = TokenIndex(self.tokens).cover(
            self.span.start_char, self.span.end_char
        )
        sums = [0.0, 0.0, 0.0]
        for index, value in enumerate(values):
            distance = max(token_start - index, index - token_end + 1, 0)
            sums[0 if distance == 0 else 1 if distance <= NEAR_TOKENS else 2] += abs(
                value
            )
        total = sum(sums) or 1.0
        return Shares(*(part / total for part in sums))


class Explainer:
    """Predicts with a bundle, in float32, and explains what it predicted.

    Parameters
    ----------
    bundle : Bundle
        Its encoder is switched to an attention that can be looked at.
    n_steps : int
        Points of the path from baseline to text.
    """

    def __init__(self, bundle: Bundle, *, n_steps: int = DEFAULT_STEPS) -> None:
        bundle.tagger.encoder.set_attn_implementation("eager")
        bundle.tagger.requires_grad_(False)
        self._tagger: MultiHeadTagger = bundle.tagger
        self._predictor = Predictor(bundle, bfloat16=False)
        self._n_steps = n_steps

    @classmethod
    def load(cls, path: Path | str, *, n_steps: int = DEFAULT_STEPS) -> Explainer:
        """Load a bundle to explain."""
        return cls(load_bundle(path), n_steps=n_steps)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels."""
        return self._predictor.labels

    def predict(self, document: Document) -> tuple[Span, ...]:
        """Return the spans of a document."""
        return next(self._predictor.predict([document])).spans or ()

    def explain(self, document: Document, span: Span) -> Explanation:
        """Explain a span of a document.

        Raises
        ------
        ValueError
            When the span covers no token.
        UnknownLabel
            When the bundle does not know its label.
        """
        encoded = self._predictor.encoder.encode(
            document, max_pieces=self._predictor.max_pieces
        )
        token_start, token_end = TokenIndex(encoded.tokens).cover(
            span.start_char, span.end_char
        )
        if token_start == token_end:
            raise ValueError("the span covers no token")
        window = next(
            window
            for window in encoded.windows
            if window.keep_start <= token_start < window.keep_end
        )
        # the part of a long span that the window holds
        first = token_start - window.token_start
        last = min(token_end, window.token_end) - window.token_start
        batch = self._batch(encoded, window)
        target = _Target.of(self._tagger, span.label, first, last)
        owners = self._owners(encoded, window, batch.input_ids.shape[1])
        gradients, score, baseline = self._integrate(batch, target, owners)
        n_tokens = window.token_end - window.token_start
        return Explanation(
            span=span,
            tokens=encoded.tokens[window.token_start : window.token_end],
            attention=_by_token(self._roll_out(batch, first, last), owners, n_tokens),
            gradients=_by_token(gradients, owners, n_tokens),
            score=score,
            baseline_score=baseline,
        )

    def _batch(self, encoded: EncodedDocument, window: Window) -> Batch:
        encoder = self._predictor.encoder
        config = self._tagger.encoder.config
        return collate(
            [encoded.pieces[window.token_start : window.token_end]],
            prefix=encoder.prefix,
            suffix=encoder.suffix,
            pad_id=self._pad_id(),
            limit=position_limit(config),
        )

    def _pad_id(self) -> int:
        return int(getattr(self._tagger.encoder.config, "pad_token_id", 0) or 0)

    def _owners(self, encoded: EncodedDocument, window: Window, width: int) -> Tensor:
        """Return the token of each piece, -1 for special and padding ones: (T,)."""
        owners = [-1] * len(self._predictor.encoder.prefix)
        pieces = encoded.pieces[window.token_start : window.token_end]
        for index, ids in enumerate(pieces):
            owners += [index] * len(ids)
        return torch.tensor(owners + [-1] * (width - len(owners)))

    def _integrate(
        self, batch: Batch, target: _Target, owners: Tensor
    ) -> tuple[Tensor, float, float]:
        """Return attributions of pieces (T,), the score and the baseline's."""
        embed = self._tagger.encoder.get_input_embeddings()
        text = embed(batch.input_ids).detach()  # (1, T, H)
        blank = embed(torch.tensor([[self._pad_id()]])).detach()
        is_word = (owners >= 0).view(1, -1, 1)
        baseline = torch.where(is_word, blank, text)
        total = torch.zeros_like(text)
        points, weights = np.polynomial.legendre.leggauss(self._n_steps)
        path = torch.tensor((points + 1) / 2, dtype=text.dtype)  # (S,), in (0, 1)
        shares = torch.tensor(weights / 2, dtype=text.dtype)  # (S,), sum 1
        for start in range(0, self._n_steps, _STEPS_AT_ONCE):
            part = slice(start, start + _STEPS_AT_ONCE)
            point = baseline + path[part].view(-1, 1, 1) * (text - baseline)
            point.requires_grad_(True)
            scores = self._scores(point, batch, target)
            (slope,) = torch.autograd.grad((scores * shares[part]).sum(), point)
            total += slope.sum(dim=0, keepdim=True)
        gradients = ((text - baseline) * total).sum(dim=-1)[0]
        with torch.no_grad():
            ends = self._scores(torch.cat([text, baseline]), batch, target)
        return gradients, float(ends[0]), float(ends[1])

    def _scores(self, embedded: Tensor, batch: Batch, target: _Target) -> Tensor:
        """Return the score of each row of input embeddings: (S,)."""
        n_rows = len(embedded)
        output = self._tagger.encoder(
            inputs_embeds=embedded,
            attention_mask=batch.attention_mask.expand(n_rows, -1),
        )
        first_pieces = batch.first_pieces.expand(n_rows, -1)
        logits = self._tagger.score(output.last_hidden_state, first_pieces)
        return target.score(logits)

    def _roll_out(self, batch: Batch, first: int, last: int) -> Tensor:
        """Return how much of the span's tokens comes from each piece: (T,)."""
        with torch.no_grad():
            layers = self._tagger.encoder(
                input_ids=batch.input_ids,
                attention_mask=batch.attention_mask,
                output_attentions=True,
            ).attentions
        width = batch.input_ids.shape[1]
        flow = torch.eye(width)
        for attention in layers:
            # half of each layer's output is its input, by the residual connection
            mixed = (attention[0].float().mean(dim=0) + torch.eye(width)) / 2
            flow = mixed @ flow
        return flow[batch.first_pieces[0, first:last]].mean(dim=0)


@dataclass(frozen=True, slots=True)
class _Target:
    """The tags whose logits make the score of a span."""

    head: int
    begin: int
    inside: int
    first: int
    last: int

    @classmethod
    def of(cls, tagger: MultiHeadTagger, label: str, first: int, last: int) -> _Target:
        index = tagger.scheme.index(label)
        if tagger.n_heads == len(tagger.scheme):
            return cls(index, 1, 2, first, last)
        return cls(0, 1 + 2 * index, 2 + 2 * index, first, last)

    def score(self, logits: Tensor) -> Tensor:
        """Return the mean log-odds of the span's tags against O: (B,)."""
        rows = logits[:, self.first : self.last, self.head]  # (B, N, K)
        tags = [self.begin, *[self.inside] * (self.last - self.first - 1)]
        chosen = rows[:, torch.arange(len(tags)), torch.tensor(tags)]
        return (chosen - rows[..., 0]).mean(dim=1)


def _by_token(values: Tensor, owners: Tensor, n_tokens: int) -> tuple[float, ...]:
    sums = torch.zeros(n_tokens, dtype=torch.float64)
    is_word = owners >= 0
    sums.index_add_(0, owners[is_word], values[is_word].double())
    return tuple(sums.tolist())
