"""Background jobs: the row is the truth, the broker only wakes workers."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotator.enums import JobKind, JobState


class Job(models.Model):
    """A piece of background work.

    A worker owns a running job while ``lease_until`` lies ahead and its fencing token
    is the row's; each claim raises the token, so a worker that lost its lease cannot
    commit a result. ``subject`` tells apart jobs of a kind that may run side by side
    ("note:41"); one job of a kind and subject runs at a time.
    """

    kind = models.CharField(max_length=12, choices=JobKind)
    project = models.ForeignKey(
        "annotator.Project",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="jobs",
    )
    subject = models.CharField(max_length=80, blank=True, default="")
    parameters = models.JSONField(default=dict, blank=True)
    input_digest = models.CharField(max_length=64, blank=True, default="")
    state = models.CharField(max_length=12, choices=JobState, default=JobState.QUEUED)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    # Learning curve, log tail and estimates of a running job; small JSON.
    details = models.JSONField(default=dict, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    fencing_token = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=120, blank=True, default="")
    cancel_requested = models.BooleanField(default=False)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    error_class = models.CharField(max_length=80, blank=True, default="")
    error_message = models.CharField(max_length=500, blank=True, default="")
    result = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="jobs",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "project", "subject"],
                condition=Q(state="running"),
                name="job_running_once_per_subject",
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False),
                name="job_running_has_lease",
            ),
        ]
        indexes = [models.Index(fields=["state", "lease_until"])]

    def __str__(self) -> str:
        return f"{self.kind} job {self.pk}"

    @property
    def is_finished(self) -> bool:
        return self.state in {
            JobState.SUCCEEDED,
            JobState.FAILED,
            JobState.CANCELLED,
        }


class Heartbeat(models.Model):
    """Proof of life of a worker process or of the ticker, renewed every few seconds."""

    name = models.CharField(max_length=120, unique=True)
    queue = models.CharField(max_length=20, blank=True, default="")
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
