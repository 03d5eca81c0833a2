"""Stores a tagger's weights as 8-bit rows in safetensors and restores them.

A matrix becomes signed bytes with one float32 scale a row (name + ``.scale``): a
quarter of the size, and an error of at most half of 1/127 of the row's largest weight.
Vectors and the heads stay float32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ner_engine.errors import BadInput, BundleError
from ner_engine.labels import LabelScheme
from ner_engine.models.encoder import build_encoder, fill_encoder
from ner_engine.models.tagger import MULTI, MultiHeadTagger

_SCALE = ".scale"
_ENCODER = "encoder."
_HEADS = ("heads.weight", "heads.bias")
_TRANSITIONS = "transitions"  # of three dimensions, so it stays float32 too
_LEVELS = 127


def quantise(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return a matrix as int8 and the float32 scale of each row."""
    scale = matrix.abs().amax(dim=1).float() / _LEVELS
    divisor = torch.where(scale > 0, scale, torch.ones_like(scale))
    whole = (matrix / divisor.unsqueeze(1)).round().clamp(-_LEVELS, _LEVELS)
    return whole.to(torch.int8), scale


def dequantise(whole: Tensor, scale: Tensor) -> Tensor:
    """Return the float32 matrix of `quantise`."""
    return whole.float() * scale.unsqueeze(1)


def pack(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict in its stored form."""
    packed: dict[str, Tensor] = {}
    for name, value in state.items():
        if name in _HEADS or value.dim() != 2 or not value.is_floating_point():
            packed[name] = value.detach().contiguous()
        else:
            packed[name], packed[name + _SCALE] = quantise(value.detach())
    return packed


def unpack(packed: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the state dict of `pack`."""
    return {
        name: (
            dequantise(value, packed[name + _SCALE])
            if name + _SCALE in packed
            else value
        )
        for name, value in packed.items()
        if not name.endswith(_SCALE)
    }


def round_weights(tagger: MultiHeadTagger) -> None:
    """Put weights through storage: what is scored is then what is shipped."""
    tagger.load_state_dict(unpack(pack(tagger.state_dict())))


def write_weights(tagger: MultiHeadTagger, path: Path) -> None:
    """Write a tagger's weights.

    Raises
    ------
    OSError
        When they cannot be written whole.
    """
    try:
        save_file(pack(tagger.state_dict()), str(path), metadata={"format": "pt"})
    except SafetensorError as error:  # its name for a full disk
        raise OSError(f"{path.name}: {error}") from error


def read_tagger(
    path: Path,
    encoder_config: dict[str, Any],
    scheme: LabelScheme,
    *,
    heads: str = MULTI,
) -> MultiHeadTagger:
    """Build a tagger from its stored weights."""
    try:
        state = unpack(load_file(str(path)))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise BundleError(f"{path}: not readable weights") from error
    own = {name: state.pop(name) for name in (*_HEADS, _TRANSITIONS) if name in state}
    try:
        encoder = build_encoder(encoder_config, path=path)
        fill_encoder(
            encoder,
            {name.removeprefix(_ENCODER): value for name, value in state.items()},
            path=path,
        )
    except BadInput as error:
        raise BundleError(str(error)) from error
    try:
        tagger = MultiHeadTagger(encoder, scheme, heads=heads)
    except ValueError as error:
        raise BundleError(f"{path}: {error}") from error
    _fill_heads(tagger, own, path)
    return tagger.eval()


def _fill_heads(tagger: MultiHeadTagger, own: dict[str, Tensor], path: Path) -> None:
    """Set what a tagger has beside its encoder; all of it, and nothing else."""
    wanted = {
        name: value
        for name, value in tagger.state_dict(keep_vars=True).items()
        if not name.startswith(_ENCODER)
    }
    if {name: value.shape for name, value in own.items()} != {
        name: value.shape for name, value in wanted.items()
    }:
        raise BundleError(
            f"{path}: heads for {len(tagger.scheme)} labels of kind {tagger.kind}"
            " are missing"
        )
    with torch.no_grad():
        for name, value in own.items():
            wanted[name].copy_(value)
