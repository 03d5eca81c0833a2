"""Which jobs a person may see."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from annotator.enums import JobKind, JobState
from annotator.models import Job, Project, User
from annotator.permissions import LEAST_TO_SEE_JOB, roles_from


def visible_jobs(user: User) -> QuerySet[Job]:
    """Return jobs of the person's projects and of kinds that their role there covers.

    Jobs of no project are for administrators of the installation. Results and curves
    stay in the database.
    """
    rows = Job.objects.select_related("project", "created_by")
    rows = rows.defer("details", "result", "parameters")
    if user.is_staff:
        return rows
    seen = Q()
    for kind, least in LEAST_TO_SEE_JOB.items():
        seen |= Q(
            kind=kind,
            project__memberships__user=user,
            project__memberships__role__in=roles_from(least),
        )
    return rows.filter(seen)


def renewals(projects: Iterable[Project]) -> dict[int, Job]:
    """Return, by project, the unfinished job that renews all its suggestions.

    A promotion queues one; jobs for the notes of one import name them.
    """
    jobs = Job.objects.filter(
        kind=JobKind.PREDICT,
        project__in=projects,
        subject="",
        parameters={},
        state__in=[JobState.QUEUED, JobState.RUNNING],
        cancel_requested=False,
    ).defer("details", "result")
    # The oldest runs, and stands last here.
    return {job.project_id: job for job in jobs.order_by("-pk") if job.project_id}
