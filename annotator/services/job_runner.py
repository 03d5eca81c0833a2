"""Runs one job from claim to final state. What a worker does with a message."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from annotator.dispatch import wake_worker
from annotator.enums import QUEUE_OF_KIND, JobState
from annotator.exceptions import (
    AnnotatorError,
    EngineDied,
    JobCancelled,
    LeaseLost,
    WorkerStopping,
)
from annotator.models import Job
from annotator.services import leases
from annotator.services.job_handlers import handler_of
from annotator.services.jobs import JobContext, claim, runnable

logger = logging.getLogger(__name__)

N_ERROR_CHARS = 500


def run_job(*, job_id: int, worker: str) -> None:
    """Claim and run the job; do nothing when it is not there to claim.

    That makes repeated, late and reordered messages harmless.
    """
    if leases.stopping.is_set():
        return
    context = claim(job_id=job_id, worker=worker)
    if context is None:
        logger.info("job %s: not claimable", job_id)
        return
    logger.info("job %s: %s, attempt %s", job_id, context.job.kind, context.job.attempt)
    with context.kept():
        _run(context)
    wake_next(QUEUE_OF_KIND[context.job.kind])


def wake_next(queue: str) -> None:
    """Send the message of the oldest waiting job, which may have been lost."""
    waiting = runnable(queue).first()
    if waiting is not None:
        Job.objects.filter(pk=waiting.pk).update(dispatched_at=timezone.now())
        wake_worker(job_id=waiting.pk, queue=queue)


def _run(context: JobContext) -> None:
    """Run the handler and write the outcome under the token."""
    job_id = context.job.pk
    try:
        result = handler_of(context.job.kind)(context)
        if context.job.state != JobState.SUCCEEDED:
            context.check()
            context.succeed(result)
        logger.info("job %s: done", job_id)
    except LeaseLost:
        logger.warning("job %s: lease lost, result dropped", job_id)
    except JobCancelled:
        context.end(JobState.CANCELLED, finished_at=timezone.now())
        logger.info("job %s: cancelled", job_id)
    except WorkerStopping:
        _give_back(context)
    except EngineDied as error:
        _try_again(context, error)
    except Exception as error:  # noqa: BLE001 - a failed job is a visible fact, whatever failed
        _fail(context, error)


def _give_back(context: JobContext) -> None:
    """Put the job back; an orderly stop does not count as an attempt."""
    context.end(JobState.QUEUED, attempt=context.job.attempt - 1, dispatched_at=None)
    logger.info("job %s: back to the queue, the worker stops", context.job.pk)


def _try_again(context: JobContext, error: EngineDied) -> None:
    """Put the job back for its next attempt: the engine died as a worker may die."""
    if context.job.attempt >= settings.ANNOTATOR_MAX_ATTEMPTS:
        _fail(context, error)
        return
    context.end(JobState.QUEUED, dispatched_at=None)
    logger.warning("job %s: %s; back to the queue", context.job.pk, error)


def _fail(context: JobContext, error: Exception) -> None:
    name, message = describe(error)
    # Frames only: the text of an unknown exception may quote what it choked on.
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("job %s: failed with %s\n%s", context.job.pk, name, frames)
    connection.close_if_unusable_or_obsolete()
    context.end(
        JobState.FAILED,
        error_class=name[:80],
        error_message=message[:N_ERROR_CHARS],
        finished_at=timezone.now(),
    )


def describe(error: Exception) -> tuple[str, str]:
    """Return class and message of an error, without a character of a note.

    Our own messages hold ids and offsets by rule. Others may quote their input (a
    database names the row, a decoder the bytes), so of them only the place is told.
    """
    name = type(error).__name__
    if isinstance(error, AnnotatorError):
        return str(getattr(error, "kind", name)), str(error)
    if isinstance(error, DatabaseError):
        return name, "The database refused or did not answer."
    return name, f"Unexpected error at {_place(error)}."


def _place(error: Exception) -> str:
    frames: list[Any] = list(traceback.extract_tb(error.__traceback__))
    if not frames:
        return "an unknown place"
    module = frames[-1].filename.rsplit("/", maxsplit=1)[-1]
    return f"{module}:{frames[-1].lineno}"
