"""Encoders from folders: what is read, and what is refused."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from ner_engine.errors import BadInput
from ner_engine.models.encoder import EncoderParts, load_encoder, save_encoder
from ner_engine.models.pieces import PieceEncoder
from ner_engine.models.precision import (
    gemm_ratio,
    prefers_bfloat16,
    settle_threads,
)
from ner_engine.training.optimiser import encoder_layers, set_encoder_dropout
from tests.tiny import tiny_encoder_parts


@pytest.fixture
def copy(tiny_encoder, tmp_path):
    return shutil.copytree(tiny_encoder, tmp_path / "copy")


def test_folder_round_trip(tiny_encoder):
    parts = load_encoder(str(tiny_encoder))
    original = tiny_encoder_parts().model.state_dict()
    for name, value in parts.model.state_dict().items():
        assert torch.equal(value, original[name])
    assert parts.max_pieces == 256


def test_a_checkpoint_with_a_task_head_gives_its_encoder(copy):
    path = copy / "model.safetensors"
    nested = {f"bert.{name}": value for name, value in load_file(path).items()}
    save_file({**nested, "classifier.weight": torch.zeros(2, 48)}, path)
    loaded = load_encoder(str(copy)).model.state_dict()
    for name, value in tiny_encoder_parts().model.state_dict().items():
        assert torch.equal(loaded[name], value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "{"),
        ("config.json", '{"model_type": "no-such-thing"}'),
        ("config.json", '{"model_type": "bert", "auto_map": {"AutoModel": "x.Y"}}'),
        ("config.json", '{"model_type": "bert", "hidden_size": 24, "vocab_size": 5}'),
        ("model.safetensors", "no"),
        ("tokenizer.json", "{}"),
    ],
)
def test_folders_that_do_not_fit_are_refused(copy, name, content):
    (copy / name).write_text(content)
    with pytest.raises(BadInput):
        load_encoder(str(copy))


def test_missing_weights_are_refused(copy):
    path = copy / "model.safetensors"
    state = load_file(path)
    state.pop("embeddings.word_embeddings.weight")
    save_file(state, path)
    with pytest.raises(BadInput, match="1 missing"):
        load_encoder(str(copy))


def test_what_is_nothing_is_refused(tmp_path):
    with pytest.raises(BadInput, match="neither"):
        load_encoder(str(tmp_path / "nowhere"))
    with pytest.raises(BadInput):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "electra"])
def test_other_architectures_go_through_a_folder(tmp_path, kind):
    """Pooler or none, other names of layers, positions that start elsewhere."""
    from transformers import AutoConfig, AutoModel

    sizes = {
        "vocab_size": 600,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 66,
        "pad_token_id": 1,
    }
    if kind == "distilbert":
        sizes = {
            **{name: sizes[name] for name in ("vocab_size", "max_position_embeddings")},
            "dim": 32,
            "n_layers": 2,
            "n_heads": 2,
            "hidden_dim": 64,
            "pad_token_id": 1,
        }
    if kind == "electra":
        sizes["embedding_size"] = 16
    model = AutoModel.from_config(AutoConfig.for_model(kind, **sizes))
    model.pooler = None
    parts = EncoderParts(model.eval(), tiny_encoder_parts().tokenizer)
    save_encoder(parts, tmp_path / "e")
    back = load_encoder(str(tmp_path / "e"))
    ids = torch.tensor([[0, 5, 6, 7, 2]])
    with torch.inference_mode():
        before = parts.model(input_ids=ids).last_hidden_state
        after = back.model(input_ids=ids).last_hidden_state
    assert torch.equal(before, after)
    assert back.max_pieces == (64 if kind == "roberta" else 66)
    assert len(encoder_layers(back.model)) == 2


def test_encoder_dropout_is_set_everywhere():
    model = tiny_encoder_parts().model.train()
    ids = torch.tensor([[0, 5, 6, 7, 2]])
    set_encoder_dropout(model, 0.0)
    assert torch.equal(
        model(input_ids=ids).last_hidden_state, model(input_ids=ids).last_hidden_state
    )
    set_encoder_dropout(model, 0.5)
    assert not torch.equal(
        model(input_ids=ids).last_hidden_state, model(input_ids=ids).last_hidden_state
    )


def test_configuration_names_no_place_on_the_machine(tiny_encoder):
    config = json.loads((tiny_encoder / "config.json").read_text())
    assert config["model_type"] == "bert"
    assert not any(str(tiny_encoder) in str(value) for value in config.values())


def test_special_pieces_are_found_in_the_tokenizer():
    encoder = PieceEncoder(tiny_encoder_parts().tokenizer)
    assert (encoder.prefix, encoder.suffix, encoder.n_special) == ([0], [2], 2)


def test_a_small_encoder_is_computed_on_one_thread_unless_asked_otherwise():
    model = tiny_encoder_parts().model
    before = torch.get_num_threads()
    try:
        settle_threads(model, 3)
        assert torch.get_num_threads() == 3
        settle_threads(model, None)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_precision_is_measured():
    assert gemm_ratio() > 0
    assert prefers_bfloat16() in (True, False)
