"""The multi-head tagger: one BIO head per label over a shared encoder.

As an option one joint softmax over the tags of all labels, the head that the transfer
method was published with, and transitions between tags that are learned.

Letters: B windows, T pieces, N tokens, L labels, H heads, K tags of a head. There are
L heads of the tags O, B, I, or one joint head of O, then B and I of each label.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ner_engine.labels import LabelScheme

MULTI, MULTI_CRF, JOINT, JOINT_CRF = "multi", "multi_crf", "joint", "joint_crf"
HEAD_KINDS = (MULTI, MULTI_CRF, JOINT, JOINT_CRF)
N_TAGS = 3  # O, B, I of `ner_engine.models.decoding`
WIDTH_STEP = 8
OUTSIDE_PRIOR = 3.0  # log-odds of O against B at the start: about 0.9 of tokens are O


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows padded to one length.

    Parameters
    ----------
    input_ids, attention_mask : Tensor, int64, (B, T)
    first_pieces : Tensor, int64, (B, N)
        Where each token's first piece lies; 0 for padding.
    token_mask : Tensor, bool, (B, N)
    """

    input_ids: Tensor
    attention_mask: Tensor
    first_pieces: Tensor
    token_mask: Tensor

    @property
    def n_pieces(self) -> int:
        """Number of pieces, padding included."""
        return self.input_ids.numel()

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(
            self.input_ids.to(device),
            self.attention_mask.to(device),
            self.first_pieces.to(device),
            self.token_mask.to(device),
        )


class MultiHeadTagger(nn.Module):
    """Scores each token for each label's own BIO tags.

    Heads are independent, so that spans of different labels may overlap, documents
    that were annotated for some labels only can train those heads alone, and a label
    can be added without touching the others. A joint head gives all that up: of
    overlapping spans it can hold one.

    Parameters
    ----------
    encoder : transformers.PreTrainedModel
        Any encoder whose output has ``last_hidden_state``.
    scheme : LabelScheme
        Order of the heads.
    dropout : float
        On the encoder's output, in training only.
    heads : str
        One of `HEAD_KINDS`; those in ``_crf`` learn how well one tag follows another.
    """

    def __init__(
        self,
        encoder: Any,
        scheme: LabelScheme,
        *,
        dropout: float = 0.0,
        heads: str = MULTI,
    ) -> None:
        super().__init__()
        if heads not in HEAD_KINDS:
            raise ValueError(f"heads {heads}; known: {', '.join(HEAD_KINDS)}")
        self.encoder = encoder
        self.scheme = scheme
        self.kind = heads
        self.is_joint = heads in (JOINT, JOINT_CRF)
        self.n_heads = 1 if self.is_joint else len(scheme)
        self.n_tags = 1 + 2 * len(scheme) if self.is_joint else N_TAGS
        self.dropout = nn.Dropout(dropout)
        hidden = int(encoder.config.hidden_size)
        self.heads = nn.Linear(hidden, self.n_heads * self.n_tags)
        nn.init.normal_(self.heads.weight, std=0.02)
        # Most tokens are outside: start there, or the first steps only learn that.
        prior = torch.zeros(self.n_tags)
        prior[0] = OUTSIDE_PRIOR + math.log((self.n_tags - 1) / 2)
        self.heads.bias.data.copy_(prior.repeat(self.n_heads))
        self.transitions: nn.Parameter | None = None
        if heads in (MULTI_CRF, JOINT_CRF):
            # At zero the chain is that of the heads without: nothing is lost by it.
            between = torch.zeros(self.n_heads, self.n_tags, self.n_tags)
            self.transitions = nn.Parameter(between)

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.heads.weight.device

    @property
    def learned_transitions(self) -> NDArray[np.float32] | None:
        """Learned transition scores, float32, (H, K, K), or None: what decoding asks.

        Those of illegal transitions mean nothing.
        """
        if self.transitions is None:
            return None
        return np.asarray(self.transitions.detach().float().cpu().numpy())

    def forward(self, batch: Batch) -> Tensor:
        """Return emission logits, float32, (B, N, H, K)."""
        output = self.encoder(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask
        )
        return self.score(output.last_hidden_state, batch.first_pieces)

    def score(self, hidden: Tensor, first_pieces: Tensor) -> Tensor:
        """Read the first piece of each token; hidden is (B, T, H)."""
        index = first_pieces.unsqueeze(-1).expand(-1, -1, hidden.shape[-1])
        tokens = hidden.gather(1, index)  # (B, N, H)
        with torch.autocast(tokens.device.type, enabled=False):
            logits = self.heads(self.dropout(tokens.float()))  # (B, N, H * K)
        n_windows, n_tokens, _ = logits.shape
        return torch.as_tensor(
            logits.view(n_windows, n_tokens, self.n_heads, self.n_tags)
        )


def masked_loss(
    logits: Tensor, targets: Tensor, weights: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """Sum the heads' cross-entropies where *weights* says that they may learn.

    Parameters
    ----------
    logits : Tensor, float, (B, N, H, K)
    targets : Tensor, int64, (B, N, H)
    weights : Tensor, float, (B, N, H)
        0 for padding and for labels the document was not annotated for.
    label_smoothing : float
        Share of the target that is spread evenly over a head's tags.

    Returns
    -------
    Tensor, float, ()
        The sum: the caller divides by the number of tokens in its whole step.
    """
    losses = nn.functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]),
        targets.reshape(-1),
        reduction="none",
        label_smoothing=label_smoothing,
    )
    return torch.dot(losses, weights.reshape(-1))


def change_labels(
    tagger: MultiHeadTagger, scheme: LabelScheme, *, heads: str | None = None
) -> MultiHeadTagger:
    """Return a tagger of another scheme or kind: known labels keep their heads.

    The encoder is shared with the tagger given. Heads of new labels start at random,
    and so do all when a joint head becomes one a label or the other way round;
    transitions that were not there start at zero.
    """
    changed = MultiHeadTagger(
        tagger.encoder, scheme, dropout=tagger.dropout.p, heads=heads or tagger.kind
    )
    if changed.is_joint != tagger.is_joint:
        return changed
    with torch.no_grad():
        if changed.is_joint:
            _copy_joint(tagger, changed)
        else:
            _copy_heads(tagger, changed)
    return changed


def _copy_heads(old: MultiHeadTagger, new: MultiHeadTagger) -> None:
    for head, name in enumerate(new.scheme.names):
        if name not in old.scheme:
            continue
        known = old.scheme.index(name)
        from_rows = slice(known * N_TAGS, (known + 1) * N_TAGS)
        to_rows = slice(head * N_TAGS, (head + 1) * N_TAGS)
        new.heads.weight[to_rows] = old.heads.weight[from_rows]
        new.heads.bias[to_rows] = old.heads.bias[from_rows]
        if old.transitions is not None and new.transitions is not None:
            new.transitions[head] = old.transitions[known]


def _copy_joint(old: MultiHeadTagger, new: MultiHeadTagger) -> None:
    from_tags, to_tags = [0], [0]
    for place, name in enumerate(new.scheme.names):
        if name in old.scheme:
            known = old.scheme.index(name)
            from_tags += [2 * known + 1, 2 * known + 2]
            to_tags += [2 * place + 1, 2 * place + 2]
    new.heads.weight[to_tags] = old.heads.weight[from_tags]
    new.heads.bias[to_tags] = old.heads.bias[from_tags]
    if old.transitions is not None and new.transitions is not None:
        rows, columns = torch.meshgrid(
            torch.tensor(to_tags), torch.tensor(to_tags), indexing="ij"
        )
        known_scores = old.transitions[0][from_tags][:, from_tags]
        new.transitions[0, rows, columns] = known_scores


def collate(
    windows: Sequence[Sequence[tuple[int, ...]]],
    *,
    prefix: Sequence[int],
    suffix: Sequence[int],
    pad_id: int,
    limit: int,
) -> Batch:
    """Pad windows, each a sequence of tokens' pieces, into one batch.

    The width is rounded up, so that few different ones occur: the numerical library
    compiles and keeps kernels for each (about 10 MB and a tenth of the time, measured).
    *limit* is the longest input that the encoder has positions for.
    """
    rows: list[list[int]] = []
    firsts: list[list[int]] = []
    for window in windows:
        row = list(prefix)
        first: list[int] = []
        for pieces in window:
            first.append(len(row))
            row.extend(pieces)
        row.extend(suffix)
        rows.append(row)
        firsts.append(first)
    lengths = torch.tensor([len(row) for row in rows])
    n_tokens = torch.tensor([len(first) for first in firsts])
    longest, n_most = int(lengths.max()), int(n_tokens.max())
    width = max(longest, min(-(-longest // WIDTH_STEP) * WIDTH_STEP, limit))
    return Batch(
        input_ids=torch.tensor([row + [pad_id] * (width - len(row)) for row in rows]),
        attention_mask=(torch.arange(width) < lengths.unsqueeze(1)).long(),
        first_pieces=torch.tensor(
            [first + [0] * (n_most - len(first)) for first in firsts]
        ),
        token_mask=torch.arange(n_most) < n_tokens.unsqueeze(1),
    )
