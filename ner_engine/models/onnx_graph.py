"""Writes a tagger as an ONNX graph that computes in 8-bit integers.

Built node by node from the weights, without tracing: what runs is what stands here.
Weights are the bundle's own signed bytes with a scale a column, so nothing is rounded
twice; activations are turned into unsigned bytes as they come, with one range for a
whole input of a product (dynamic quantisation). Attention, normalisation and the heads
stay in float32.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ner_engine.errors import EngineUnavailable
from ner_engine.models.encoder import position_limit
from ner_engine.models.onnx_engine import DESCRIPTION
from ner_engine.models.storage import pack
from ner_engine.models.tagger import MultiHeadTagger

# Architectures whose blocks are BERT's. RoBERTa's kin count positions from the padding
# index on.
_BERT = frozenset({"bert"})
_ROBERTA = frozenset({"roberta", "xlm-roberta", "camembert"})

_OPSET = 20
_IR_VERSION = 10
_CONTRIB = "com.microsoft"  # ONNX Runtime's own operators
_SCALE = ".scale"
_TRANSITIONS = "transitions"  # are for decoding, which is not in the graph

Array = NDArray[Any]


class _Config(Protocol):
    model_type: str
    hidden_act: str
    hidden_size: int
    num_attention_heads: int
    num_hidden_layers: int
    layer_norm_eps: float
    pad_token_id: int


def build_graph(tagger: MultiHeadTagger) -> bytes:
    """Return a tagger as a serialised ONNX model.

    Its inputs are ``input_ids``, int64 (1, T), one window without padding, and
    ``first_pieces``, int64 (N,); its output ``logits`` is float32 (1, N, H * K).

    Raises
    ------
    EngineUnavailable
        When the encoder is of another architecture than BERT's, or the tagger has
        parts that the graph does not.
    """
    config = tagger.encoder.config
    _check_architecture(config)
    packed = {name: value.numpy() for name, value in pack(tagger.state_dict()).items()}
    graph = _Graph(packed)
    hidden = _write_embeddings(graph, config)
    for layer in range(config.num_hidden_layers):
        hidden = _write_layer(graph, config, hidden, layer)
    _write_heads(graph, hidden)
    graph.check_used_up()
    transitions = tagger.learned_transitions
    described = {
        "heads": tagger.n_heads,
        "tags": tagger.n_tags,
        "transitions": None if transitions is None else transitions.tolist(),
        "max_pieces": position_limit(config),
    }
    return graph.serialise(tagger.n_heads * tagger.n_tags, described)


def _check_architecture(config: _Config) -> None:
    kind = config.model_type
    if kind not in _BERT | _ROBERTA:
        raise EngineUnavailable(f"no graph for encoders of type {kind}")
    if config.hidden_act != "gelu":
        raise EngineUnavailable(f"no graph for activation {config.hidden_act}")
    if getattr(config, "position_embedding_type", "absolute") != "absolute":
        raise EngineUnavailable("no graph for relative positions")


class _Graph:
    """Collects nodes and constants; takes weights out of a packed state dict."""

    def __init__(self, packed: dict[str, Array]) -> None:
        import onnx  # noqa: PLC0415 - slow import, only where engines are built

        self._onnx = onnx
        self._packed = packed
        self._used: set[str] = set()
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def take(self, name: str) -> Array:
        """Return a stored tensor, bytes as bytes."""
        if name not in self._packed:
            raise EngineUnavailable(f"the tagger has no {name}")
        self._used.add(name)
        return self._packed[name]

    def take_float(self, name: str) -> Array:
        """Return a tensor in float32, its rows restored when it is stored in bytes."""
        value = self.take(name)
        if name + _SCALE not in self._packed:
            return value.astype(np.float32)
        return value.astype(np.float32) * self.take(name + _SCALE)[:, None]

    def constant(self, name: str, value: Array) -> str:
        """Keep a constant under a name."""
        self._constants[name] = self._onnx.numpy_helper.from_array(
            np.ascontiguousarray(value), name
        )
        return name

    def node(
        self,
        operator: str,
        inputs: list[str],
        outputs: str | list[str],
        *,
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """Add a node and return the name of its first output."""
        names = [outputs] if isinstance(outputs, str) else outputs
        self._nodes.append(
            self._onnx.helper.make_node(
                operator, inputs, names, domain=domain, **attributes
            )
        )
        return names[0]

    def check_used_up(self) -> None:
        """Refuse a tagger of which something would be left out."""
        left = {
            name
            for name in set(self._packed) - self._used
            if not name.endswith("_ids") and name != _TRANSITIONS
        }
        if left:
            raise EngineUnavailable(f"no graph for {', '.join(sorted(left)[:3])}")

    def serialise(self, n_outputs: int, described: dict[str, Any]) -> bytes:
        """Return the model as bytes, with what its runner must know of it."""
        helper, types = self._onnx.helper, self._onnx.TensorProto
        inputs = [
            helper.make_tensor_value_info("input_ids", types.INT64, [1, "pieces"]),
            helper.make_tensor_value_info("first_pieces", types.INT64, ["tokens"]),
        ]
        outputs = [
            helper.make_tensor_value_info(
                "logits", types.FLOAT, [1, "tokens", n_outputs]
            )
        ]
        model = helper.make_model(
            helper.make_graph(
                self._nodes, "tagger", inputs, outputs, list(self._constants.values())
            ),
            opset_imports=[
                helper.make_opsetid("", _OPSET),
                helper.make_opsetid(_CONTRIB, 1),
            ],
            ir_version=_IR_VERSION,
        )
        helper.set_model_props(model, {DESCRIPTION: json.dumps(described)})
        serialised: bytes = model.SerializeToString(deterministic=True)
        return serialised


def _write_embeddings(graph: _Graph, config: _Config) -> str:
    """Look up rows as bytes and restore them: the table stays a quarter of its size."""
    prefix = "encoder.embeddings."
    words = prefix + "word_embeddings.weight"
    table = graph.constant("words", graph.take(words))
    scales = graph.constant("words.scale", graph.take(words + _SCALE)[:, None])
    rows = graph.node("Gather", [table, "input_ids"], "rows")
    rows = graph.node("Cast", [rows], "rows.float", to=1)
    scale = graph.node("Gather", [scales, "input_ids"], "rows.scale")
    rows = graph.node("Mul", [rows, scale], "rows.restored")
    positions = graph.take_float(prefix + "position_embeddings.weight")
    if config.model_type in _ROBERTA:
        positions = positions[config.pad_token_id + 1 :]
    # One text a window: every piece is of the first type.
    positions = positions + graph.take_float(prefix + "token_type_embeddings.weight")[0]
    table = graph.constant("positions", positions)
    zero = graph.constant("zero", np.zeros(1, np.int64))
    width = graph.node("Shape", ["input_ids"], "width", start=1, end=2)
    placed = graph.node("Slice", [table, zero, width], "positions.used")
    summed = graph.node("Add", [rows, placed], "embedded")
    return _normalise(graph, config, summed, prefix + "LayerNorm", "hidden.0")


def _write_layer(graph: _Graph, config: _Config, hidden: str, layer: int) -> str:
    prefix, at = f"encoder.encoder.layer.{layer}.", f"{layer}."
    attention = prefix + "attention."
    # Queries, keys and values are products of one input: it is quantised once.
    quantised = [at + "bytes", at + "bytes.scale", at + "bytes.zero"]
    graph.node("DynamicQuantizeLinear", [hidden], quantised)
    inputs = [
        _multiply_bytes(graph, quantised, f"{attention}self.{name}", at + name)
        for name in ("query", "key", "value")
    ]
    context = graph.node(
        "MultiHeadAttention",
        inputs,
        at + "context",
        domain=_CONTRIB,
        num_heads=config.num_attention_heads,
    )
    attended = _multiply(graph, context, attention + "output.dense", at + "attended")
    # Not SkipLayerNormalization: its sum and norm in one were eight times as slow as
    # the two apart (ONNX Runtime 1.32).
    summed = graph.node("Add", [attended, hidden], at + "summed")
    hidden = _normalise(
        graph, config, summed, attention + "output.LayerNorm", at + "middle"
    )
    wide = _multiply(graph, hidden, prefix + "intermediate.dense", at + "wide")
    wide = graph.node("Gelu", [wide], at + "gelu", domain=_CONTRIB)
    narrow = _multiply(graph, wide, prefix + "output.dense", at + "narrow")
    summed = graph.node("Add", [narrow, hidden], at + "summed.2")
    return _normalise(
        graph, config, summed, prefix + "output.LayerNorm", f"hidden.{layer + 1}"
    )


def _write_heads(graph: _Graph, hidden: str) -> None:
    tokens = graph.node("Gather", [hidden, "first_pieces"], "tokens", axis=1)
    weights = graph.constant("heads", graph.take("heads.weight").T)
    scores = graph.node("MatMul", [tokens, weights], "scores")
    bias = graph.constant("heads.bias", graph.take("heads.bias"))
    graph.node("Add", [scores, bias], "logits")


def _normalise(
    graph: _Graph, config: _Config, value: str, name: str, output: str
) -> str:
    weight = graph.constant(name + ".weight", graph.take(name + ".weight"))
    bias = graph.constant(name + ".bias", graph.take(name + ".bias"))
    return graph.node(
        "LayerNormalization",
        [value, weight, bias],
        output,
        axis=-1,
        epsilon=config.layer_norm_eps,
    )


def _weights(graph: _Graph, name: str) -> tuple[str, str, str, str]:
    """Keep a layer's bytes, (inputs, outputs), with scales, zero points and bias."""
    stored = graph.take(name + ".weight")
    weight = graph.constant(name + ".weight", stored.T)
    scale = graph.constant(name + _SCALE, graph.take(name + ".weight" + _SCALE))
    zero = graph.constant(name + ".zero", np.zeros(len(stored), np.int8))
    bias = graph.constant(name + ".bias", graph.take(name + ".bias"))
    return weight, scale, zero, bias


def _multiply(graph: _Graph, value: str, name: str, output: str) -> str:
    weight, scale, zero, bias = _weights(graph, name)
    return graph.node(
        "DynamicQuantizeMatMul",
        [value, weight, scale, zero, bias],
        output,
        domain=_CONTRIB,
    )


def _multiply_bytes(graph: _Graph, quantised: list[str], name: str, output: str) -> str:
    value, value_scale, value_zero = quantised
    weight, scale, zero, bias = _weights(graph, name)
    return graph.node(
        "MatMulIntegerToFloat",
        [value, weight, value_scale, scale, value_zero, zero, bias],
        output,
        domain=_CONTRIB,
    )
