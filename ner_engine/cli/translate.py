"""``translate``: translate documents by a backend, spans included where it can."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ner_engine.cli.common import (
    BAD_USAGE,
    DONE,
    FAILED,
    ParentWatch,
    Progress,
    emit_event,
    positive,
    print_error,
    watch_parent,
    write_result,
)
from ner_engine.data.jsonl import document_row, read_documents, stream_outcomes
from ner_engine.data.problems import raise_first
from ner_engine.errors import BadInput
from ner_engine.translation.backends import BACKENDS, Traits, make_translator
from ner_engine.types import Document

if TYPE_CHECKING:
    from ner_engine.translation.glossary import Glossary
    from ner_engine.translation.run import TranslationRun

NAME = "translate"
HELP = "Translate documents and their spans; IN and OUT may be -."

_CACHE_FOLDER = "translations"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("input", metavar="IN", help="JSONL, or - for standard input")
    parser.add_argument(
        "output", metavar="OUT", help="JSONL, or - for standard output", nargs="?"
    )
    parser.add_argument("--from", dest="source", required=True, metavar="LANGUAGE")
    parser.add_argument("--to", dest="target", required=True, metavar="LANGUAGE")
    parser.add_argument("--backend", required=True, choices=BACKENDS)
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the backend; may be repeated",
    )
    parser.add_argument("--split", help="translate the documents of this split only")
    parser.add_argument(
        "--glossary", type=Path, metavar="FILE", help="bilingual terms, TSV or CSV"
    )
    parser.add_argument(
        "--glossary-when",
        choices=("before", "after"),
        default="before",
        help="exchange terms in the source or in the translation (default before)",
    )
    cache = parser.add_mutually_exclusive_group()
    cache.add_argument(
        "--cache", type=Path, metavar="DIR", help="folder of earlier translations"
    )
    cache.add_argument(
        "--no-cache", action="store_true", help="neither use nor keep translations"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would be sent and what it costs; send and write nothing",
    )
    parser.add_argument(
        "--max-characters",
        type=positive,
        metavar="N",
        help="send no more; what was translated stays in the cache",
    )
    parser.add_argument(
        "--max-price",
        type=_price,
        metavar="USD",
        help="the same by list price, and nothing is sent when a file costs more",
    )
    parser.add_argument(
        "--skip-refused",
        action="store_true",
        help="write the other documents although some were refused",
    )


def run(args: argparse.Namespace) -> int:
    """Translate; the output appears when it is complete."""
    if args.output is None and not args.dry_run:
        print_error("name the file to write")
        return BAD_USAGE
    if args.events and "-" in (args.input, args.output):
        print_error("--events needs standard input and output for itself")
        return BAD_USAGE
    watch = watch_parent(args)
    translator = make_translator(
        args.backend,
        source=args.source,
        target=args.target,
        options=dict(_setting(option) for option in args.option),
    )

    from ner_engine.translation.cache import (  # noqa: PLC0415 - not always
        TranslationCache,
    )
    from ner_engine.translation.run import (  # noqa: PLC0415 - slow import
        TranslationRun,
    )

    progress = Progress(is_wanted=not args.events)
    job = TranslationRun(
        translator,
        cache=TranslationCache(_cache_folder(args)) if _has_cache(args) else None,
        glossary=_read_terms(args),
        when=args.glossary_when,
        max_characters=_most_characters(args, translator.traits),
        progress=partial(_report_progress, args, watch, progress),
    )
    is_paid = translator.traits.price_per_million > 0
    if args.dry_run or (is_paid and args.input != "-"):
        estimate = asdict(job.estimate(_read(args)))
        _show_estimate(args, job, estimate)
        if args.dry_run:
            write_result(args, estimate)
            return DONE
        if args.max_price is not None and estimate["price_usd"] > args.max_price:
            print_error(
                f"{estimate['characters_to_send']} characters would cost"
                f" {estimate['price_usd']:.2f} USD; nothing was sent"
            )
            return FAILED
    if translator.traits.leaves_host:
        _tell(args, f"texts are sent to {args.backend}, outside this machine")
    n_documents = _write(args, job, watch)
    progress.close()
    return _report(args, job, n_documents)


def _write(
    args: argparse.Namespace, job: TranslationRun, watch: ParentWatch | None
) -> int:
    """Write rows as they come; a file appears under its name only when complete."""

    def write_rows(out: IO[str]) -> int:
        n_documents = 0
        for translation in job.translate(_read(args)):
            row = document_row(translation.document(backend=args.backend))
            print(json.dumps(row, ensure_ascii=False), file=out)
            n_documents += 1
            if watch is not None:
                watch.check()
        return n_documents

    if args.output == "-":
        return write_rows(sys.stdout)
    target = Path(args.output)
    partial_path = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with partial_path.open("w", encoding="utf-8", newline="\n") as out:
            n_documents = write_rows(out)
        if not job.refused or args.skip_refused:
            partial_path.replace(target)
    finally:
        partial_path.unlink(missing_ok=True)
    return n_documents


def _report(args: argparse.Namespace, job: TranslationRun, n_documents: int) -> int:
    for refusal in job.refused:
        print_error(f"document {refusal.document_id}: {refusal.reason}")
    counts = {**job.counts, **job.translator.counts}
    result = {"event": "done", "documents": n_documents, "counts": counts}
    write_result(args, result)
    if job.refused and not args.skip_refused:
        kept = "the others were" if args.output == "-" else "nothing was"
        print_error(f"{len(job.refused)} documents were refused; {kept} written")
        return FAILED
    if args.events:
        emit_event(result)
    _tell(args, _summary(n_documents, job))
    return DONE


def _summary(n_documents: int, job: TranslationRun) -> str:
    counts = job.counts
    parts = [
        f"{n_documents} documents, {counts['segments']} segments",
        f"{counts['cached']} from the cache",
        f"{counts['sent_characters']} characters sent",
    ]
    if counts["spans_unmarked"]:
        parts.append(f"{counts['spans_unmarked']} spans left: no marks travel")
    elif counts["spans"]:
        lost = {
            name.partition("_")[2]: counts[name]
            for name in ("marks_lost", "spans_crossing", "spans_cut")
            if counts[name]
        }
        losses = "".join(f", {number} {name}" for name, number in lost.items())
        parts.append(f"{counts['spans_carried']} of {counts['spans']} spans{losses}")
    parts += [
        f"{counts[name]} {name.replace('_', ' ')}"
        for name in ("empty", "glossary_applied", "glossary_skipped", "glossary_lost")
        if counts[name]
    ]
    return "; ".join(parts)


def _show_estimate(
    args: argparse.Namespace, job: TranslationRun, estimate: dict[str, Any]
) -> None:
    """Tell what is to be sent and what it costs, before anything is."""
    traits = job.translator.traits
    estimate["price_per_million_usd"] = traits.price_per_million
    estimate["leaves_host"] = traits.leaves_host
    if args.events:
        emit_event({"event": "estimate", **estimate})
    _tell(
        args,
        f"{estimate['documents']} documents, {estimate['characters']} characters in"
        f" {estimate['segments']} segments ({estimate['segments_cached']} from the"
        f" cache); {estimate['characters_to_send']} to send,"
        f" {estimate['price_usd']:.2f} USD",
    )


def _report_progress(
    args: argparse.Namespace,
    watch: ParentWatch | None,
    progress: Progress,
    counts: Counter[str],
) -> None:
    if watch is not None:
        watch.check()
    if args.events:
        emit_event({"event": "progress", **counts})
    progress.show(
        f"{counts['documents']} documents, {counts['sent_characters']} characters sent"
    )


def _tell(args: argparse.Namespace, message: str) -> None:
    """Print a line for a person; standard output may be the result."""
    if not args.events:
        print(message, file=sys.stderr if args.output == "-" else sys.stdout)


def _read(args: argparse.Namespace) -> Iterator[Document]:
    if args.input == "-":
        outcomes = stream_outcomes(sys.stdin.buffer, language=args.source)
        documents = raise_first(outcomes, "standard input")
    else:
        documents = read_documents(Path(args.input), language=args.source)
    for document in documents:
        if args.split is None or document.split in (None, args.split):
            yield document


def _setting(option: str) -> tuple[str, str]:
    key, equals, value = option.partition("=")
    if not equals:
        raise BadInput(f"{option} is not of the form KEY=VALUE")
    return key, value


def _price(value: str) -> float:
    try:
        price = float(value)
    except ValueError:
        price = -1.0
    if not 0 <= price < math.inf:
        raise argparse.ArgumentTypeError(f"{value} is not a price in USD")
    return price


def _most_characters(args: argparse.Namespace, traits: Traits) -> int | None:
    limits = [args.max_characters]
    if args.max_price is not None and traits.price_per_million:
        limits.append(int(args.max_price / traits.price_per_million * 1e6))
    return min((limit for limit in limits if limit is not None), default=None)


def _cache_folder(args: argparse.Namespace) -> Path:
    if args.cache is not None:
        folder: Path = args.cache
        return folder
    from ner_engine.acceleration import default_cache  # noqa: PLC0415 - slow import

    return default_cache() / _CACHE_FOLDER


def _has_cache(args: argparse.Namespace) -> bool:
    """Tell whether there is a cache to use; a dry run makes none."""
    if args.no_cache or not args.dry_run:
        return not args.no_cache
    from ner_engine.translation.cache import FILE_NAME  # noqa: PLC0415 - not always

    return (_cache_folder(args) / FILE_NAME).exists()


def _read_terms(args: argparse.Namespace) -> Glossary | None:
    """Read the glossary; a line that cannot be used is reported and ends it."""
    if args.glossary is None:
        if args.backend == "glossary":
            raise BadInput("the backend glossary needs --glossary FILE")
        return None
    from ner_engine.translation.glossary import (  # noqa: PLC0415 - not always
        read_glossary,
    )

    glossary, problems = read_glossary(args.glossary)
    for problem in problems:
        print_error(str(problem))
    if problems:
        raise BadInput(f"{len(problems)} bad lines", path=args.glossary)
    return glossary.for_direction(args.source, args.target)
