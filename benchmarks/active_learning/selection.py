"""Measures how long each strategy takes to choose a batch from a large pool.

    python benchmarks/active_learning/selection.py [--notes N] [--json OUT]

The pool is drawn by chance in the shape of a real one: notes of 50 to 800 tokens, eight
suggestions each on average, embeddings as wide as the default encoder's in 60 loose
clusters, 500 annotated notes. Signals count as given: only selecting is timed, with all
rules of a batch on. Not named ``select.py``: that would hide the standard library's
module of that name from everything the script imports.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ner_engine.active_learning.pool import Pool  # noqa: E402
from ner_engine.active_learning.selection import select_batch  # noqa: E402
from ner_engine.active_learning.strategies import STRATEGIES  # noqa: E402

LABELS = ("MEDICATION", "DOSAGE", "FREQUENCY", "DURATION", "FINDING")
WIDTH = 384
N_ANNOTATED = 500
N_CENTRES = 60
MEAN_SPANS = 8
N_SURFACES = 20_000


def main() -> None:
    """Time every strategy, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=int, default=10_000, metavar="N")
    parser.add_argument("--batch", type=int, default=50, metavar="N")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="OUT")
    args = parser.parse_args()
    pool = draw_pool(args.notes, args.seed)
    load = os.getloadavg()[0]
    seconds = {name: _time(pool, name, args) for name in STRATEGIES}
    result = {
        "notes": args.notes,
        "spans": len(pool.span_notes),
        "annotated": N_ANNOTATED,
        "width": WIDTH,
        "batch": args.batch,
        "rounds": args.rounds,
        "seed": args.seed,
        "seconds": seconds,
        "slowest_seconds": max(row["max"] for row in seconds.values()),
        "peak_rss_mb": round(
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, 1
        ),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "load_at_start": round(load, 1),
    }
    text = json.dumps(result, indent=2) + "\n"
    if args.json is not None:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(text, encoding="utf-8")
    print(text, end="")


def draw_pool(n_notes: int, seed: int) -> Pool:
    """Return a pool with every signal, drawn by the seed."""
    rng = np.random.default_rng(seed)
    n_tokens = rng.integers(50, 800, n_notes)
    span_notes = np.repeat(np.arange(n_notes), rng.poisson(MEAN_SPANS, n_notes))
    n_spans = len(span_notes)
    confidences = rng.beta(4, 1, n_spans)
    labels = rng.choice(len(LABELS), n_spans, p=[0.3, 0.2, 0.15, 0.05, 0.3])
    expected = rng.exponential(0.1, (n_notes, len(LABELS)))
    np.add.at(expected, (span_notes, labels), confidences)
    centres = rng.normal(size=(N_CENTRES, WIDTH))
    rows = centres[rng.integers(0, N_CENTRES, n_notes + N_ANNOTATED)]
    rows = (rows + rng.normal(size=rows.shape)).astype(np.float32)
    # A few surfaces are in every note, most in one: as in real text.
    surfaces = (N_SURFACES * rng.power(0.3, n_spans)).astype(np.int64)
    return Pool(
        n_tokens=n_tokens,
        labels=LABELS,
        path_log_probability=-rng.gamma(2, 0.02, n_notes) * n_tokens,
        token_entropy=rng.gamma(2, 0.03, n_notes) * n_tokens,
        entity_entropy=rng.gamma(2, 0.2, n_notes),
        token_margin=rng.beta(20, 1, n_notes),
        expected_spans=expected,
        span_notes=span_notes,
        span_labels=labels,
        span_confidences=confidences,
        span_probabilities=confidences,
        span_surfaces=surfaces,
        embeddings=rows[:n_notes],
        mutual_information=rng.gamma(2, 0.01, n_notes),
        vote_entropy=rng.gamma(2, 1, n_notes),
        dictionary_matches=rng.poisson(6, n_notes).astype(np.float64),
        annotated_embeddings=rows[n_notes:],
        annotated_spans=np.array([4000, 2000, 1500, 20, 3000]),
    )


def _time(pool: Pool, name: str, args: argparse.Namespace) -> dict[str, Any]:
    taken: list[float] = []
    for number in range(args.rounds):
        started = time.perf_counter()
        picks = select_batch(pool, name, args.batch, seed=args.seed + number)
        taken.append(time.perf_counter() - started)
        if len({pick.note for pick in picks}) != args.batch:
            raise SystemExit(f"{name} chose {len(picks)} notes")
    return {"median": round(float(np.median(taken)), 3), "max": round(max(taken), 3)}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.machine()


if __name__ == "__main__":
    main()
