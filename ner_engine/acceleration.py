"""Finds the fastest way to run a bundle on this machine, and remembers it.

Three engines can run a bundle: torch in float32, torch in bfloat16, and an ONNX graph
in 8-bit integers that is derived from it. `choose_engine` builds the graph, scores all
three on a check set and times them on it; `Predictor.load` then takes the one it chose.
Graph and choice lie in a cache outside the bundle, under the bundle's digest.

The check set is made up (`ner_engine.data.synthetic`), in the bundle's languages: a
bundle carries no notes. Where the bundle has other labels than the generator, float32's
own answers stand for the gold.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ner_engine import bundle as bundles
from ner_engine.errors import EngineUnavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ner_engine.bundle import Bundle
    from ner_engine.models.pieces import EncodedDocument, PieceEncoder
    from ner_engine.types import Document, Span

ONNX_INT8, BFLOAT16, FLOAT32 = "onnx-int8", "bfloat16", "float32"
ENGINES = (ONNX_INT8, BFLOAT16, FLOAT32)

# An engine is adopted if it loses no more strict F1 than this against float32, and
# moves confidences by no more on average: the calibrator was fitted on float32.
MOST_F1_LOST = 0.003
MOST_CONFIDENCE_MOVED = 0.02
# Encoders narrower than this are as fast in float32; building would take longer than
# it ever saves.
WORTHWHILE_HIDDEN = 128

_CACHE_VARIABLE = "GLOSA_CACHE"
_FORMAT = 1
_MAGIC = b"glosa-derived\n"
_DIGEST_BYTES = 32
_CHECK_DOCUMENTS = 20  # a language; about 1,000 spans in three
_CHECK_SEED = 20_261
_WARM_UP = 3

logger = logging.getLogger(__name__)


class Engine(Protocol):
    """A way to compute a bundle's emissions."""

    name: str
    max_pieces: int
    transitions: NDArray[np.float32] | None

    def emit(
        self, documents: Sequence[EncodedDocument], *, batch_pieces: int
    ) -> list[NDArray[np.float32]]:
        """Return emission logits of each document, (N, H, K)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What an engine gave on the check set.

    Parameters
    ----------
    f1 : float
        Strict micro F1.
    confidence_moved : float
        Mean difference of confidence from float32's, over spans that both found.
    pieces_per_second : float
        On one core, by processor time: what else the machine does counts little.
    is_adopted : bool
        Whether it may serve.
    """

    engine: str
    f1: float
    confidence_moved: float
    pieces_per_second: float
    is_adopted: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine that serves a bundle on this machine, and why.

    ``reason`` says why there is no trial of the 8-bit engine, if there is none.
    """

    engine: str
    trials: tuple[Trial, ...]
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the values that the cache keeps."""
        return {"format": _FORMAT, **asdict(self)}


def default_cache() -> Path:
    """Return the folder of derived engines: ``GLOSA_CACHE``, or the user's cache."""
    named = os.environ.get(_CACHE_VARIABLE, "")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "glosa"


def is_worthwhile(path: Path | str) -> bool:
    """Tell whether a bundle's encoder is wide enough to gain from another engine."""
    encoder = bundles.read_encoder_config(path)
    return int(encoder.get("hidden_size", 0)) >= WORTHWHILE_HIDDEN


def read_choice(digest: str, cache: Path | None = None) -> Choice | None:
    """Return what was chosen for a bundle here; None if nothing whole is there."""
    path = _choice_path(digest, cache)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("format") != _FORMAT or values["engine"] not in ENGINES:
            return None
        trials = tuple(Trial(**trial) for trial in values.pop("trials"))
        return Choice(trials=trials, **values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def read_graph(digest: str, cache: Path | None = None) -> bytes | None:
    """Return a bundle's graph from the cache; None when it is not there, whole."""
    try:
        stored = _graph_path(digest, cache).read_bytes()
    except OSError:
        return None
    head = len(_MAGIC) + _DIGEST_BYTES
    if not stored.startswith(_MAGIC):
        return None
    model = stored[head:]
    if hashlib.sha256(model).digest() != stored[len(_MAGIC) : head]:
        return None
    return model


def derive_graph(bundle: Bundle, cache: Path | None = None) -> bytes:
    """Return a bundle's graph, built into the cache when it is not there.

    Processes that build at once write the same bytes; each appears by a rename.

    Raises
    ------
    EngineUnavailable
        When the bundle's encoder has no graph.
    """
    from ner_engine.models.onnx_graph import (  # noqa: PLC0415 - slow import
        build_graph,
    )

    model = read_graph(bundle.digest, cache)
    if model is None:
        model = build_graph(bundle.tagger)
        head = _MAGIC + hashlib.sha256(model).digest()
        _write(_graph_path(bundle.digest, cache), head + model)
    return model


def choose_engine(
    path: Path | str,
    cache: Path | None = None,
    *,
    watch: Callable[[], None] | None = None,
) -> Choice:
    """Try every engine on a bundle's check set, keep the choice and return it.

    Takes half a minute of one core for the default encoder, once. *watch* is called
    between documents and may raise.
    """
    from ner_engine.models.emissions import TorchEngine  # noqa: PLC0415 - slow import
    from ner_engine.models.onnx_engine import (  # noqa: PLC0415 - slow import
        OnnxEngine,
    )
    from ner_engine.models.pieces import PieceEncoder  # noqa: PLC0415 - slow import

    bundle = bundles.load_bundle(path)
    encoder = PieceEncoder(bundle.tokenizer)
    reason = ""
    with _one_thread():
        check = _CheckSet(bundle, encoder, watch)
        trials = [check.try_engine(TorchEngine(bundle.tagger, encoder, bfloat16=False))]
        try:
            model = derive_graph(bundle, cache)
            trials.append(check.try_engine(OnnxEngine(model, encoder, threads=1)))
        except EngineUnavailable as error:
            reason = str(error)
        # Last: it turns the tagger's weights to bfloat16.
        trials.append(
            check.try_engine(TorchEngine(bundle.tagger, encoder, bfloat16=True))
        )
    adopted = [trial for trial in trials if trial.is_adopted]
    best = max(adopted, key=lambda trial: trial.pieces_per_second)
    choice = Choice(best.engine, tuple(trials), reason)
    text = json.dumps(choice.to_json(), indent=2) + "\n"
    _write(_choice_path(bundle.digest, cache), text.encode())
    return choice


class _CheckSet:
    """Documents to try engines on; the others must match the first that is tried."""

    def __init__(
        self,
        bundle: Bundle,
        encoder: PieceEncoder,
        watch: Callable[[], None] | None,
    ) -> None:
        self._bundle = bundle
        self._encoder = encoder
        self._watch = watch
        self._gold = make_check_set(bundle.scheme.names, bundle.info.languages)
        self._first: list[Document] = []
        self._first_f1 = 0.0

    def try_engine(self, engine: Engine) -> Trial:
        from ner_engine.inference import Predictor  # noqa: PLC0415 - imports this

        predictor = Predictor(self._bundle, engine=engine)
        bare = [replace(document, spans=None) for document in self._gold]
        list(predictor.predict(bare[:_WARM_UP]))
        started = time.process_time()
        marked: list[Document] = []
        for document in bare:  # alone, as a note in the browser is
            marked += predictor.predict([document])
            if self._watch is not None:
                self._watch()
        seconds = time.process_time() - started
        if not self._first:
            self._first = marked
            if not any(document.spans for document in self._gold):
                self._gold = marked
        f1 = _f1(self._gold, marked)
        moved = _confidence_moved(self._first, marked)
        self._first_f1 = self._first_f1 or f1
        return Trial(
            engine=engine.name,
            f1=round(f1, 5),
            confidence_moved=round(moved, 5),
            pieces_per_second=round(self._n_pieces() / seconds, 1),
            is_adopted=self._first_f1 - f1 <= MOST_F1_LOST
            and moved <= MOST_CONFIDENCE_MOVED,
        )

    def _n_pieces(self) -> int:
        return sum(
            len(pieces)
            for document in self._gold
            for pieces in self._encoder.encode(document, max_pieces=10_000).pieces
        )


def make_check_set(labels: Sequence[str], languages: Sequence[str]) -> list[Document]:
    """Return generated documents with their gold of *labels*, the same every time.

    In the languages that the generator has; in all of them when it has none of these.
    Spans are missing where the generator has none of the labels.
    """
    from ner_engine.data.synthetic import (  # noqa: PLC0415 - not always
        SYNTHETIC_LANGUAGES,
        generate_documents,
    )

    known = [name for name in SYNTHETIC_LANGUAGES if name in languages]
    return [
        replace(
            document,
            spans=tuple(span for span in document.spans or () if span.label in labels),
        )
        for language in known or SYNTHETIC_LANGUAGES
        for document in generate_documents(language, _CHECK_DOCUMENTS, _CHECK_SEED)
    ]


def _f1(gold: Sequence[Document], marked: Sequence[Document]) -> float:
    """Return the strict micro F1 over the labels that the gold has."""
    from ner_engine.evaluation.scorer import Score, score_spans  # noqa: PLC0415 - rare

    labels = {span.label for document in gold for span in document.spans or ()}
    total = Score()
    for right, found in zip(gold, marked, strict=True):
        spans = [span for span in found.spans or () if span.label in labels]
        total += score_spans(right.spans or (), spans)
    return total.f1


def _confidence_moved(first: Sequence[Document], marked: Sequence[Document]) -> float:
    moved: list[float] = []
    for left, right in zip(first, marked, strict=True):
        known = {_place(span): span.confidence for span in left.spans or ()}
        for span in right.spans or ():
            before = known.get(_place(span))
            if before is not None and span.confidence is not None:
                moved.append(abs(before - span.confidence))
    return sum(moved) / len(moved) if moved else 0.0


def _place(span: Span) -> tuple[int, int, str]:
    return span.start_char, span.end_char, span.label


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@lru_cache(maxsize=1)
def machine_identity() -> str:
    """Name this machine's processor and the versions of what computes on it."""
    facts = [
        platform.machine(),
        *_processor_facts(),
        *(f"{name} {version(name)}" for name in ("torch", "onnxruntime")),
    ]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _processor_facts() -> list[str]:
    """Return the processor's name and abilities, where Linux tells them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return [platform.processor()]
    wanted = ("model name", "flags", "Features", "CPU part")
    return sorted({line for line in lines if line.startswith(wanted)})


def _graph_path(digest: str, cache: Path | None) -> Path:
    from ner_engine.models.onnx_engine import GRAPH_VERSION  # noqa: PLC0415 - slow

    return (cache or default_cache()) / digest / f"int8-{GRAPH_VERSION}.onnx"


def _choice_path(digest: str, cache: Path | None) -> Path:
    name = f"choice-{machine_identity()}.json"
    return (cache or default_cache()) / digest / name


def _write(path: Path, data: bytes) -> None:
    """Let a file appear whole, by a rename."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=".partial-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
