"""Measures the review page in a real browser: opening, editing, correcting, memory.

    python benchmarks/web/bench.py [--postgres URL] [--only PART ...] [--quick]

Serves this code with two gunicorn workers from a throw-away folder and database, fills
it with invented notes and drives Chromium. Writes JSON, and the table of README.md
beside it. Times depend on what else the machine does: the load is written down, and
processor time of the server, bytes, requests, queries and key presses do not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from serving import N_WORKERS, gunicorn, own_data  # noqa: E402
from table import write_table  # noqa: E402

# (name, characters, spans)
SIZES = (("2k", 2_000, 30), ("25k", 25_000, 250), ("120k", 120_000, 1_000))
N_OPENINGS = 7
# Four suggestions a round; the short note has thirty.
N_ROUNDS = {"2k": 6, "25k": 8, "120k": 8}
N_GESTURES = 300
PARTS = ("correcting", "opening", "editing", "soak")


def main() -> int:
    """Run everything on one database and add it to the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", default="", metavar="URL")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--quick", action="store_true", help="a third of the repeats")
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    args = parser.parse_args()
    share = 3 if args.quick else 1
    with own_data(args.postgres) as folder:
        result = run(folder, share, args.only)
    known = json.loads(args.out.read_text("utf-8")) if args.out.exists() else {}
    database = "postgresql" if args.postgres else "sqlite"
    if set(args.only) == set(PARTS):
        known[database] = result
    else:  # parts measured again stand beside the load of the whole
        parts = {part: result[part] for part in args.only}
        known[database] = result | known.get(database, {}) | parts
    args.out.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    if args.out.parent == HERE and all(set(PARTS) <= set(r) for r in known.values()):
        write_table(known, HERE / "README.md")
    print(json.dumps(result, indent=2))
    return 0


def run(folder: Path, share: int, parts: Sequence[str]) -> dict[str, Any]:
    """Measure these parts on the database that the environment names."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)

    import scenes

    from tests.browser import open_browser
    from tests.served import free_port

    stage = scenes.set_up(SIZES)
    load = os.getloadavg()[0]
    with gunicorn(folder, free_port()) as address, open_browser() as browser:
        scene = scenes.Scene(browser, address, stage)
        rounds = {name: max(3, n // share) for name, n in N_ROUNDS.items()}
        work = {
            "correcting": scene.corrections,
            "opening": lambda: scene.openings(max(3, N_OPENINGS // share)),
            "editing": lambda: scene.edits(rounds),
            "soak": lambda: scene.soak(N_GESTURES),
        }
        result: dict[str, Any] = {
            "hardware": hardware(browser.version),
            "load_before": round(load, 1),
            **{part: work[part]() for part in PARTS if part in parts},
        }
        result["load_after"] = round(os.getloadavg()[0], 1)
    return result


def hardware(chromium: str) -> dict[str, Any]:
    """Say what this ran on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "chromium": chromium,
        "gunicorn_workers": N_WORKERS,
        "nice": os.nice(0),
    }


if __name__ == "__main__":
    sys.exit(main())
