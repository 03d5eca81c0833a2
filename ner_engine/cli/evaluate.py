"""``evaluate``: score a bundle or a file of predictions against gold."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ner_engine.cli.common import (
    BAD_USAGE,
    DONE,
    ParentWatch,
    Progress,
    count,
    emit_event,
    name_pairs,
    print_error,
    read_split,
    split_names,
    watch_parent,
    write_result,
)
from ner_engine.data.jsonl import read_documents
from ner_engine.errors import BadInput, UnknownLabel
from ner_engine.types import Document

if TYPE_CHECKING:
    from ner_engine.evaluation.report import EvaluationReport, Pairs

T = TypeVar("T")

NAME = "evaluate"
HELP = "Score a bundle, or predictions, against gold: strict F1 with its interval."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "system",
        type=Path,
        metavar="BUNDLE_OR_PREDICTIONS",
        help="the folder of a bundle, a spaCy pipeline or a Hugging Face token"
        " classifier, or the JSONL that predict wrote",
    )
    parser.add_argument("gold", type=Path, metavar="GOLD", help="JSONL")
    parser.add_argument(
        "--split",
        choices=("train", "dev", "test"),
        help="rows of this split, and rows without one (default: all rows)",
    )
    parser.add_argument(
        "--labels", type=split_names, metavar="A,B", help="score these labels only"
    )
    parser.add_argument(
        "--label-map",
        type=name_pairs,
        metavar="THEIRS=OURS,...",
        help="labels of a folder's system to those of the gold; others are left out",
    )
    parser.add_argument(
        "--with-partial",
        action="store_true",
        help="score also labels that a document is not exhaustive for: by recall only",
    )
    parser.add_argument(
        "--compare",
        "--against",
        type=Path,
        action="append",
        default=[],
        metavar="BUNDLE_OR_PREDICTIONS",
        help="compare with this system on the same documents; may be repeated",
    )
    parser.add_argument(
        "--training",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="what the system was trained on, to tell seen mentions from unseen",
    )
    parser.add_argument("--markdown", type=Path, metavar="OUT", help="write a report")
    parser.add_argument(
        "--html", type=Path, metavar="OUT", help="write a report with plots, one file"
    )
    parser.add_argument(
        "--show-text",
        action="store_true",
        help="show errors in the text of the notes, in the HTML; left out otherwise,"
        " since reports travel further than notes may",
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate and print a table, or the result as an event."""
    if args.show_text and args.html is None:
        print_error("--show-text says what --html shows: name its file")
        return BAD_USAGE
    watch = watch_parent(args)
    from ner_engine.evaluation.report import (  # noqa: PLC0415 - slow import
        build_report,
    )

    gold = _read_gold(args)
    progress = Progress(is_wanted=not args.events)
    pairs, uncalibrated = _pair(args.system, gold, args.label_map, watch, progress)
    against = [
        (str(path), _pair(path, gold, None, watch, progress)[0])
        for path in args.compare
    ]
    if args.labels is not None:
        others = [pair for _, rows in against for pair in rows]
        _check_labels(args.labels, [*pairs, *others])
    training = [row for path in args.training for row in read_split([path], "train")]
    report = build_report(
        pairs,
        seed=args.seed,
        labels=args.labels,
        with_partial=args.with_partial,
        against=against,
        training=training if args.training else None,
        uncalibrated=uncalibrated,
    )
    values = report.to_json()
    write_result(args, values)
    _write_reports(args, report, pairs)
    if args.events:
        emit_event({"event": "done", **values})
    else:
        print(report.to_table())
    return DONE


def _write_reports(
    args: argparse.Namespace, report: EvaluationReport, pairs: Pairs
) -> None:
    from ner_engine.evaluation.markdown import to_markdown  # noqa: PLC0415 - as above
    from ner_engine.evaluation.page import to_page  # noqa: PLC0415 - as above
    from ner_engine.evaluation.report import scored_cases  # noqa: PLC0415 - as above

    title = f"{args.system.name} on {args.gold.name}"
    if args.markdown is not None:
        args.markdown.write_text(to_markdown(report, title=title), encoding="utf-8")
    if args.html is not None:
        cases = scored_cases(pairs, report.system.scores) if args.show_text else None
        page = to_page(report, title=title, cases=cases)
        args.html.write_text(page, encoding="utf-8")


def _read_gold(args: argparse.Namespace) -> list[Document]:
    if args.split is None:
        gold = list(read_documents(args.gold))
    else:
        gold = read_split([args.gold], args.split)
    if not gold:
        raise BadInput("no documents to score", path=args.gold)
    missing = next((row for row in gold if row.spans is None), None)
    if missing is not None:
        raise BadInput(f"document {missing.id} has no gold annotation", path=args.gold)
    return gold


def _pair(
    system: Path,
    gold: Sequence[Document],
    label_map: dict[str, str] | None,
    watch: ParentWatch | None,
    progress: Progress,
) -> tuple[Pairs, Pairs | None]:
    """Find or make the prediction of every gold document.

    The second answer holds posteriors in place of confidences, of a bundle only.
    """
    from ner_engine.evaluation.scorer import (  # noqa: PLC0415 - slow import
        pair_documents,
    )

    if system.is_dir():
        both = list(_watched(count(_predict(system, gold, label_map), progress), watch))
        raw = [pair[1] for pair in both if pair[1] is not None]
        pairs = pair_documents(gold, [pair[0] for pair in both])
        return pairs, pair_documents(gold, raw) if raw else None
    if label_map is not None:
        raise BadInput("a label map is for systems, not for predictions", path=system)
    predicted = _watched(count(read_documents(system), progress), watch)
    try:
        return pair_documents(gold, predicted), None
    except BadInput as error:
        if error.path is not None:
            raise
        raise BadInput(error.reason, path=system) from error


def _predict(
    folder: Path, gold: Sequence[Document], label_map: dict[str, str] | None
) -> Iterator[tuple[Document, Document | None]]:
    from ner_engine.inference import Predictor  # noqa: PLC0415 - slow import
    from ner_engine.systems import (  # noqa: PLC0415 - slow import
        load_system,
        predict_uncalibrated,
    )

    system = load_system(folder, label_map=label_map)
    if isinstance(system, Predictor):
        yield from predict_uncalibrated(system, gold)
    else:
        for document in system.predict(gold):
            yield document, None


def _watched(items: Iterator[T], watch: ParentWatch | None) -> Iterator[T]:
    for item in items:
        if watch is not None:
            watch.check()
        yield item


def _check_labels(
    labels: Sequence[str], pairs: Sequence[tuple[Document, Document]]
) -> None:
    """Refuse a label that no document knows: a slip of the pen would score zero."""
    known: set[str] = set()
    for gold, predicted in pairs:
        known |= {
            span.label for span in (*(gold.spans or ()), *(predicted.spans or ()))
        }
        known |= gold.exhaustive_for or frozenset()
    for label in labels:
        if label not in known:
            raise UnknownLabel(label, tuple(sorted(known)))
