"""Model versions: make one active, roll back."""

from __future__ import annotations

from django.db import transaction

from annotator import engine
from annotator.enums import VersionState
from annotator.exceptions import EngineFailed, WrongState
from annotator.models import ModelVersion, Project, User
from annotator.services.audit import record
from annotator.services.predictions import enqueue_predictions


def promote(*, version: ModelVersion, project: Project, actor: User) -> ModelVersion:
    """Make *version* the project's active one and queue its suggestions.

    Rolling back is promoting a retired version again. What people decided stays; the
    suggestions that nobody decided on are replaced by the job.
    """
    if version.project_id not in (None, project.pk):
        raise WrongState(f"version {version.pk} belongs to another project")
    if version.state == VersionState.FAILED:
        raise WrongState(f"version {version.pk} failed and cannot be made active")
    former_id = project.active_version_id
    if former_id == version.pk:
        raise WrongState(f"version {version.pk} is active already")
    try:
        # Every file is read: a damaged bundle would fail each job from now on.
        engine.check_bundle(version.bundle_path, version.bundle_digest)
    except EngineFailed as error:
        raise WrongState(
            f"version {version.pk}: its bundle is gone or damaged"
        ) from error
    with transaction.atomic():
        # Nobody else may have changed it since the page was shown.
        changed = Project.objects.filter(
            pk=project.pk, active_version=former_id
        ).update(active_version=version)
        if not changed:
            raise WrongState(
                f"project {project.pk}: another version was made active meanwhile"
            )
        # First retire, then activate: one active version a project at any moment.
        ModelVersion.objects.filter(project=project, state=VersionState.ACTIVE).update(
            state=VersionState.RETIRED
        )
        ModelVersion.objects.filter(pk=version.pk, project=project).update(
            state=VersionState.ACTIVE
        )
        record(
            actor=actor,
            action="version.promote",
            subject=f"project:{project.pk}",
            details={"version": version.pk, "former": former_id},
        )
        enqueue_predictions(project=project, actor=actor)
    project.active_version = version
    version.refresh_from_db()
    return version
