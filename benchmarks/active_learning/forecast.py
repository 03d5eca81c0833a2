"""Measures how often a forecast's interval holds the truth, on curves that are known.

    python benchmarks/active_learning/forecast.py [--curves N] [--json OUT]

Curves are power laws drawn by chance (ceiling 0.6 to 0.95, rate 0.3 to 1.2, a drop of
30 to 80 % of the ceiling), seen every 10 notes with normal scatter; forecast are 40
more notes. Real curves need not be power laws: the simulation back-tests on those.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ner_engine.active_learning.forecast import fit_curve  # noqa: E402

SCATTERS = (0.005, 0.01, 0.02, 0.03)
ROUNDS = (4, 6, 10)
N_MORE = 40


def main() -> None:
    """Measure each scatter and number of rounds, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="OUT")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    rows = [
        _measure(scatter, n_rounds, args.curves, rng)
        for scatter in SCATTERS
        for n_rounds in ROUNDS
    ]
    result = {
        "curves_a_row": args.curves,
        "seed": args.seed,
        "n_more": N_MORE,
        "level": 0.95,
        "held": round(float(np.mean([row["held"] for row in rows])), 4),
        "rows": rows,
    }
    text = json.dumps(result, indent=2) + "\n"
    if args.json is not None:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(text, encoding="utf-8")
    print(text, end="")


def _measure(
    scatter: float, n_rounds: int, n_curves: int, rng: np.random.Generator
) -> dict[str, Any]:
    held: list[bool] = []
    widths: list[float] = []
    errors: list[float] = []
    sizes = np.arange(10.0, 10 * n_rounds + 10, 10)
    after = sizes[-1] + N_MORE
    for _ in range(n_curves):
        ceiling, rate = rng.uniform(0.6, 0.95), rng.uniform(0.3, 1.2)
        drop = ceiling * rng.uniform(0.3, 0.8)
        seen = ceiling - drop * (sizes / sizes[0]) ** -rate
        noisy = (seen + rng.normal(0, scatter, n_rounds)).clip(0, 1)
        curve = fit_curve(sizes.tolist(), noisy.tolist())
        if curve is None:
            raise SystemExit("too few rounds")
        gain = curve.forecast(N_MORE)
        truth = ceiling - drop * (after / sizes[0]) ** -rate - seen[-1]
        held.append(bool(gain.low <= truth <= gain.high))
        widths.append(gain.high - gain.low)
        errors.append(abs(gain.gain - truth))
    return {
        "scatter": scatter,
        "rounds": n_rounds,
        "held": round(float(np.mean(held)), 4),
        "mean_width": round(float(np.mean(widths)), 4),
        "mean_error": round(float(np.mean(errors)), 4),
    }


if __name__ == "__main__":
    main()
