"""Runs a tagger's ONNX graph over documents, without torch in the process.

Each window runs alone. So nothing is padded, the ranges of dynamic quantisation are
those of the window and of nothing beside it, and a note's answer is the same whatever
stands next to it; the products of a window are large enough to fill a core.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_engine.errors import EngineUnavailable
from ner_engine.models.pieces import EncodedDocument, PieceEncoder

# Raise it when `onnx_graph` writes another graph: those in caches are then built anew.
GRAPH_VERSION = 1
# Under this name a graph carries the shape of its heads.
DESCRIPTION = "glosa"
_PROVIDERS = ["CPUExecutionProvider"]
_ERRORS_ONLY = 3


def import_runtime() -> Any:
    """Return the module ``onnxruntime``.

    Raises
    ------
    EngineUnavailable
        When it is not installed, or cannot load on this machine.
    """
    try:
        return importlib.import_module("onnxruntime")  # slow, and may fail
    except (ImportError, OSError) as error:
        raise EngineUnavailable(f"ONNX Runtime does not load: {error}") from error


def open_session(model: bytes, *, threads: int | None) -> Any:
    """Return a session of a serialised model.

    Raises
    ------
    EngineUnavailable
        When ONNX Runtime does not load or refuses the model.
    """
    runtime = import_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # Windows are of any length: a pattern of memory kept for each would only grow.
    options.enable_mem_pattern = False
    try:
        return runtime.InferenceSession(model, options, providers=_PROVIDERS)
    except Exception as error:  # its errors have no other common root
        reason = f"ONNX Runtime refuses the model ({type(error).__name__})"
        raise EngineUnavailable(reason) from error


class OnnxEngine:
    """Emission logits by ONNX Runtime.

    Parameters
    ----------
    model : bytes
        What `ner_engine.models.onnx_graph.build_graph` returned.
    encoder : PieceEncoder
    threads : int, optional
        All cores that the process may use if None.

    Attributes
    ----------
    max_pieces : int
        Longest input that the encoder has positions for.
    transitions : float32, (H, K, K), or None
        What decoding must know of the tagger.
    """

    name = "onnx-int8"

    def __init__(
        self, model: bytes, encoder: PieceEncoder, *, threads: int | None = None
    ) -> None:
        self._session = open_session(model, threads=threads)
        self._encoder = encoder
        properties = self._session.get_modelmeta().custom_metadata_map
        described = json.loads(properties[DESCRIPTION])
        self._shape = (int(described["heads"]), int(described["tags"]))
        self.max_pieces = int(described["max_pieces"])
        self.transitions: NDArray[np.float32] | None = None
        if described["transitions"] is not None:
            self.transitions = np.array(described["transitions"], np.float32)

    def emit(
        self, documents: Sequence[EncodedDocument], *, batch_pieces: int
    ) -> list[NDArray[np.float32]]:
        """Return emission logits of each document, (N, H, K).

        *batch_pieces* is for engines that batch; windows run alone here.
        """
        return [self._emit_document(document) for document in documents]

    def _emit_document(self, document: EncodedDocument) -> NDArray[np.float32]:
        # Every token lies in one kept range.
        answers = np.empty((len(document.tokens), *self._shape), np.float32)
        prefix, suffix = self._encoder.prefix, self._encoder.suffix
        for window in document.windows:
            pieces = document.pieces[window.token_start : window.token_end]
            ids = [*prefix, *(piece for token in pieces for piece in token), *suffix]
            sizes = np.fromiter(map(len, pieces), np.int64, len(pieces))
            firsts = len(prefix) + np.cumsum(sizes) - sizes
            first = window.keep_start - window.token_start
            last = window.keep_end - window.token_start
            # Only the kept tokens are scored.
            feed = {
                "input_ids": np.array([ids], np.int64),
                "first_pieces": firsts[first:last],
            }
            (logits,) = self._session.run(None, feed)  # (1, N, H * K)
            answers[window.keep_start : window.keep_end] = logits.reshape(
                -1, *self._shape
            )
        return answers
