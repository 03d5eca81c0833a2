"""The optimiser's groups, the learning-rate schedule, freezing and dropout."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from ner_engine.models.tagger import MultiHeadTagger
from ner_engine.training.recipes import INTERMEDIATE, Recipe

_EAGER_MAX_PIECES = 256


def make_optimiser(tagger: MultiHeadTagger, recipe: Recipe) -> torch.optim.AdamW:
    """Return AdamW over encoder and heads, with their own learning rates.

    Biases and layer norms (one-dimensional parameters) take no weight decay, nor do
    learned transitions.
    """
    groups: list[dict[str, Any]] = []
    heads = list(tagger.heads.parameters())
    for members, rate in (
        *rates_by_layer(tagger.encoder, recipe.learning_rate, recipe.layer_decay),
        (heads, recipe.head_learning_rate),
    ):
        trained = [p for p in members if p.requires_grad]
        for decays in (True, False):
            chosen = [p for p in trained if (p.dim() > 1) == decays]
            if chosen:
                groups.append(
                    {
                        "params": chosen,
                        "lr": rate,
                        "weight_decay": recipe.weight_decay if decays else 0.0,
                    }
                )
    if tagger.transitions is not None:
        groups.append(
            {
                "params": [tagger.transitions],
                "lr": recipe.head_learning_rate,
                "weight_decay": 0.0,
            }
        )
    return torch.optim.AdamW(groups, fused=True)


def rates_by_layer(
    encoder: Any, rate: float, decay: float
) -> list[tuple[list[nn.Parameter], float]]:
    """Return groups of an encoder's parameters with their learning rates.

    The top layer has the whole rate, each one below *decay* times that of the layer
    above, and all that lies in no layer (the embeddings) comes below the lowest.

    Source: Howard and Ruder 2018, section 3.2 (there one rate a layer of an LSTM).
    """
    if decay == 1.0:
        return [(list(encoder.parameters()), rate)]
    layers = encoder_layers(encoder)
    groups: list[tuple[list[nn.Parameter], float]] = []
    inside: set[int] = set()
    for height, layer in enumerate(reversed(layers)):
        members = list(layer.parameters())
        inside.update(map(id, members))
        groups.append((members, rate * decay**height))
    rest = [p for p in encoder.parameters() if id(p) not in inside]
    return [*groups, (rest, rate * decay ** len(layers))]


def learning_rate_share(step: int, steps: int, warmup: float) -> float:
    """Return the share of the peak learning rate at a step, counted from 0.

    Rises linearly over the first *warmup* of the steps, then falls linearly to zero
    after the last.

    Examples
    --------
    >>> [learning_rate_share(step, 4, 0.5) for step in range(4)]
    [0.5, 1.0, 1.0, 0.5]
    """
    rising = math.ceil(steps * warmup)
    if step < rising:
        return (step + 1) / rising
    return (steps - step) / max(steps - rising, 1)


def encoder_layers(encoder: Any) -> list[nn.Module]:
    """Return the encoder's transformer layers, lowest first."""
    lists = [m for m in encoder.modules() if isinstance(m, nn.ModuleList)]
    n_layers = getattr(encoder.config, "num_hidden_layers", None)
    for found in lists:
        if len(found) == n_layers:
            return list(found)
    return []


def freeze_layers(encoder: Any, recipe: Recipe) -> int:
    """Freeze the layers a recipe names, unfreeze all else; return how many are frozen.

    With ``lowest`` layers frozen the embeddings are too; with ``intermediate`` ones
    the recipe's `freeze_embeddings` decides.
    """
    layers = encoder_layers(encoder)
    if recipe.frozen_layers == INTERMEDIATE:
        frozen = layers[1:-1]
        has_frozen_embeddings = recipe.freeze_embeddings
    else:
        frozen = layers[: round(len(layers) * recipe.frozen_proportion)]
        has_frozen_embeddings = bool(frozen) or recipe.freeze_embeddings
    for parameter in encoder.parameters():
        parameter.requires_grad_(True)
    modules = list(frozen)
    if has_frozen_embeddings:
        modules.append(encoder.get_input_embeddings())
        embeddings = getattr(encoder, "embeddings", None)
        if embeddings is not None:
            modules.append(embeddings)
    for module in modules:
        for parameter in module.parameters():
            parameter.requires_grad_(False)
    return len(frozen)


def choose_attention(encoder: Any, max_pieces: int, device: torch.device) -> None:
    """Pick the attention that trains fastest.

    On a CPU plain matrix products beat the fused kernel by a third on windows this
    short; the fused one needs no memory that grows with the square of the length.
    """
    choose = getattr(encoder, "set_attn_implementation", None)
    if choose is not None:
        is_short = max_pieces <= _EAGER_MAX_PIECES
        choose("eager" if is_short and device.type == "cpu" else "sdpa")


def set_encoder_dropout(encoder: Any, probability: float) -> None:
    """Set every dropout inside the encoder, those of attention too.

    At 0 the fast attention kernels can be used, which know no dropout: a third less
    time a step on a CPU.
    """
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = probability
        # Attention modules keep their own copy as a plain number.
        if isinstance(getattr(module, "dropout_prob", None), float):
            module.dropout_prob = probability
