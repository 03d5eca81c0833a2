"""Losses beside the plain one: partly known tags, learned chains, consistency.

A token whose tag is only partly known is given as the set of tags that it may have; the
loss is the negative log-probability of that set, so that an unknown token costs nothing
and teaches nothing.

Letters: B windows, N tokens, H heads, K tags.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ner_engine.models.chains import FORBIDDEN, legal_transitions


def allowed_tags(
    targets: Tensor, weights: Tensor, n_tags: int, open_tags: Tensor | None = None
) -> Tensor:
    """Return which tags each token may have, bool, (B, N, H, K).

    Parameters
    ----------
    targets : Tensor, int64, (B, N, H)
    weights : Tensor, float, (B, N, H)
        Where it is 0 every tag is allowed.
    open_tags : Tensor, bool, (B, K), optional
        Tags of labels that a window was not exhaustively annotated for: an O of the
        joint head may be one of them.
    """
    allowed = nn.functional.one_hot(targets, n_tags).bool()
    if open_tags is not None:
        is_outside = (targets == 0).unsqueeze(-1)
        allowed = allowed | (is_outside & open_tags[:, None, None, :])
    return allowed | (weights == 0).unsqueeze(-1)


def partial_loss(
    logits: Tensor, allowed: Tensor, weights: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """Sum over tokens the negative log-probability of the tags allowed.

    Shapes are those of `allowed_tags`; logits are (B, N, H, K).
    """
    logs = logits.log_softmax(dim=-1)
    losses = -logs.masked_fill(~allowed, -torch.inf).logsumexp(dim=-1)  # (B, N, H)
    if label_smoothing:
        losses = (1 - label_smoothing) * losses - label_smoothing * logs.mean(dim=-1)
    return (losses * weights).sum()


def chain_loss(
    logits: Tensor, allowed: Tensor, transitions: Tensor, token_mask: Tensor
) -> Tensor:
    """Sum over chains the negative log-probability of the tag paths allowed.

    The log-sum over all legal paths less that over the legal paths through allowed
    tags, both by the forward algorithm. A window may begin inside a span, so nothing
    is forbidden at its start.

    Parameters
    ----------
    logits : Tensor, float, (B, N, H, K)
    allowed : Tensor, bool, (B, N, H, K)
    transitions : Tensor, float, (H, K, K)
    token_mask : Tensor, bool, (B, N)

    Source: Lafferty et al. 2001; partly known paths: Tsuboi et al. 2008, section 3.
    """
    legal = torch.from_numpy(legal_transitions(logits.shape[-1])).to(logits.device)
    between = transitions.float().masked_fill(~legal, FORBIDDEN)
    logits = logits.float()
    kept = logits.masked_fill(~allowed, FORBIDDEN)
    n_windows = len(logits)
    both = _log_partition(
        torch.cat([logits, kept]), between, torch.cat([token_mask, token_mask])
    )
    return (both[:n_windows] - both[n_windows:]).sum()


def _log_partition(emissions: Tensor, between: Tensor, token_mask: Tensor) -> Tensor:
    """Return the log-sum over legal paths, (B, H)."""
    score = emissions[:, 0]  # (B, H, K)
    for token in range(1, emissions.shape[1]):
        step = (score.unsqueeze(-1) + between).logsumexp(dim=-2) + emissions[:, token]
        score = torch.where(token_mask[:, token, None, None], step, score)
    return score.logsumexp(dim=-1)


def consistency_loss(one: Tensor, other: Tensor, token_mask: Tensor) -> Tensor:
    """Sum over tokens and heads the mean of both Kullback-Leibler divergences.

    Between the tags' distributions of two passes with different dropout, logits
    (B, N, H, K). Tokens need no annotation for it; padding counts for nothing.

    Source: Liang et al. 2021 (R-Drop), equation 2.
    """
    first, second = one.log_softmax(dim=-1), other.log_softmax(dim=-1)
    gaps = ((first.exp() - second.exp()) * (first - second)).sum(dim=-1)  # (B, N, H)
    return (gaps * token_mask.unsqueeze(-1)).sum() / 2
