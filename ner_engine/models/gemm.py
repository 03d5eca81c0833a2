"""Measures what the machine's matrix products can give: the limit of any engine."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from ner_engine.models.onnx_engine import open_session

# Rows, inner and columns: the products of the default encoder at its usual window, and
# larger ones, where libraries come closer to the processor's limit.
_SHAPES = ((128, 384, 1536), (128, 1536, 384), (192, 384, 1536), (512, 768, 768))
_SECONDS = 0.15  # a shape


def gemm_rate(engine: str) -> float:
    """Return operations a second of one core in an engine's precision.

    A multiplication and an addition are two. The fastest product of the fastest shape
    counts, so this is what the core can do at most while others leave it alone.

    Parameters
    ----------
    engine : str
        ``onnx-int8``: ONNX Runtime's MatMulInteger of unsigned by signed bytes.
        ``bfloat16``, ``float32``: torch's linear.
    """
    make = _int8_product if engine == "onnx-int8" else _torch_product(engine)
    best = 0.0
    for shape in _SHAPES:
        best = max(best, 2.0 * np.prod(shape) / _fastest(make(*shape)))
    return float(best)


def _fastest(product: Callable[[], object]) -> float:
    best = float("inf")
    until = time.perf_counter() + _SECONDS
    while (started := time.perf_counter()) < until:
        product()
        best = min(best, time.perf_counter() - started)
    return best


def _int8_product(rows: int, inner: int, columns: int) -> Callable[[], object]:
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - slow import

    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 128, (inner, columns), np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["left", "right", "zero"], ["product"])],
        "product",
        [helper.make_tensor_value_info("left", TensorProto.UINT8, [rows, inner])],
        [helper.make_tensor_value_info("product", TensorProto.INT32, [rows, columns])],
        [
            numpy_helper.from_array(weights, "right"),
            numpy_helper.from_array(np.array(128, np.uint8), "zero"),
        ],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10
    )
    session = open_session(model.SerializeToString(), threads=1)
    feed = {"left": rng.integers(0, 256, (rows, inner), np.uint8)}
    return lambda: session.run(None, feed)


def _torch_product(engine: str) -> Callable[[int, int, int], Callable[[], object]]:
    import torch  # noqa: PLC0415 - slow import

    dtype = torch.bfloat16 if engine == "bfloat16" else torch.float32

    def make(rows: int, inner: int, columns: int) -> Callable[[], object]:
        left = torch.ones(rows, inner, dtype=dtype)
        right = torch.ones(columns, inner, dtype=dtype)
        return lambda: torch.nn.functional.linear(left, right)

    return make
