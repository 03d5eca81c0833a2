"""Bulk prediction of a bundle beside a Hugging Face pipeline and spaCy, in one run.

    python benchmarks/engine/predict.py --json benchmarks/engine/results/predict.json

All systems mark the same made-up notes of 400 words on the same cores, in turns, a few
rounds each; the figure of a system is the median of its rounds. The Hugging Face
pipeline has the bundle's own encoder under a token-classification head, windows of the
same length and overlap, and is given the best of several batch sizes, as one process
with all threads and as one single-threaded process a core. spaCy's is a blank pipeline
with tok2vec and ner of its default sizes, untrained: what it finds is nothing, how fast
it looks is the question. Words are runs of characters without white space.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ner_engine.bulk import BulkPredictor  # noqa: E402
from ner_engine.cli.bench import make_notes  # noqa: E402
from ner_engine.types import Document  # noqa: E402

BATCH_SIZES = (1, 4, 16)
WARM_UP_NOTES = 4

_state: dict[str, Any] = {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", default="models/starter")
    parser.add_argument("--notes", type=int, default=120, help="of 400 words")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--cache", help="folder of derived engines")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    options = ["--cache", args.cache] if args.cache else []
    command = [sys.executable, "-m", "ner_engine", "bench", args.bundle, *options]
    own = Path(f"{args.json or 'bench'}.part")
    subprocess.run([*command, "--json", str(own)], check=True)
    bench = json.loads(own.read_text(encoding="utf-8"))
    own.unlink()

    notes = make_notes(args.notes)
    # Slower systems get fewer notes: a round takes seconds, not minutes.
    few = notes[: max(WARM_UP_NOTES, args.notes // 6)]
    with ExitStack() as stack:
        bulk = stack.enter_context(
            BulkPredictor(args.bundle, processes=args.cores, options=options)
        )
        systems: dict[str, tuple[Callable[[Sequence[Document]], None], Any]] = {
            "glosa": (lambda some: _use_up(bulk.predict(some)), notes)
        }
        for processes in sorted({1, args.cores}):
            threads = args.cores // processes
            context = multiprocessing.get_context("spawn")
            pool = stack.enter_context(
                context.Pool(processes, _load_pipeline, (args.bundle, threads))
            )
            for size in BATCH_SIZES:
                name = f"huggingface {processes}x{threads} batch {size}"
                systems[name] = (_shared_out(pool, processes, size), few)
        systems["spacy tok2vec"] = (_spacy(args.cores), notes)
        rates: dict[str, list[float]] = {name: [] for name in systems}
        for mark, _ in systems.values():
            mark(notes[:WARM_UP_NOTES])
        for _ in range(args.rounds):
            for name, (mark, some) in systems.items():
                started = time.perf_counter()
                mark(some)
                seconds = time.perf_counter() - started
                rates[name].append(_n_words(some) / seconds)
    medians = {name: round(statistics.median(rates[name]), 1) for name in rates}
    rivals = {name: medians[name] for name in medians if name.startswith("hugg")}
    best = max(rivals, key=lambda name: rivals[name])
    result = {
        "machine": {
            "platform": platform.platform(),
            "cores": args.cores,
            "load_average": [round(value, 1) for value in os.getloadavg()],
        },
        "notes": len(notes),
        "words": _n_words(notes),
        "rounds": args.rounds,
        "words_per_second": medians,
        "all_rounds": {n: [round(r, 1) for r in rates[n]] for n in rates},
        "best_huggingface": best,
        "times_huggingface": round(medians["glosa"] / rivals[best], 2),
        "times_spacy": round(medians["glosa"] / medians["spacy tok2vec"], 2),
        "bench": bench,
    }
    text = json.dumps(result, indent=2) + "\n"
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(text, encoding="utf-8")
    print(text)


def _use_up(items: Iterable[object]) -> None:
    for _ in items:
        pass


def _n_words(notes: Sequence[Document]) -> int:
    return sum(len(note.text.split()) for note in notes)


def _load_pipeline(bundle_path: str, threads: int) -> None:
    """Make a pipeline of the bundle's encoder, once a process."""
    import torch
    from transformers import (
        BertForTokenClassification,
        PreTrainedTokenizerFast,
        pipeline,
    )

    from ner_engine.bundle import load_bundle
    from ner_engine.inference import Predictor
    from ner_engine.text.windows import DEFAULT_CONTEXT

    torch.set_num_threads(threads)
    bundle = load_bundle(bundle_path)
    window = Predictor(bundle, bfloat16=False).max_pieces
    config = bundle.tagger.encoder.config
    labels = ["O"] + [f"{tag}-{n}" for n in bundle.scheme.names for tag in "BI"]
    config.id2label = dict(enumerate(labels))
    config.num_labels = len(labels)
    model = BertForTokenClassification(config).eval()
    model.bert.load_state_dict(bundle.tagger.encoder.state_dict(), strict=False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bundle.tokenizer,
        model_max_length=window,
        pad_token="<pad>",  # noqa: S106 - a piece, no password
        model_input_names=["input_ids", "attention_mask"],
    )
    _state["pipeline"] = pipeline(
        "token-classification",
        model=model,
        tokenizer=tokenizer,
        aggregation_strategy="simple",
        # Pieces, about as many as the bundle's windows share.
        stride=2 * DEFAULT_CONTEXT,
        device=-1,
    )


def _shared_out(
    pool: Any, processes: int, batch_size: int
) -> Callable[[Sequence[Document]], None]:
    def mark(notes: Sequence[Document]) -> None:
        texts = [note.text for note in notes]
        shares = [(texts[first::processes], batch_size) for first in range(processes)]
        pool.starmap(_run_pipeline, shares, chunksize=1)

    return mark


def _run_pipeline(texts: list[str], batch_size: int) -> None:
    import torch

    with torch.inference_mode():
        _state["pipeline"](texts, batch_size=batch_size)


def _spacy(cores: int) -> Callable[[Sequence[Document]], None]:
    import spacy

    nlp = spacy.blank("es")
    ner = nlp.add_pipe("ner")
    for label in ("MEDICATION", "DOSAGE", "FREQUENCY", "DURATION", "FINDING"):
        ner.add_label(label)  # type: ignore[attr-defined]
    nlp.initialize()

    def mark(notes: Sequence[Document]) -> None:
        texts = [note.text for note in notes]
        _use_up(nlp.pipe(texts, n_process=cores, batch_size=8))

    return mark


if __name__ == "__main__":
    main()
