"""Proof of life of workers and of the ticker: a row each, renewed by a thread."""

from __future__ import annotations

import logging
import os
import socket
import threading
from datetime import datetime, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from annotator.models import Heartbeat

logger = logging.getLogger(__name__)

# A row this old is of a process that was killed: it only clutters the list.
FORGET_AFTER = timedelta(minutes=10)


def process_name(queue: str) -> str:
    """Return the name under which this process reports: host, queue, process id."""
    return f"{socket.gethostname()}:{queue}:{os.getpid()}"[:120]


def beat(*, queue: str, started_at: datetime) -> None:
    """Write or renew this process's row."""
    now = timezone.now()
    name = process_name(queue)
    if not Heartbeat.objects.filter(name=name).update(
        pid=os.getpid(), started_at=started_at, beat_at=now
    ):
        Heartbeat.objects.create(
            name=name, queue=queue, pid=os.getpid(), started_at=started_at, beat_at=now
        )


def forget(*, queue: str) -> None:
    """Remove this process's row: it ends in good order."""
    Heartbeat.objects.filter(name=process_name(queue)).delete()


def forget_dead(*, now: datetime) -> int:
    """Remove the rows of processes that have long been silent."""
    n_rows, _ = Heartbeat.objects.filter(beat_at__lt=now - FORGET_AFTER).delete()
    return n_rows


class Beating:
    """A daemon thread that beats while a job holds the worker's only other one."""

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._started_at = timezone.now()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="beat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop beating and remove the row."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while True:
                self._write()
                if self._ended.wait(settings.ANNOTATOR_TICK_SECONDS):
                    break
            forget(queue=self._queue)
        finally:
            connection.close()

    def _write(self) -> None:
        try:
            beat(queue=self._queue, started_at=self._started_at)
        except (OperationalError, InterfaceError) as error:
            logger.warning("heartbeat not written (%s)", type(error).__name__)
        # Not kept open in between: an idle connection is memory on both ends.
        connection.close()
