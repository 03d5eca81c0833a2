"""Finds the command, runs it, and turns the engine's errors into one line."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from ner_engine import __version__
from ner_engine.cli.common import FAILED, add_common_arguments, print_error
from ner_engine.errors import NerEngineError

# Each module has NAME, HELP, add_arguments(parser) and run(args) -> exit status, and
# imports nothing heavy before it runs.
COMMANDS = (
    "encoder",
    "train",
    "predict",
    "evaluate",
    "explain",
    "convert",
    "translate",
    "project",
    "simulate",
    "bench",
    "accelerate",
    "serve",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when done, 1 when failed. Bad usage exits with 2."""
    # Notes may hold any character, whatever the locale of the process says.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    args = build_parser().parse_args(arguments)
    try:
        return int(args.run(args))
    except NerEngineError as error:
        print_error(str(error))
    except BrokenPipeError:
        # Whoever read the output is gone: leave nothing to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print_error(f"{error.filename or 'system'}: {error.strerror or error}")
    except KeyboardInterrupt:
        print_error("interrupted")
    return FAILED


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m ner_engine", description="Glosa's clinical NER engine."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = _load(name)
        command = commands.add_parser(
            module.NAME, help=module.HELP, description=module.HELP
        )
        module.add_arguments(command)
        add_common_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _load(name: str) -> ModuleType:
    return importlib.import_module(f"ner_engine.cli.{name}")
