"""Who may do what in a project, in one place."""

from __future__ import annotations

from annotator.enums import JobKind, Role
from annotator.models import Membership, Project, User

_RANK = {Role.ANNOTATOR: 1, Role.REVIEWER: 2, Role.ADMIN: 3}

# Who sees a job: those who may start one of its kind. Predictions concern everybody.
LEAST_TO_SEE_JOB: dict[str, Role] = {
    JobKind.IMPORT: Role.ADMIN,
    JobKind.TRAIN: Role.ADMIN,
    JobKind.EXPORT: Role.REVIEWER,
    JobKind.PREDICT: Role.ANNOTATOR,
}
LEAST_TO_CHANGE_JOB: dict[str, Role] = {**LEAST_TO_SEE_JOB, JobKind.PREDICT: Role.ADMIN}


def roles_from(least: Role) -> list[Role]:
    """Return *least* and the roles above it."""
    return [role for role in Role if _RANK[role] >= _RANK[least]]


def role_in(user: User, project: Project) -> Role | None:
    """Return the person's role; administrators of the installation are admins."""
    if not user.is_active:
        return None
    if user.is_staff:
        return Role.ADMIN
    role = (
        Membership.objects.filter(project=project, user=user)
        .values_list("role", flat=True)
        .first()
    )
    return Role(role) if role else None


def has_role(user: User, project: Project, least: Role) -> bool:
    """Tell whether the person's role in the project is *least* or above."""
    return reaches(role_in(user, project), least)


def reaches(role: Role | None, least: Role) -> bool:
    """Tell whether a role, if there is one, is *least* or above."""
    return role is not None and _RANK[role] >= _RANK[least]
