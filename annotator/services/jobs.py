"""Background jobs: enqueue, cancel, run again, claim, and what a running job may do.

The row is the truth and Celery only wakes workers. A claim is a conditional UPDATE that
raises the fencing token; every write of the worker names that token, so that a worker
that lost its lease changes nothing more. Running is in services/job_runner.py, cleaning
up after the dead in services/job_reaper.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from annotator.dispatch import wake_worker
from annotator.enums import QUEUE_OF_KIND, JobKind, JobState
from annotator.exceptions import JobCancelled, LeaseLost, WorkerStopping, WrongState
from annotator.models import Job, Project, User
from annotator.services import leases
from annotator.services.audit import record
from annotator.services.training_limits import check_room
from annotator.validators import whole_number

PROGRESS_SECONDS = 1.0


# Asking for work -------------------------------------------------------------------


def enqueue(
    *,
    kind: str,
    project: Project | None,
    actor: User | None,
    subject: str = "",
    parameters: dict[str, Any] | None = None,
    input_digest: str = "",
) -> Job:
    """Write the row and, once the transaction commits, wake a worker.

    *parameters* hold ids, choices and paths inside the data folder, never note text.
    """
    job = Job.objects.create(
        kind=kind,
        project=project,
        subject=subject,
        parameters=parameters or {},
        input_digest=input_digest,
        created_by=actor,
        dispatched_at=timezone.now(),
    )
    wake_worker(job_id=job.pk, queue=QUEUE_OF_KIND[kind])
    return job


def request_cancel(*, job: Job, actor: User | None) -> Job:
    """Cancel a waiting job at once; ask a running one to stop."""
    now = timezone.now()
    row = Job.objects.filter(pk=job.pk)
    done = row.filter(state=JobState.QUEUED).update(
        state=JobState.CANCELLED, cancel_requested=True, finished_at=now
    ) or row.filter(state=JobState.RUNNING).update(cancel_requested=True)
    if not done:
        raise WrongState(f"job {job.pk} is finished already")
    record(actor=actor, action="job.cancel", subject=f"job:{job.pk}")
    job.refresh_from_db()
    return job


def left_undone() -> QuerySet[Job]:
    """Return what may be run again: failed, cancelled, or an import that left out notes
    which another run may take."""
    return Job.objects.filter(
        Q(state__in=[JobState.FAILED, JobState.CANCELLED])
        | Q(state=JobState.SUCCEEDED, kind=JobKind.IMPORT, result__retriable__gt=0)
    )


def is_left_undone(job: Job) -> bool:
    """Tell of one job whether `left_undone` returns it, without a query."""
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        return True
    is_import = job.state == JobState.SUCCEEDED and job.kind == JobKind.IMPORT
    return is_import and bool(job.result.get("retriable"))


def run_again(*, job: Job, actor: User | None) -> Job:
    """Queue a job again that did not do all; a training goes on from its checkpoint."""
    with transaction.atomic():
        if job.kind == JobKind.TRAIN and job.project is not None:
            check_room(
                project=job.project,
                parameters=job.parameters,
                input_digest=job.input_digest,
            )
        done = (
            left_undone()
            .filter(pk=job.pk)
            .update(
                state=JobState.QUEUED,
                attempt=0,
                cancel_requested=False,
                error_class="",
                error_message="",
                result={},
                lease_until=None,
                finished_at=None,
                dispatched_at=timezone.now(),
            )
        )
        if not done:
            raise WrongState(f"job {job.pk} neither failed nor was cancelled")
        record(actor=actor, action="job.run_again", subject=f"job:{job.pk}")
        wake_worker(job_id=job.pk, queue=QUEUE_OF_KIND[job.kind])
    job.refresh_from_db()
    return job


# Doing work ------------------------------------------------------------------------


def runnable(queue: str | None = None) -> QuerySet[Job]:
    """Return the waiting jobs, oldest first, that no running job of theirs blocks."""
    kinds = [kind for kind, its in QUEUE_OF_KIND.items() if queue in (None, its)]
    running = Job.objects.filter(
        state=JobState.RUNNING,
        kind=OuterRef("kind"),
        project=OuterRef("project"),
        subject=OuterRef("subject"),
    )
    return Job.objects.filter(
        ~Exists(running), state=JobState.QUEUED, kind__in=kinds
    ).order_by("id")


def claim(*, job_id: int, worker: str) -> JobContext | None:
    """Take the job, or return None when it is not there to take.

    The partial unique constraint refuses a second running job of the same subject;
    that one stays queued until the first has ended.
    """
    now = timezone.now()
    try:
        with transaction.atomic():
            taken = Job.objects.filter(
                pk=job_id, state=JobState.QUEUED, cancel_requested=False
            ).update(
                state=JobState.RUNNING,
                attempt=F("attempt") + 1,
                fencing_token=F("fencing_token") + 1,
                lease_until=now + leases.lease_duration(),
                worker=worker,
                started_at=now,
                finished_at=None,
                progress_done=0,
                progress_total=0,
            )
            if not taken:
                return None
            job = Job.objects.select_related("project", "created_by").get(pk=job_id)
    except IntegrityError:
        return None
    return JobContext(job)


def job_folder(job_id: int) -> Path:
    """Return the folder under which the attempts of a job write."""
    return Path(settings.ANNOTATOR_DATA_DIR) / "jobs" / str(job_id)


class JobContext:
    """What a handler may do with the job it runs: report, check, commit.

    Attributes
    ----------
    job : Job
        The row as claimed.
    token : int
        The fencing token of this claim.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.token = job.fencing_token
        self._keeper = leases.LeaseKeeper(job_id=job.pk, token=self.token)
        self._written_at = float("-inf")

    @property
    def folder(self) -> Path:
        """Return this attempt's own folder, made on first use, closed to others.

        It is named by the fencing token and not by the attempt, which starts over
        when a person runs a job again.
        """
        folder = job_folder(self.job.pk) / f"attempt-{self.token}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def former_folders(self) -> list[Path]:
        """Return the folders of earlier attempts, latest first."""
        folders = [
            path
            for path in job_folder(self.job.pk).glob("attempt-*")
            if attempt_number(path) < self.token
        ]
        return sorted(folders, key=attempt_number, reverse=True)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the lease for as long as the block runs."""
        self._keeper.start()
        try:
            yield
        finally:
            self._keeper.stop()

    def check(self) -> None:
        """Raise when the work must stop: cancelled, lease lost, worker stopping."""
        if self._keeper.cancelled.is_set():
            raise JobCancelled(f"job {self.job.pk} was cancelled")
        if self._keeper.lost.is_set():
            raise LeaseLost(f"job {self.job.pk}: another worker owns it")
        if leases.stopping.is_set():
            raise WorkerStopping(f"job {self.job.pk}: the worker was told to stop")

    def progress(self, done: int, total: int, **details: Any) -> None:
        """Report progress, written at most once a second; *details* are merged in."""
        self.check()
        self.report(done, total, **details)
        if time.monotonic() - self._written_at >= PROGRESS_SECONDS:
            self.write()

    def report(self, done: int, total: int, **details: Any) -> None:
        """Set the progress that the next write will carry."""
        self.job.progress_done = done
        self.job.progress_total = total
        self.job.details = {**self.job.details, **details}

    def write(self, **fields: Any) -> None:
        """Write the reported progress and *fields* now, under the token."""
        self._written_at = time.monotonic()
        written = self._row().update(
            **{
                "progress_done": self.job.progress_done,
                "progress_total": self.job.progress_total,
                "details": self.job.details,
                "lease_until": timezone.now() + leases.lease_duration(),
                **fields,
            }
        )
        if not written:
            raise LeaseLost(f"job {self.job.pk}: another worker owns it")

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Open a transaction that commits only while the token is the row's.

        The UPDATE holds the row until the commit, so nobody can take the job over in
        between.
        """
        self.check()
        with transaction.atomic():
            self.write()
            yield

    def succeed(self, result: dict[str, Any]) -> None:
        """Mark the job done. Inside `committing`, result and state are one commit."""
        self.write(
            state=JobState.SUCCEEDED,
            result=result,
            finished_at=timezone.now(),
            lease_until=None,
        )
        self.job.state = JobState.SUCCEEDED
        self.job.result = result

    def cancel(self, result: dict[str, Any]) -> None:
        """Mark the job cancelled, with what it had done by then."""
        self.write(
            state=JobState.CANCELLED,
            result=result,
            finished_at=timezone.now(),
            lease_until=None,
            worker="",
        )

    def end(self, state: str, **fields: Any) -> bool:
        """Give the job up in another state; False when it was not ours any more."""
        return bool(
            self._row().update(state=state, lease_until=None, worker="", **fields)
        )

    def _row(self) -> QuerySet[Job]:
        return Job.objects.filter(
            pk=self.job.pk, fencing_token=self.token, state=JobState.RUNNING
        )


def attempt_number(folder: Path) -> int:
    """Return N of ``attempt-N``; -1 for a folder of another name."""
    number = whole_number(folder.name.removeprefix("attempt-"))
    return -1 if number is None else number
