"""Measures each training option against the base recipe: what docs/engine.md reports.

    python benchmarks/engine/ablation.py --cells FOLDER [--notes 10 75] [--seeds 0 1]

For each option, number of notes and seed a bundle is trained from ``--start`` on notes
of ``clinical-cases-sp.es`` (folder GLOSA_CORPORA) and scored on twenty notes that are
cut out of that corpus's train split: its test split is never read. A number of notes
above what the cut leaves takes all that is left. A seed draws the notes, the order of
batches and the dropout, the same for every option, so that cells pair.

Every cell is a JSON file in ``--cells``; a second run measures only those that are
missing and prints the table of all. Seconds are wall-clock: run it on an idle machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from cells import (  # noqa: E402
    describe_hardware,
    name_cell,
    pool_scores,
    read_cells,
    write_cell,
)

from ner_engine.evaluation.intervals import f1_difference  # noqa: E402
from ner_engine.evaluation.scorer import Score  # noqa: E402

CORPUS = "clinical-cases-sp.es.jsonl"
N_DEV = 20
DEV_SEED = 20_261_122
BASE = "base"
SELF_TRAINING = "self-training"
# Option to settings of the recipe; the base recipe stands first.
OPTIONS: dict[str, list[str]] = {
    BASE: [],
    "joint softmax head": ["heads=joint"],
    "learned transitions": ["heads=multi_crf"],
    "joint head, learned transitions": ["heads=joint_crf"],
    "layer decay 0.9": ["layer_decay=0.9"],
    "layer decay 0.8": ["layer_decay=0.8"],
    "freeze a fifth": ["frozen_proportion=0.2"],
    "freeze all intermediate": ["frozen_layers=intermediate"],
    "dropout 0.2": ["dropout=0.2"],
    "dropout 0.4": ["dropout=0.4"],
    "entity tokens × 2": ["entity_weight=2"],
    "entity tokens × 4": ["entity_weight=4"],
    "label smoothing 0.1": ["label_smoothing=0.1"],
    "R-Drop 0.5": ["r_drop=0.5"],
    "R-Drop 2": ["r_drop=2"],
    "weight average 0.95": ["ema_decay=0.95"],
    "weight average 0.99": ["ema_decay=0.99"],
    "context 16 tokens": ["context_tokens=16"],
    "context 32 tokens": ["context_tokens=32"],
    # The notes of the train split that were not drawn, without their annotation.
    SELF_TRAINING: [],
}


def main() -> None:
    """Measure the cells that are missing; print the table of all."""
    args = parse_arguments()
    corpora = os.environ.get("GLOSA_CORPORA")
    if not corpora:
        sys.exit("GLOSA_CORPORA does not name the folder of the corpora")
    args.cells.mkdir(parents=True, exist_ok=True)
    wanted = [
        (option, n_notes, seed)
        for n_notes in args.notes
        for seed in args.seeds
        for option in args.options
        if not (args.cells / cell_name(option, n_notes, seed)).exists()
    ]
    if len(wanted) == 1:
        measure_cell(args, Path(corpora) / CORPUS, *wanted[0])
    for option, n_notes, seed in wanted if len(wanted) > 1 else ():
        measure_apart(args, option, n_notes, seed)
    print(make_table(read_cells(args.cells)))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--start", default=str(ROOT / "models" / "starter"))
    parser.add_argument("--recipe", default="adapt", help="the base recipe")
    parser.add_argument("--notes", type=int, nargs="+", default=[10, 75])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda", "auto"))
    parser.add_argument(
        "--options", nargs="+", default=list(OPTIONS), choices=list(OPTIONS)
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="change the base recipe for every option",
    )
    return parser.parse_args()


def measure_apart(
    args: argparse.Namespace, option: str, n_notes: int, seed: int
) -> None:
    """Measure a cell in a process of its own: its peak memory is then the cell's."""
    command = [sys.executable, __file__, "--cells", str(args.cells)]
    command += ["--start", args.start, "--recipe", args.recipe]
    command += ["--device", args.device, "--options", option]
    command += ["--notes", str(n_notes), "--seeds", str(seed)]
    command += [part for setting in args.settings for part in ("--set", setting)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def measure_cell(
    args: argparse.Namespace, corpus: Path, option: str, n_notes: int, seed: int
) -> None:
    """Measure a cell and write its file, which appears whole."""
    pool, dev = cut_dev(corpus)
    cell = measure(args, option, n_notes, seed, pool, dev)
    write_cell(args.cells / cell_name(option, n_notes, seed), cell)


def cell_name(option: str, n_notes: int, seed: int) -> str:
    """Return the file name of a cell."""
    return name_cell(option, f"n{n_notes}", f"s{seed}")


def cut_dev(path: Path) -> tuple[list[Any], list[Any]]:
    """Return the train split's notes to draw from, and the twenty to score on."""
    from ner_engine.data.jsonl import read_documents
    from ner_engine.training.run import sample_documents

    train = [document for document in read_documents(path) if document.split == "train"]
    dev = sample_documents(train, N_DEV, seed=DEV_SEED)
    held_out = {document.id for document in dev}
    return [document for document in train if document.id not in held_out], dev


def measure(
    args: argparse.Namespace,
    option: str,
    n_notes: int,
    seed: int,
    pool: list[Any],
    dev: list[Any],
) -> dict[str, Any]:
    """Train and score one cell."""
    from ner_engine.evaluation.scorer import score_document
    from ner_engine.inference import Predictor
    from ner_engine.training.events import BundleSaved
    from ner_engine.training.recipes import get_recipe
    from ner_engine.training.run import TrainingPlan, sample_documents, train_bundle

    train = sample_documents(pool, n_notes, seed=seed)
    drawn = {document.id for document in train}
    unlabelled = [
        replace(document, spans=None) for document in pool if document.id not in drawn
    ]
    recipe = get_recipe(args.recipe).with_settings([*args.settings, *OPTIONS[option]])
    with tempfile.TemporaryDirectory(prefix="glosa-ablation-") as folder:
        plan = TrainingPlan(
            init=args.start,
            train=train,
            dev=(),
            recipe=recipe,
            out=Path(folder) / "bundle",
            seed=seed,
            device=args.device,
            unlabelled=unlabelled if option == SELF_TRAINING else (),
        )
        started_at = time.monotonic()
        *_, saved = train_bundle(plan)
        seconds = time.monotonic() - started_at
        if not isinstance(saved, BundleSaved):
            raise TypeError("training did not end with a bundle")
        predictor = Predictor.load(plan.out)
        scores = [
            score_document(gold, marked.spans or (), labels=predictor.labels)
            for gold, marked in zip(dev, predictor.predict(dev), strict=True)
        ]
    by_document = [sum(by_label.values(), Score()) for by_label in scores]
    return {
        "option": option,
        "settings": [*args.settings, *OPTIONS[option]],
        "recipe": recipe.to_json(),
        "start": Path(args.start).name,
        "n_notes": n_notes,
        "n_train": len(train),
        "n_unlabelled": len(plan.unlabelled),
        "n_dev": len(dev),
        "seed": seed,
        "f1": sum(by_document, Score()).f1,
        "counts": [[score.tp, score.fp, score.fn] for score in by_document],
        "seconds": round(seconds, 1),
        "training": saved.metrics["training"],
        "hardware": describe_hardware(),
    }


def make_table(cells: list[dict[str, Any]]) -> str:
    """Return the Markdown table of all cells, one row an option and number of notes.

    The difference is paired by note and seed; its interval is the bootstrap's over
    notes, each with the cells of all seeds.
    """
    lines = [
        "| option | notes | seeds | F1 | against base (95 %) | s | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[int, str], dict[int, dict[str, Any]]] = {}
    for cell in cells:
        group = groups.setdefault((cell["n_train"], cell["option"]), {})
        group[cell["seed"]] = cell
    order = list(OPTIONS)
    for (n_train, option), by_seed in sorted(
        groups.items(), key=lambda item: (item[0][0], order.index(item[0][1]))
    ):
        rows = list(by_seed.values())
        f1 = sum(row["f1"] for row in rows) / len(rows)
        seconds = sum(row["seconds"] for row in rows) / len(rows)
        peak = max(row["training"]["peak_rss_mb"] for row in rows)
        against = _against(by_seed, groups.get((n_train, BASE), {}))
        lines.append(
            f"| {option} | {n_train} | {len(rows)} | {100 * f1:.1f} | {against} |"
            f" {seconds:.0f} | {peak:.0f} |"
        )
    hardware = sorted({cell["hardware"] for cell in cells})
    starts = sorted({cell["start"] for cell in cells})
    n_dev = "/".join(sorted({str(cell["n_dev"]) for cell in cells}))
    where = (
        f"{CORPUS.removesuffix('.jsonl')}, scored on {n_dev} notes cut out of its train"
        f" split; start: {', '.join(starts)}; {'; '.join(hardware)}."
    )
    return "\n".join([*lines, "", where])


def _against(
    by_seed: dict[int, dict[str, Any]], base: dict[int, dict[str, Any]]
) -> str:
    """Return the paired difference to the base as text."""
    seeds = sorted(set(by_seed) & set(base))
    if not seeds or by_seed is base:
        return ""
    difference = f1_difference(
        pool_scores([by_seed[seed] for seed in seeds]),
        pool_scores([base[seed] for seed in seeds]),
        seed=0,
    )
    if difference is None:
        return ""
    f1, low, high = (100 * value for value in difference)
    return f"{f1:+.1f} ({low:+.1f} to {high:+.1f})"


if __name__ == "__main__":
    main()
