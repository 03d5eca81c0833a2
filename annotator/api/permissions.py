"""Fetch and access check in one step, as `views._access` does for pages.

What the person may not see answers 404, as what is not there; what they may see but not
change answers 403.
"""

from __future__ import annotations

from typing import ClassVar, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.functional import cached_property
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from annotator.enums import Role
from annotator.models import Export, Job, Note, Project, User
from annotator.permissions import has_role
from annotator.views import _access


def person(request: Request) -> User:
    """Return who asks; IsAuthenticated, the default, stands before every view."""
    return cast(User, request.user)


class IsStaffToCreate(BasePermission):
    """Let only administrators of the installation make a new row."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method != "POST" or person(request).is_staff


class ProjectAccess(APIView):
    """A view under ``projects/<slug>/``: its project, once the role is checked."""

    least: ClassVar[Role] = Role.ANNOTATOR
    least_to_change: ClassVar[Role] = Role.ADMIN

    @cached_property
    def project(self) -> Project:
        is_read = self.request.method in SAFE_METHODS
        least = self.least if is_read else self.least_to_change
        return _access.get_project(_plain(self.request), self.kwargs["slug"], least)


class NoteAccess(APIView):
    """A view under ``notes/<note_id>/``: its note, for any member of the project."""

    @cached_property
    def note(self) -> Note:
        return _access.get_note(_plain(self.request), self.kwargs["note_id"])


def get_job(request: Request, job_id: int, least: dict[str, Role]) -> Job:
    """Return the job if the person has the role that jobs of its kind ask for."""
    job = _access.get_job(_plain(request), job_id)
    if job.project and not has_role(person(request), job.project, least[job.kind]):
        raise PermissionDenied
    return job


def get_export(request: Request, export_id: int) -> Export:
    """Return the export if the person may review in its project."""
    return _access.get_export(_plain(request), export_id)


def _plain(request: Request) -> HttpRequest:
    """Hand the request on to what reads no more of it than the person."""
    return cast(HttpRequest, request)
