"""``bench``: how fast a bundle predicts on this machine, and how fast it could."""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_engine.cli.common import (
    DONE,
    ParentWatch,
    add_engine_arguments,
    emit_event,
    positive,
    watch_parent,
    write_result,
)
from ner_engine.data.jsonl import read_documents
from ner_engine.errors import BadInput
from ner_engine.types import Document

if TYPE_CHECKING:
    from ner_engine.inference import Predictor

NAME = "bench"
HELP = "Measure how fast a bundle predicts."

_LANGUAGES = ("es", "fr", "en")
_SEED = 77
_NOTE_WORDS = 400
_NOTES = 24  # of 400 words
_SINGLE_NOTES = 40
_WARM_UP = 5
_ROUNDS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument(
        "--input", type=Path, metavar="FILE", help="JSONL; default: texts of its own"
    )
    parser.add_argument(
        "--processes", type=positive, metavar="N", help="for bulk; default: one a core"
    )
    add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Choose an engine, load it, then time notes in bulk and one by one."""
    watch = watch_parent(args)
    documents = list(read_documents(args.input)) if args.input else make_notes(_NOTES)
    if not documents:
        raise BadInput("no documents to measure with", path=args.input)

    started = time.perf_counter()
    # What a process imports before it can predict: measured apart from loading.
    from ner_engine.inference import Predictor  # noqa: PLC0415 - slow import
    from ner_engine.models.emissions import decode_documents  # noqa: F401, PLC0415
    from ner_engine.models.gemm import gemm_rate  # noqa: PLC0415 - slow import

    import_seconds = time.perf_counter() - started
    prepare_seconds = _prepare(args)
    started = time.perf_counter()
    predictor = Predictor.load(
        args.bundle, threads=1, engine=args.engine, cache=args.cache
    )
    load_seconds = time.perf_counter() - started
    _look(watch)
    latencies = _latencies(predictor, make_notes(_SINGLE_NOTES))
    _look(watch)
    processes = args.processes or len(os.sched_getaffinity(0))
    rates = _bulk_rates(args, documents, processes)
    _look(watch)
    load = _workload(predictor, documents)
    limit = gemm_rate(predictor.engine.name) * processes
    words = statistics.median(rates)
    reached = words * load["pieces_computed"] / load["words"] * load["flops_a_piece"]
    result = {
        "event": "done",
        "digest": predictor.digest,
        "engine": predictor.engine.name,
        "processes": processes,
        "words_per_second": round(words, 1),
        "tokens_per_second": round(words * load["pieces"] / load["words"], 1),
        "p50_ms": round(statistics.median(latencies), 2),
        "p95_ms": round(_percentile(latencies, 0.95), 2),
        "load_seconds": round(load_seconds, 3),
        "import_seconds": round(import_seconds, 3),
        "prepare_seconds": round(prepare_seconds, 3),
        "peak_rss_mb": round(_peak_mb(args, documents), 1),
        "gemm_ratio": round(reached / limit, 3),
        "gemm_gflops": round(limit / 1e9, 1),
        "gflops_reached": round(reached / 1e9, 1),
        **load,
        "cores": len(os.sched_getaffinity(0)),
    }
    write_result(args, result)
    if args.events:
        emit_event(result)
    else:
        for name, value in list(result.items())[1:]:
            print(f"{name:<18}{value}")
    return DONE


def make_notes(n_notes: int) -> list[Document]:
    """Return made-up notes of 400 words, the same every time, in three languages."""
    from ner_engine.data.synthetic import generate_documents  # noqa: PLC0415 - rare

    sources = {
        language: generate_documents(language, 100_000, _SEED)
        for language in _LANGUAGES
    }
    notes: list[Document] = []
    for number in range(n_notes):
        language = _LANGUAGES[number % len(_LANGUAGES)]
        text = ""
        while len(words := list(re.finditer(r"\S+", text))) < _NOTE_WORDS:
            text += f"{next(sources[language]).text}\n"
        text = text[: words[_NOTE_WORDS - 1].end()]
        notes.append(Document(f"bench-{number}", text, language))
    return notes


def _look(watch: ParentWatch | None) -> None:
    if watch is not None:
        watch.check()


def _prepare(args: argparse.Namespace) -> float:
    """Let the engine be chosen where it never was; return the seconds that took.

    In a process of its own: what it takes is no part of a predicting process.
    """
    from ner_engine.acceleration import (  # noqa: PLC0415 - beside the slow ones
        is_worthwhile,
        read_choice,
    )
    from ner_engine.bundle import verify_bundle  # noqa: PLC0415 - not light

    known = read_choice(verify_bundle(args.bundle), args.cache)
    if args.engine != "auto" or known is not None or not is_worthwhile(args.bundle):
        return 0.0
    started = time.perf_counter()
    command = [sys.executable, "-m", "ner_engine", "accelerate", str(args.bundle)]
    if args.cache is not None:
        command += ["--cache", str(args.cache)]
    # The arguments are ours: a command's name, options and paths.
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return time.perf_counter() - started


def _latencies(predictor: Predictor, notes: Sequence[Document]) -> list[float]:
    """Return the milliseconds that each note takes alone, on one core, warm."""
    for note in notes[:_WARM_UP]:
        list(predictor.predict([note]))
    taken: list[float] = []
    for note in notes:
        started = time.perf_counter()
        list(predictor.predict([note]))
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def _bulk_rates(
    args: argparse.Namespace, documents: Sequence[Document], processes: int
) -> list[float]:
    """Return words a second of some rounds, all processes warm.

    A word is a run of characters without white space.
    """
    from ner_engine.bulk import REQUEST_CHARS, BulkPredictor  # noqa: PLC0415 - rare

    n_chars = sum(len(document.text) for document in documents)
    # Enough that each process has several requests in every round.
    repeated = list(documents) * max(
        1, 3 * processes * REQUEST_CHARS // max(n_chars, 1)
    )
    n_words = sum(len(document.text.split()) for document in repeated)
    rates: list[float] = []
    options = _engine_options(args)
    with BulkPredictor(args.bundle, processes=processes, options=options) as bulk:
        for _ in bulk.predict(list(documents) * processes):
            pass
        for _ in range(_ROUNDS):
            started = time.perf_counter()
            for _ in bulk.predict(repeated):
                pass
            rates.append(n_words / (time.perf_counter() - started))
    return rates


def _engine_options(args: argparse.Namespace) -> list[str]:
    options = ["--engine", args.engine]
    return options if args.cache is None else [*options, "--cache", str(args.cache)]


def _workload(predictor: Predictor, documents: Sequence[Document]) -> dict[str, Any]:
    """Count words, pieces, pieces computed (windows overlap) and operations a piece.

    A multiplication and an addition are two operations. Counted are the products with
    weights and, over the mean window, those of attention; nothing else.
    """
    from ner_engine.bundle import read_encoder_config  # noqa: PLC0415 - rare

    config = read_encoder_config(predictor.bundle.path)
    hidden, layers = int(config["hidden_size"]), int(config["num_hidden_layers"])
    weights = 4 * hidden * hidden + 2 * hidden * int(config["intermediate_size"])
    n_words = n_pieces = n_computed = n_pairs = 0
    for document in documents:
        encoded = predictor.encoder.encode(document, max_pieces=predictor.max_pieces)
        n_words += len(document.text.split())
        n_pieces += sum(map(len, encoded.pieces))
        for window in encoded.windows:
            pieces = encoded.pieces[window.token_start : window.token_end]
            width = sum(map(len, pieces)) + predictor.encoder.n_special
            n_computed += width
            n_pairs += width * width
    attention = 2 * hidden * n_pairs / max(n_computed, 1)
    return {
        "words": n_words,
        "pieces": n_pieces,
        "pieces_computed": n_computed,
        "flops_a_piece": round(2 * layers * (weights + attention)),
    }


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _peak_mb(args: argparse.Namespace, documents: Sequence[Document]) -> float:
    """Return the peak memory of a process that does nothing but predict, in MiB."""
    from ner_engine.bulk import BulkPredictor  # noqa: PLC0415 - rare

    options = _engine_options(args)
    with BulkPredictor(args.bundle, processes=1, options=options) as bulk:
        for _ in bulk.predict(documents):
            pass
        status = Path(f"/proc/{bulk.pids[0]}/status")
        if status.exists():
            lines = status.read_text(encoding="utf-8").splitlines()
            peak = next(line for line in lines if line.startswith("VmHWM:"))
            return int(peak.split()[1]) / 1024
    # Elsewhere: the largest child that has ended.
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
