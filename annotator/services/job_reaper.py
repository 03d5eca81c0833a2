"""What the ticker does every few seconds: nothing that died may be waited for.

Leases that ran out go back to their queue, messages that may be lost are sent again,
and what dead processes left behind (folders, exports, bundles, children) is removed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Q, QuerySet

from annotator import engine
from annotator.dispatch import wake_worker
from annotator.enums import QUEUE_OF_KIND, JobKind, JobState, Queue
from annotator.models import Job, ModelVersion
from annotator.selectors.workers import worker_health
from annotator.services import heartbeats, leftovers
from annotator.services.exports import sweep_orphans
from annotator.services.jobs import job_folder, left_undone, runnable
from annotator.validators import whole_number

logger = logging.getLogger(__name__)

# A message that a free worker has not taken for so long is lost.
RESEND_AFTER = timedelta(seconds=15)
# While every worker of the queue is busy, or none lives, messages only pile up; a
# worker that ends a job looks for the next one by itself.
RESEND_AFTER_BUSY = timedelta(seconds=120)
# Staged files and checkpoints of a job that did not succeed, for "run again".
KEEP_UNFINISHED = timedelta(hours=24)
# A bundle is renamed into place, and an upload is stored, just before the row that
# names it is committed.
KEEP_UNNAMED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ReapReport:
    """How much one round found."""

    n_requeued: int = 0
    n_failed: int = 0
    n_cancelled: int = 0
    n_sent: int = 0
    n_folders: int = 0
    n_files: int = 0
    n_children: int = 0

    @property
    def is_empty(self) -> bool:
        return self == ReapReport()


def reap(*, now: datetime) -> ReapReport:
    """Do one round."""
    outcomes = [_take_back(job, now) for job in _expired(now)]
    heartbeats.forget_dead(now=now)
    return ReapReport(
        n_requeued=outcomes.count(JobState.QUEUED),
        n_failed=outcomes.count(JobState.FAILED),
        n_cancelled=outcomes.count(JobState.CANCELLED) + _cancel_waiting(now),
        n_sent=_send_again(now),
        n_folders=sum(
            _try(sweep, now) for sweep in (_sweep_jobs, _sweep_uploads, _sweep_bundles)
        ),
        n_files=_try(lambda now: sweep_orphans(now=now), now),
        n_children=_try(lambda now: engine.sweep(), now),
    )


def _try(sweep: Callable[[datetime], int], now: datetime) -> int:
    """Let nothing that one sweep finds keep the others, or the leases, waiting."""
    try:
        return sweep(now)
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever lies in the data folder
        # Its text may name whole paths.
        logger.warning("a sweep stopped early (%s)", type(error).__name__)
        return 0


# Leases and messages ---------------------------------------------------------------


def _expired(now: datetime) -> QuerySet[Job]:
    return Job.objects.filter(state=JobState.RUNNING, lease_until__lt=now)


def _take_back(job: Job, now: datetime) -> str:
    """Re-queue, fail or cancel a job whose worker is gone; "" when it is not gone."""
    row = _expired(now).filter(pk=job.pk, fencing_token=job.fencing_token)
    if job.cancel_requested:
        state = JobState.CANCELLED
        done = row.update(state=state, lease_until=None, finished_at=now)
    elif job.attempt >= settings.ANNOTATOR_MAX_ATTEMPTS:
        state = JobState.FAILED
        done = row.update(
            state=state,
            lease_until=None,
            finished_at=now,
            error_class="LeaseExpired",
            error_message=f"{job.attempt} workers died or hung on this job.",
        )
    else:
        state = JobState.QUEUED
        done = row.update(state=state, lease_until=None, worker="", dispatched_at=now)
    if not done:
        return ""
    logger.warning("job %s: lease expired, now %s", job.pk, state)
    if state == JobState.QUEUED:
        wake_worker(job_id=job.pk, queue=QUEUE_OF_KIND[job.kind])
    return state


def _cancel_waiting(now: datetime) -> int:
    """Cancel queued jobs whose cancel came while they were going back to the queue."""
    return Job.objects.filter(state=JobState.QUEUED, cancel_requested=True).update(
        state=JobState.CANCELLED, finished_at=now
    )


def _send_again(now: datetime) -> int:
    """Send again what may be lost; return how many messages that were."""
    n_sent = 0
    n_free = _free_workers()
    for queue in Queue.values:
        patience = RESEND_AFTER if n_free[queue] > 0 else RESEND_AFTER_BUSY
        lost = Q(dispatched_at__isnull=True) | Q(dispatched_at__lte=now - patience)
        for job in runnable(queue).filter(lost):
            if Job.objects.filter(
                pk=job.pk, state=JobState.QUEUED, dispatched_at=job.dispatched_at
            ).update(dispatched_at=now):
                wake_worker(job_id=job.pk, queue=queue)
                n_sent += 1
    return n_sent


def _free_workers() -> dict[str, int]:
    """Return how many living workers of each queue run nothing; each runs one job."""
    busy = dict.fromkeys(Queue.values, 0)
    running = Job.objects.filter(state=JobState.RUNNING).order_by()
    for kind, n_jobs in running.values_list("kind").annotate(Count("id")):
        busy[QUEUE_OF_KIND[kind]] += n_jobs
    health = worker_health()
    return {queue: health[queue].n_alive - busy[queue] for queue in Queue.values}


# Files -----------------------------------------------------------------------------


def _sweep_jobs(now: datetime) -> int:
    """Remove the folders of jobs that are gone or done with."""
    numbered = {
        whole_number(path.name): path
        for path in leftovers.subfolders(job_folder(0).parent)
    }
    folders = {number: path for number, path in numbered.items() if number is not None}
    if not folders:
        return 0
    needed = _in_need_of_files(now).filter(pk__in=folders)
    unneeded = set(folders) - set(needed.values_list("pk", flat=True))
    return leftovers.remove(folders[job_id] for job_id in unneeded)


def _sweep_uploads(now: datetime) -> int:
    """Remove staged uploads that no import will read any more."""
    folders = {
        path.name: path
        for path in leftovers.subfolders(Path(settings.ANNOTATOR_DATA_DIR) / "uploads")
        if leftovers.changed_at(path) < now - KEEP_UNNAMED
    }
    if not folders:
        return 0
    imports = _in_need_of_files(now).filter(kind=JobKind.IMPORT)
    needed = set(imports.values_list("parameters__folder", flat=True))
    return leftovers.remove(folders[name] for name in set(folders) - needed)


def _in_need_of_files(now: datetime) -> QuerySet[Job]:
    recent = left_undone().filter(finished_at__gt=now - KEEP_UNFINISHED)
    return Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING]) | recent


def _sweep_bundles(now: datetime) -> int:
    """Remove bundles that no version names: their job died before its commit."""
    folders = {path.name: path for path in leftovers.subfolders(bundles_folder())}
    is_training = Job.objects.filter(kind=JobKind.TRAIN, state=JobState.RUNNING)
    if not folders or is_training.exists():
        return 0
    named = ModelVersion.objects.filter(bundle_digest__in=folders)
    unnamed = set(folders) - set(named.values_list("bundle_digest", flat=True))
    return leftovers.remove(
        folders[name]
        for name in unnamed
        if leftovers.changed_at(folders[name]) < now - KEEP_UNNAMED
    )


def bundles_folder() -> Path:
    """Return where bundles lie, trained and shipped ones, each under its digest."""
    return Path(settings.ANNOTATOR_DATA_DIR) / "bundles"
