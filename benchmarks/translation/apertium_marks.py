"""Counts the spans that Apertium carries as marks, and how fast it translates.

    GLOSA_CORPORA=... python benchmarks/translation/apertium_marks.py --json OUT

Translates every document of a corpus, all splits, without a cache, a few rounds each.
A span is carried when its tag came back around at least a letter; whether around the
right words is what the projection benchmarks measure. Speed is that of the median
round: words (runs of characters without white space) by the clock, and by the
processor time of this process and its children, which other work on the machine
disturbs less. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ner_engine.data.jsonl import read_documents  # noqa: E402
from ner_engine.translation.apertium import ApertiumTranslator  # noqa: E402
from ner_engine.translation.run import TranslationRun  # noqa: E402
from ner_engine.types import Document  # noqa: E402

CORPORA = (
    ("clinical-cases-sp.es", "es", "en"),
    ("clinical-cases-sp.es", "es", "fr"),
    ("quaero-emea.fr", "fr", "en"),
)
Z = 1.959964  # of 95 %
COUNTED = ("spans", "spans_carried", "marks_lost", "spans_crossing", "spans_cut")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="OUT")
    args = parser.parse_args()
    folder = Path(os.environ["GLOSA_CORPORA"])
    rows = []
    for name, source, target in CORPORA:
        documents = list(read_documents(folder / f"{name}.jsonl"))
        rows.append(
            {
                "corpus": name,
                "split": "all",
                "from": source,
                "to": target,
                **measure(documents, source, target, args.rounds),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    result = {
        "rows": rows,
        "rounds": args.rounds,
        "packages": versions(),
        "hardware": hardware(),
    }
    if args.json is not None:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(result, indent=2) + "\n"
        args.json.write_text(text, encoding="utf-8")


def measure(
    documents: Sequence[Document], source: str, target: str, rounds: int
) -> dict[str, Any]:
    """Translate the documents some times; the counts are the same each time."""
    n_words = sum(len(document.text.split()) for document in documents)
    by_clock, by_processor, loads = [], [], []
    for _ in range(rounds):
        run = TranslationRun(ApertiumTranslator(source, target))
        loads.append(os.getloadavg()[0])
        started_at, processor_at = time.monotonic(), processor_seconds()
        translated = list(run.translate(documents))
        by_clock.append(n_words / (time.monotonic() - started_at))
        by_processor.append(n_words / (processor_seconds() - processor_at))
        if len(translated) != len(documents):
            raise SystemExit("documents are missing")
    counts = run.counts
    low, high = wilson(counts["spans_carried"], counts["spans"])
    return {
        "documents": len(documents),
        "words": n_words,
        "segments": counts["segments"],
        **{name: counts[name] for name in COUNTED},
        "share_carried": counts["spans_carried"] / counts["spans"],
        "interval": [low, high],
        "marks_torn": counts["marks_torn"],
        "words_per_second": round(statistics.median(by_clock)),
        "words_per_processor_second": round(statistics.median(by_processor)),
        "load_at_start": round(max(loads), 1),
    }


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    share, square = hits / n, Z * Z
    centre = share + square / (2 * n)
    spread = Z * ((share * (1 - share) + square / (4 * n)) / n) ** 0.5
    scale = 1 + square / n
    return (centre - spread) / scale, min((centre + spread) / scale, 1.0)


def processor_seconds() -> float:
    """Return what this process and its ended children have used."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(
            resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
    )


def versions() -> list[str]:
    """Return the installed packages, where dpkg is there to say it."""
    command = ["dpkg-query", "--show", "apertium*"]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    rows = (line.split("\t") for line in shown.stdout.splitlines())
    return [" ".join(row) for row in rows if len(row) == 2 and row[1]]


def hardware() -> str:
    """Name the processor and say how many cores this process may use."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    cores = len(os.sched_getaffinity(0))
    return f"{names[0] if names else platform.machine()}, {cores} cores"


if __name__ == "__main__":
    main()
