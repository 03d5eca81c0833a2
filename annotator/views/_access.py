"""Fetch and access check in one step, so that no view can forget the check.

A row that the person may not see answers 404, as one that does not exist; a row that
they may see but not change answers 403.
"""

from __future__ import annotations

from typing import cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django_htmx.middleware import HtmxDetails

from annotator.enums import Role
from annotator.models import Export, Job, Note, Project, User
from annotator.permissions import reaches, role_in


class UserRequest(HttpRequest):
    """A request of a person who is logged in; views get it behind login_required."""

    user: User
    htmx: HtmxDetails


def _require(user: User, project: Project, least: Role) -> None:
    role = role_in(user, project)
    if role is None:
        raise Http404
    if not reaches(role, least):
        raise PermissionDenied


def get_project(request: HttpRequest, slug: str, least: Role) -> Project:
    """Return the project if the person has at least the role *least* in it."""
    project = get_object_or_404(
        Project.objects.select_related("active_version"), slug=slug
    )
    _require(cast(User, request.user), project, least)
    return project


def get_note(
    request: HttpRequest,
    note_id: int,
    least: Role = Role.ANNOTATOR,
    *,
    defer: tuple[str, ...] = (),
    with_version: bool = True,
) -> Note:
    """Return the note, with its project, if the person may work on it.

    Columns in *defer* are read on first use, as is the active version without
    *with_version*: the tokens of a long note and the figures of a model are large.
    """
    related = ["project", "project__active_version"][: 2 if with_version else 1]
    notes = Note.objects.select_related(*related)
    note = get_object_or_404(notes.defer(*defer), pk=note_id)
    _require(cast(User, request.user), note.project, least)
    return note


def get_job(request: HttpRequest, job_id: int, least: Role = Role.ANNOTATOR) -> Job:
    """Return the job if the person has the role in its project."""
    job = get_object_or_404(Job.objects.select_related("project"), pk=job_id)
    user = cast(User, request.user)
    if job.project is None:
        if not user.is_staff:
            raise Http404
    else:
        _require(user, job.project, least)
    return job


def get_export(
    request: HttpRequest, export_id: int, least: Role = Role.REVIEWER
) -> Export:
    """Return the export, with its project, if the person has the role in it."""
    exports = Export.objects.select_related("project", "created_by")
    export = get_object_or_404(exports, pk=export_id)
    _require(cast(User, request.user), export.project, least)
    return export
