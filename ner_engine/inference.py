"""Prediction with a bundle: documents in, documents with spans out, in order."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ner_engine.acceleration import (
    BFLOAT16,
    ENGINES,
    FLOAT32,
    ONNX_INT8,
    derive_graph,
    read_choice,
    read_graph,
)
from ner_engine.bundle import Bundle, BundleParts, digest, load_bundle, load_parts
from ner_engine.errors import EngineUnavailable
from ner_engine.text.windows import DEFAULT_MAX_PIECES
from ner_engine.types import Document

if TYPE_CHECKING:
    from ner_engine.acceleration import Engine
    from ner_engine.models.pieces import EncodedDocument, PieceEncoder

# A chunk is what is sorted, batched and held in memory together: about forty pages.
CHUNK_TOKENS = 20_000
CHUNK_DOCUMENTS = 512
DEFAULT_BATCH_PIECES = 4096
AUTO = "auto"

logger = logging.getLogger(__name__)


class Predictor:
    """Marks spans with a loaded bundle.

    Parameters
    ----------
    bundle : BundleParts
        A whole `Bundle` unless *engine* is given.
    bfloat16 : bool, optional
        Run the encoder in bfloat16, in place; where this processor is faster with it
        if None.
    engine : Engine, optional
        Computes the emissions instead of the bundle's own tagger.
    """

    def __init__(
        self,
        bundle: BundleParts,
        *,
        bfloat16: bool | None = None,
        engine: Engine | None = None,
    ) -> None:
        from ner_engine.models.pieces import (  # noqa: PLC0415 - slow import
            PieceEncoder,
            prediction_pieces,
        )

        self.bundle = bundle
        self.encoder = PieceEncoder(bundle.tokenizer)
        self.engine = engine or _torch_engine(bundle, self.encoder, bfloat16)
        trained = int(bundle.info.recipe.get("max_pieces", DEFAULT_MAX_PIECES))
        self.max_pieces = prediction_pieces(trained, self.engine.max_pieces)

    @classmethod
    def load(
        cls,
        path: Path | str,
        *,
        threads: int | None = None,
        bfloat16: bool | None = None,
        engine: str = AUTO,
        cache: Path | None = None,
    ) -> Predictor:
        """Load a bundle for prediction.

        Parameters
        ----------
        threads : int, optional
            Threads of this process's numerical library; its own choice if None.
        bfloat16 : bool, optional
            Run torch, in bfloat16 or in float32.
        engine : str
            One of `ENGINES`, or ``auto``: what `choose_engine` once chose for this
            bundle on this machine; torch if it never ran.
        cache : Path, optional
            Folder of derived engines; `default_cache` if None.

        Raises
        ------
        EngineUnavailable
            When the engine that was named does not run here.
        """
        if bfloat16 is not None:
            engine = BFLOAT16 if bfloat16 else FLOAT32
        if engine not in (AUTO, *ENGINES):
            raise EngineUnavailable(f"no engine {engine}; known: {', '.join(ENGINES)}")
        choice = read_choice(digest(path), cache) if engine == AUTO else None
        wanted = engine if choice is None else choice.engine
        if wanted == ONNX_INT8:
            try:
                return cls._load_derived(path, threads, cache, is_built=engine != AUTO)
            except EngineUnavailable as error:
                if engine != AUTO:
                    raise
                logger.warning("%s: torch serves instead", error)
        return cls._load_torch(path, threads, wanted)

    @classmethod
    def _load_derived(
        cls,
        path: Path | str,
        threads: int | None,
        cache: Path | None,
        *,
        is_built: bool,
    ) -> Predictor:
        from ner_engine.models.onnx_engine import (  # noqa: PLC0415 - slow import
            OnnxEngine,
            import_runtime,
        )
        from ner_engine.models.pieces import PieceEncoder  # noqa: PLC0415 - slow import

        import_runtime()  # before anything is built in vain
        model = read_graph(digest(path), cache)
        if model is not None:
            parts = load_parts(path)
        elif is_built:
            parts = load_bundle(path)
            model = derive_graph(parts, cache)
        else:
            raise EngineUnavailable("the derived engine is missing or damaged")
        encoder = PieceEncoder(parts.tokenizer)
        return cls(parts, engine=OnnxEngine(model, encoder, threads=threads))

    @classmethod
    def _load_torch(
        cls, path: Path | str, threads: int | None, wanted: str
    ) -> Predictor:
        from ner_engine.models.precision import (  # noqa: PLC0415 - slow import
            settle_threads,
        )

        bundle = load_bundle(path)
        settle_threads(bundle.tagger.encoder, threads)
        bfloat16 = wanted == BFLOAT16 if wanted in (BFLOAT16, FLOAT32) else None
        return cls(bundle, bfloat16=bfloat16)

    @property
    def bfloat16(self) -> bool:
        """Whether the encoder runs in bfloat16."""
        return self.engine.name == BFLOAT16

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels, in the order of the heads."""
        return self.bundle.scheme.names

    @property
    def digest(self) -> str:
        """Digest of the bundle."""
        return self.bundle.digest

    def predict(
        self,
        documents: Iterable[Document],
        *,
        batch_pieces: int = DEFAULT_BATCH_PIECES,
    ) -> Iterator[Document]:
        """Yield each document with predicted spans in place of any it had.

        Spans carry calibrated confidence and are sorted. Documents are read in chunks
        as the answers are consumed, so a file of any size can stream through.
        """
        chunk: list[EncodedDocument] = []
        n_tokens = 0
        for document in documents:
            encoded = self.encoder.encode(document, max_pieces=self.max_pieces)
            chunk.append(encoded)
            n_tokens += len(encoded.tokens)
            if n_tokens >= CHUNK_TOKENS or len(chunk) >= CHUNK_DOCUMENTS:
                yield from self._predict_chunk(chunk, batch_pieces)
                chunk, n_tokens = [], 0
        if chunk:
            yield from self._predict_chunk(chunk, batch_pieces)

    def _predict_chunk(
        self, chunk: list[EncodedDocument], batch_pieces: int
    ) -> Iterator[Document]:
        from ner_engine.models.emissions import (  # noqa: PLC0415 - slow import
            decode_documents,
        )

        answers = decode_documents(
            chunk,
            self.engine.emit(chunk, batch_pieces=batch_pieces),
            self.bundle.scheme,
            self.bundle.calibration,
            transitions=self.engine.transitions,
        )
        for encoded, spans in zip(chunk, answers, strict=True):
            yield replace(encoded.document, spans=spans)


def _torch_engine(
    bundle: BundleParts, encoder: PieceEncoder, bfloat16: bool | None
) -> Engine:
    from ner_engine.models.emissions import TorchEngine  # noqa: PLC0415 - slow import
    from ner_engine.models.precision import (  # noqa: PLC0415 - slow import
        prefers_bfloat16,
    )

    if not isinstance(bundle, Bundle):
        raise TypeError("parts of a bundle need an engine to compute with")
    return TorchEngine(
        bundle.tagger,
        encoder,
        bfloat16=prefers_bfloat16() if bfloat16 is None else bfloat16,
    )
