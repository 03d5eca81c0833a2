"""Real workers and tickers for tests: processes on a broker, with short leases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from celery import Celery
from django.db import connection

from annotator.dispatch import RUN_JOB
from tests.services import service_url

ROOT = Path(__file__).resolve().parent.parent.parent
LEASE_SECONDS = 5
PATIENCE_SECONDS = 240.0


class Stage:
    """One broker, one data folder, and the processes that were started on them."""

    def __init__(self, broker: str, folder: Path) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self._environment = {
            **os.environ,
            "ANNOTATOR_DATA_DIR": str(folder),
            "ANNOTATOR_LEASE_SECONDS": str(LEASE_SECONDS),
            "ANNOTATOR_TICK_SECONDS": "1",
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "annotator.settings",
            "SECRET_KEY": "tests-only",
            "CELERY_BROKER_URL": "",
        }
        self._app = Celery("sender", set_as_current=False)
        if broker == "filesystem":
            messages = str(folder / "broker" / "messages")
            self._app.conf.update(
                broker_url="filesystem://here",
                broker_transport="annotator.broker:Transport",
                broker_transport_options={
                    "data_folder_in": messages,
                    "data_folder_out": messages,
                    "control_folder": str(folder / "broker" / "control"),
                },
            )
        else:
            url = service_url(broker)
            self._environment["CELERY_BROKER_URL"] = url
            self._app.conf.update(broker_url=url)
            self._empty()

    def send(self, job_id: int, queue: str = "quick") -> None:
        """Send one message."""
        self._app.send_task(RUN_JOB, kwargs={"job_id": job_id}, queue=queue)

    def lose_messages(self, queue: str = "quick") -> int:
        """Take away the messages that no worker has had; return how many."""
        with self._app.connection_for_write() as broker:
            return int(broker.SimpleQueue(queue).queue.purge() or 0)

    def start_worker(self, queue: str = "quick") -> subprocess.Popen[bytes]:
        """Start a worker as the supervisor does, and wait until it beats."""
        number = len(self._processes)
        options = (
            "--pool solo --loglevel INFO"
            " --without-gossip --without-mingle --without-heartbeat"
        )
        worker = self._start(
            *["-m", "celery", "--app", "annotator", "worker", *options.split()],
            *["--queues", queue, "--hostname", f"{queue}{number}@%h"],
        )
        from annotator.models import Heartbeat

        beats = Heartbeat.objects.filter(pid=worker.pid)
        wait_for(lambda: worker.poll() is not None or beats.exists())
        if worker.poll() is not None:
            log = (self.folder / f"process{number}.log").read_text()
            pytest.fail(f"the worker ended with {worker.poll()}:\n{log[-2000:]}")
        return worker

    def start_ticker(self) -> subprocess.Popen[bytes]:
        return self._start(str(ROOT / "manage.py"), "run_ticker")

    def close(self) -> None:
        """Kill every process, with what each started."""
        for process in self._processes:
            if process.poll() is None:
                # a stopped process does not die of SIGTERM
                process.send_signal(signal.SIGKILL)
            process.wait()
        if self._environment["CELERY_BROKER_URL"]:
            self._empty()
        self._app.close()

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        number = len(self._processes)
        with (self.folder / f"process{number}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)
        return process

    def _empty(self) -> None:
        for queue in ("quick", "train"):
            self.lose_messages(queue)


def database_url() -> str:
    """Return the address of the database that this test run uses."""
    values: dict[str, Any] = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    password = f":{values['PASSWORD']}" if values["PASSWORD"] else ""
    place = f"{values['HOST'] or '127.0.0.1'}:{values['PORT'] or 5432}"
    return f"postgres://{values['USER']}{password}@{place}/{values['NAME']}"


def children_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def hold_in_the_middle(
    worker: subprocess.Popen[bytes], is_under_way: Callable[[], bool]
) -> list[psutil.Process]:
    """Let a worker's engine go on by small steps and hold it once it is under way.

    However fast the machine, the job is not done before the test has acted: the
    processes that are returned stand still until somebody resumes or kills them.
    """
    started_at = time.monotonic()
    while time.monotonic() - started_at < PATIENCE_SECONDS:
        children = children_of(worker)
        for child in children:
            child.suspend()
        # the worker stores what it was told before it is looked at
        time.sleep(0.03)
        if children and is_under_way():
            return children
        for child in children:
            child.resume()
        time.sleep(0.04)
    pytest.fail(f"waited {PATIENCE_SECONDS:.0f} s in vain")


def wait_for(
    condition: Callable[[], object], seconds: float = PATIENCE_SECONDS
) -> float:
    """Wait until the condition holds and return how long that took."""
    started_at = time.monotonic()
    while time.monotonic() - started_at < seconds:
        if condition():
            return time.monotonic() - started_at
        time.sleep(0.05)
    pytest.fail(f"waited {seconds:.0f} s in vain")


def wait_until_still(read: Callable[[], object]) -> None:
    """Wait until what is read has not changed for a second."""
    last = read()
    still_since = time.monotonic()
    while time.monotonic() - still_since < 1.0:
        time.sleep(0.1)
        if (value := read()) != last:
            last, still_since = value, time.monotonic()
