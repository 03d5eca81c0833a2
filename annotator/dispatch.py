"""Sends a job to its queue by task name, once the transaction has committed.

A leaf: services use it without importing tasks.
"""

from __future__ import annotations

import logging

from django.db import transaction
from kombu.exceptions import ChannelError, KombuError

from annotator.celery import app

logger = logging.getLogger(__name__)

RUN_JOB = "annotator.run_job"


def wake_worker(*, job_id: int, queue: str) -> None:
    """Tell a worker of *queue*, after commit, that a job waits.

    A broker that does not answer is not an error here: the row is the truth and the
    ticker sends the message again.
    """
    transaction.on_commit(lambda: send(job_id=job_id, queue=queue))


def send(*, job_id: int, queue: str) -> bool:
    """Send the message now; False when the broker does not answer."""
    try:
        app.send_task(RUN_JOB, kwargs={"job_id": job_id}, queue=queue, retry=False)
    except (KombuError, ChannelError, OSError) as error:
        logger.warning(
            "job %s: broker does not answer (%s)", job_id, type(error).__name__
        )
        return False
    return True
