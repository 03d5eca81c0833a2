"""Which jobs a person may see."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from annotator.models import Job, User
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
