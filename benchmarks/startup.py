"""Measures a second start of Glosa: seconds to the first page, memory when idle.

    python benchmarks/startup.py [--settle SECONDS] [--json OUT]

Starts the supervisor twice with a data folder of its own and prints JSON. Memory is the
proportional set size (PSS) of every process of the service, as Linux counts it: pages
that processes share are counted once in all.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 180.0


def main() -> None:
    """Start, stop, start again, measure, stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settle", type=float, default=20.0, metavar="SECONDS")
    parser.add_argument("--json", type=Path, metavar="OUT")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="glosa-startup-") as folder:
        environment = {
            **os.environ,
            "ANNOTATOR_DATA_DIR": folder,
            "PORT": str(free_port()),
        }
        first = measure(environment, settle=0.0)
        second = measure(environment, settle=args.settle)
    result = {
        "first_start_seconds": first["first_page_seconds"],
        "second_start_seconds": second["first_page_seconds"],
        "stop_seconds": second["stop_seconds"],
        "left_behind": second["left_behind"],
        "pss_mb": second["pss_mb"],
        "pss_total_mb": round(sum(second["pss_mb"].values()), 1),
        "cores": os.cpu_count(),
        "load_at_start": round(load, 1),
    }
    text = json.dumps(result, indent=2) + "\n"
    if args.json is not None:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(text, encoding="utf-8")
    print(text, end="")


def measure(environment: dict[str, str], *, settle: float) -> dict[str, Any]:
    """Start the service once; return its figures after it has stopped."""
    started_at = time.monotonic()
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "annotator.supervisor"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for_page(f"http://127.0.0.1:{environment['PORT']}/login/", supervisor)
        first_page_seconds = time.monotonic() - started_at
        processes = wait_until_idle(supervisor, settle)
        pss_mb = {name_of(process): pss_of(process) for process in processes}
    finally:
        stopped_at = time.monotonic()
        supervisor.send_signal(signal.SIGINT)
        supervisor.wait(timeout=60)
    return {
        "first_page_seconds": round(first_page_seconds, 2),
        "stop_seconds": round(time.monotonic() - stopped_at, 2),
        "left_behind": sum(process.is_running() for process in processes),
        "pss_mb": pss_mb,
    }


def wait_for_page(url: str, supervisor: subprocess.Popen[bytes]) -> None:
    """Ask until the page comes."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if supervisor.poll() is not None:
            sys.exit(f"the supervisor ended with status {supervisor.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
                answer.read()
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.02)
    sys.exit("the first page did not come")


def wait_until_idle(
    supervisor: subprocess.Popen[bytes], settle: float
) -> list[psutil.Process]:
    """Return the processes once no engine has been among them for *settle* seconds.

    The first start queues suggestions for the demo; the engine's child ends a minute
    after its last work.
    """
    idle_since = time.monotonic()
    while True:
        processes = [psutil.Process(supervisor.pid)]
        processes += processes[0].children(recursive=True)
        if any("ner_engine" in name_of(process) for process in processes):
            idle_since = time.monotonic()
        if time.monotonic() - idle_since >= settle:
            return processes
        time.sleep(0.5)


def name_of(process: psutil.Process) -> str:
    """Name a process by what it runs, with its id."""
    line = " ".join(process.cmdline())
    words = ("supervisor", "run_ticker", "gunicorn", "ner_engine", "celery")
    word = next((word for word in words if word in line), "other")
    queue = re.search(r"--queues (\w+)", line)
    return f"{word}{' ' + queue[1] if queue else ''} ({process.pid})"


def pss_of(process: psutil.Process) -> float:
    """Return the proportional set size in megabytes."""
    return round(process.memory_full_info().pss / 1024**2, 1)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
