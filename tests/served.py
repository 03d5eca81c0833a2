"""Runs Glosa as a user does, in processes of its own, and stops it again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass
class Served:
    """A running Glosa: where it answers, how to log in, how long it took."""

    address: str
    logins: dict[str, str]
    first_page_seconds: float


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(
    command: Sequence[str],
    *,
    cwd: Path,
    data_dir: Path,
    port: int,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = 120.0,
) -> Iterator[Served]:
    """Start, wait for /healthz, and at the end Ctrl-C; no process may be left.

    The suite's own settings are left out of the environment: what is started is the
    product, as a newcomer starts it.
    """
    ours = ("DJANGO_", "SECRET_KEY", "ANNOTATOR_", "DATABASE_URL", "CELERY_", "VIRTUAL")
    clean = {
        key: value for key, value in os.environ.items() if not key.startswith(ours)
    }
    clean |= {"HOST": "127.0.0.1", "PORT": str(port), **(environment or {})}
    log = data_dir.parent / f"{data_dir.name}.log"
    started_at = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=clean,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    family: list[psutil.Process] = []
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_up(address, process, log, timeout_seconds)
        seconds = time.monotonic() - started_at
        time.sleep(1)  # the workers start after the first answer
        family = psutil.Process(process.pid).children(recursive=True)
        logins = json.loads((data_dir / "demo_logins.json").read_text("utf-8"))
        yield Served(address, logins, seconds)
    finally:
        if process.poll() is None:
            family += psutil.Process(process.pid).children(recursive=True)
            os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=30)
    left = [child.pid for child in family if child.is_running()]
    assert left == [], f"processes left behind; see {log}"


def wait_until_up(
    address: str, process: subprocess.Popen[bytes], log: Path, timeout_seconds: float
) -> None:
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text("utf-8", "replace")[-3000:]
        try:
            url = f"{address}/healthz"
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text("utf-8", "replace")[-3000:])
