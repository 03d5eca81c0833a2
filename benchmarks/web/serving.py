"""A throw-away Glosa for the benchmark: its own folder, database and two workers.

Importing this module fixes the environment; Django must not have been set up before.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
START_SECONDS = 60.0
N_WORKERS = 2


@contextmanager
def own_data(postgres_url: str = "") -> Iterator[Path]:
    """Make a data folder and, on the server named, a database; remove both."""
    with tempfile.TemporaryDirectory(prefix="glosa-bench-web-") as folder:
        os.environ["ANNOTATOR_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "annotator.settings"
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        os.environ["LOG_LEVEL"] = "WARNING"
        os.environ["DATABASE_URL"] = ""
        if not postgres_url:
            yield Path(folder)
            return
        with _own_database(postgres_url) as url:
            os.environ["DATABASE_URL"] = url
            yield Path(folder)


@contextmanager
def _own_database(server: str) -> Iterator[str]:
    import psycopg

    name = f"glosa_bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def gunicorn(folder: Path, port: int) -> Iterator[str]:
    """Serve with two workers of the timed application until the block ends."""
    command = [sys.executable, "-m", "gunicorn", "--workers", str(N_WORKERS)]
    command += ["--worker-class", "gthread", "--threads", "3", "--no-control-socket"]
    command += ["--bind", f"127.0.0.1:{port}", "timed_wsgi:application"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"}
    log = folder / "gunicorn.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, process, log)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(log.read_text("utf-8", "replace")[-3000:])
        try:
            with urllib.request.urlopen(f"{address}/login/", timeout=10) as answer:  # noqa: S310
                answer.read()
                return
        except OSError:
            time.sleep(0.1)
    sys.exit("the server did not come up")
