"""What training minimises: the tagging loss of the heads at hand, and consistency."""

from __future__ import annotations

import torch
from torch import Tensor

from ner_engine.errors import TrainingError
from ner_engine.models.losses import (
    allowed_tags,
    chain_loss,
    consistency_loss,
    partial_loss,
)
from ner_engine.models.tagger import Batch, MultiHeadTagger, masked_loss
from ner_engine.training.examples import Targets
from ner_engine.training.recipes import Recipe


def check_objective(tagger: MultiHeadTagger, recipe: Recipe) -> None:
    """Refuse what a learned chain cannot do: its loss is of paths, not of tokens.

    Raises
    ------
    TrainingError
        When token weights or smoothing are asked of heads with transitions.
    """
    if tagger.transitions is None:
        return
    if recipe.entity_weight != 1.0 or recipe.label_smoothing:
        raise TrainingError(
            f"heads {tagger.kind} learn whole paths: entity_weight and label_smoothing"
            " weigh single tokens and need heads without transitions"
        )


def batch_loss(
    tagger: MultiHeadTagger,
    batch: Batch,
    targets: Targets,
    recipe: Recipe,
    *,
    autocast: bool,
) -> Tensor:
    """Return the loss summed over a batch's tokens, ().

    *autocast* runs the encoder in bfloat16; the loss itself never is. With R-Drop the
    batch goes through twice: the mean of both losses, and the passes' divergence times
    the recipe's weight.
    """
    logits = _score(tagger, batch, autocast)
    loss = _tagging_loss(tagger, logits, batch, targets, recipe)
    if not recipe.r_drop:
        return loss
    again = _score(tagger, batch, autocast)
    second = _tagging_loss(tagger, again, batch, targets, recipe)
    gap = consistency_loss(logits, again, batch.token_mask)
    return (loss + second) / 2 + recipe.r_drop * gap


def _score(tagger: MultiHeadTagger, batch: Batch, autocast: bool) -> Tensor:
    kind = tagger.device.type
    with torch.autocast(kind, dtype=torch.bfloat16, enabled=autocast):
        return torch.as_tensor(tagger(batch))


def _tagging_loss(
    tagger: MultiHeadTagger,
    logits: Tensor,
    batch: Batch,
    targets: Targets,
    recipe: Recipe,
) -> Tensor:
    smoothing = recipe.label_smoothing
    if tagger.transitions is None and targets.open_tags is None:
        return masked_loss(
            logits, targets.tags, targets.weights, label_smoothing=smoothing
        )
    allowed = allowed_tags(
        targets.tags, targets.weights, tagger.n_tags, targets.open_tags
    )
    if tagger.transitions is not None:
        return chain_loss(logits, allowed, tagger.transitions, batch.token_mask)
    return partial_loss(logits, allowed, targets.weights, label_smoothing=smoothing)
