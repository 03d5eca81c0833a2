"""Strict F1 of a bundle by the length of its windows and what neighbours share.

    python benchmarks/engine/windows.py [--bundle models/starter] [--json FILE]

All 100 notes of ``clinical-cases-sp.es`` (folder GLOSA_CORPORA; no note of it is among
the starter's sources), over the labels that are annotated there. Nothing is random.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ner_engine.data.jsonl import read_documents  # noqa: E402
from ner_engine.evaluation.intervals import f1_interval  # noqa: E402
from ner_engine.evaluation.scorer import Score, score_document  # noqa: E402
from ner_engine.inference import Predictor  # noqa: E402
from ner_engine.types import Document  # noqa: E402

CORPUS = "clinical-cases-sp.es"
# Pieces of a window, tokens that neighbours share.
SIZES = ((192, 32), (192, 8), (128, 16), (128, 8), (128, 4), (128, 0), (96, 8))


class FixedWindows:
    """An encoder of documents that cuts all windows alike."""

    def __init__(self, encoder: Any, max_pieces: int, context: int) -> None:
        self._encoder, self._context = encoder, context
        self._max_pieces = max_pieces

    def encode(self, document: Document, *, max_pieces: int) -> Any:
        """Cut as this object was told, whatever the caller wants."""
        del max_pieces
        return self._encoder.encode(
            document, max_pieces=self._max_pieces, context=self._context
        )


def main() -> None:
    """Score every size and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", default="models/starter")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    corpora = os.environ.get("GLOSA_CORPORA")
    if not corpora:
        sys.exit("GLOSA_CORPORA does not name the folder of the corpora")
    documents = list(read_documents(Path(corpora) / f"{CORPUS}.jsonl"))
    predictor = Predictor.load(args.bundle)
    encoder = predictor.encoder
    rows = []
    for max_pieces, context in SIZES:
        predictor.encoder = FixedWindows(encoder, max_pieces, context)  # type: ignore[assignment]
        scores = [
            sum(score_document(gold, marked.spans or ()).values(), Score())
            for gold, marked in zip(
                documents, predictor.predict(documents), strict=True
            )
        ]
        interval = f1_interval(scores, seed=0)
        row = {
            "max_pieces": max_pieces,
            "context": context,
            "f1": sum(scores, Score()).f1,
            "interval": interval,
        }
        print(json.dumps(row))
        rows.append(row)
    report = {
        "bundle": predictor.digest,
        "engine": predictor.engine.name,
        "corpus": CORPUS,
        "n": len(documents),
        "rows": rows,
    }
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
