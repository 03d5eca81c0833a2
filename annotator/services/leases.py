"""Keeps the lease of a running job, from a thread with a connection of its own.

The same thread looks once a second whether a person asked to cancel, so that the
handler's check costs no query.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from annotator.enums import JobState
from annotator.models import Job

logger = logging.getLogger(__name__)

# A cancel must take effect within five seconds; the engine is asked to stop on top.
LOOK_SECONDS = 1.0

# Set when this process is asked to end: running jobs go back to their queue.
stopping = threading.Event()


def lease_duration() -> timedelta:
    """Return how long a claim holds without a renewal."""
    return timedelta(seconds=settings.ANNOTATOR_LEASE_SECONDS)


class LeaseKeeper:
    """Renews the lease every third of it while a handler runs.

    ``lost`` is set when the row no longer carries the token, ``cancelled`` when a
    person asked to stop. A database that does not answer is tried again: whether the
    lease survived that is decided by the token, when a result is committed.
    """

    def __init__(self, *, job_id: int, token: int) -> None:
        self.lost = threading.Event()
        self.cancelled = threading.Event()
        self._row = Job.objects.filter(
            pk=job_id, fencing_token=token, state=JobState.RUNNING
        )
        self._job_id = job_id
        self._ended = threading.Event()
        self._interval = settings.ANNOTATOR_LEASE_SECONDS / 3
        self._renew_at = time.monotonic() + self._interval
        self._thread = threading.Thread(
            target=self._run, name=f"lease-{job_id}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for its connection to close."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._ended.wait(min(LOOK_SECONDS, self._interval)):
                self._look()
        finally:
            connection.close()

    def _look(self) -> None:
        try:
            wanted = self._row.values_list("cancel_requested", flat=True).first()
            if wanted and not self.cancelled.is_set():
                self.cancelled.set()
            if wanted is None or not self._renew():
                self.lost.set()
                self._ended.set()
        except (OperationalError, InterfaceError) as error:
            logger.warning(
                "job %s: lease not renewed (%s)", self._job_id, type(error).__name__
            )
            connection.close()

    def _renew(self) -> bool:
        if time.monotonic() < self._renew_at:
            return True
        renewed = self._row.update(lease_until=timezone.now() + lease_duration())
        self._renew_at = time.monotonic() + self._interval
        return renewed == 1
