"""Deletes a project with everything in it. Bundles are swept later by the reaper.

Rows that protect each other (spans and labels, suggestions and versions) go in an order
in which nothing points at what is gone.
"""

from __future__ import annotations

from django.db import transaction

from annotator.models import (
    AnnotationSet,
    Export,
    Job,
    ModelVersion,
    Note,
    Project,
    Span,
    Suggestion,
    User,
)
from annotator.services import audit
from annotator.services.exports import export_path


def delete_project(*, project: Project, actor: User | None) -> None:
    """Delete the project; the audit trail keeps that it was there.

    A worker that runs a job of it loses its lease with the row.
    """
    project_id = project.pk
    paths = [export_path(export) for export in Export.objects.filter(project=project)]
    with transaction.atomic():
        Job.objects.filter(project=project).delete()
        Span.objects.filter(annotation_set__note__project=project).delete()
        AnnotationSet.objects.filter(note__project=project).delete()
        Suggestion.objects.filter(note__project=project).delete()
        Note.objects.filter(project=project).delete()
        Project.objects.filter(pk=project_id).update(active_version=None)
        versions = ModelVersion.objects.filter(project=project)
        while leaves := list(versions.filter(children__isnull=True)):
            ModelVersion.objects.filter(pk__in=[leaf.pk for leaf in leaves]).delete()
        Project.objects.filter(pk=project_id).delete()
        audit.record(
            actor=actor, action="project.delete", subject=f"project:{project_id}"
        )
    for path in paths:
        path.unlink(missing_ok=True)
