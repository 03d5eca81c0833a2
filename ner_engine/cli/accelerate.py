"""``accelerate``: find the fastest way to run a bundle on this machine, once."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from ner_engine.cli.common import DONE, emit_event, watch_parent, write_result

NAME = "accelerate"
HELP = "Build a bundle's 8-bit engine, try all engines, remember the fastest."

_LOWEST_PRIORITY = 19


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="folder of derived engines"
    )
    parser.add_argument(
        "--background", action="store_true", help="give way to all other work"
    )


def run(args: argparse.Namespace) -> int:
    """Choose, and say what each engine gave."""
    watch = watch_parent(args)
    if args.background:
        os.nice(_LOWEST_PRIORITY)

    from ner_engine.acceleration import choose_engine  # noqa: PLC0415 - slow import
    from ner_engine.bundle import digest  # noqa: PLC0415 - beside the slow one

    started = time.perf_counter()
    check = None if watch is None else watch.check
    choice = choose_engine(args.bundle, args.cache, watch=check)
    result = {
        "event": "done",
        "digest": digest(args.bundle),
        **choice.to_json(),
        "seconds": round(time.perf_counter() - started, 1),
    }
    write_result(args, result)
    if args.events:
        emit_event(result)
        return DONE
    for trial in choice.trials:
        verdict = "" if trial.is_adopted else "   refused"
        print(
            f"{trial.engine:<12}F1 {trial.f1:.4f}   confidence moved"
            f" {trial.confidence_moved:.4f}   {trial.pieces_per_second:,.0f} pieces/s a"
            f" core{verdict}"
        )
    if choice.reason:
        print(choice.reason)
    print(f"{choice.engine} will serve")
    return DONE
