"""Shipped bundles: take them into the data folder, and let projects follow them.

The folder that ships with the code changes with the code. What a project uses must not
change under it, so each bundle is copied once and its row names the copy.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotator import engine
from annotator.enums import VersionState
from annotator.exceptions import EngineFailed
from annotator.models import ModelVersion, Project
from annotator.services.audit import record
from annotator.services.job_reaper import bundles_folder
from annotator.services.predictions import enqueue_predictions


def register_shipped_bundles() -> list[ModelVersion]:
    """Make a row for each bundle under ANNOTATOR_SHIPPED_BUNDLES; return all of them.

    A shipped bundle is of no project and counts as active: any project may use it.
    Where it takes the place of another one of its name, that one is retired, and the
    projects that used it move on. A project that went back to a retired one stays.
    """
    folder = Path(settings.ANNOTATOR_SHIPPED_BUNDLES)
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [_register(path) for path in paths if engine.is_bundle(path)]


def _register(path: Path) -> ModelVersion:
    summary = engine.describe_bundle(path)
    kept = _keep_copy(path, summary.digest)
    former = ModelVersion.objects.filter(
        project=None, name=path.name, state=VersionState.ACTIVE
    ).exclude(bundle_digest=summary.digest)
    # Rows of before copies were kept lost their bundle with the shipped folder.
    is_whole = {old: _is_whole(old.bundle_path, old.bundle_digest) for old in former}
    with transaction.atomic():
        version, _ = ModelVersion.objects.update_or_create(
            project=None,
            bundle_digest=summary.digest,
            defaults={
                "name": path.name,
                "bundle_path": str(kept),
                "state": VersionState.ACTIVE,
            },
            create_defaults={
                "name": path.name,
                "bundle_path": str(kept),
                "recipe": summary.recipe,
                "state": VersionState.ACTIVE,
                "labels": summary.labels,
                "metrics": summary.metrics,
            },
        )
        for old, can_return in is_whole.items():
            state = VersionState.RETIRED if can_return else VersionState.FAILED
            ModelVersion.objects.filter(pk=old.pk).update(state=state)
            _move_projects(old, version)
    return version


def _keep_copy(path: Path, digest: str) -> Path:
    """Copy a bundle under its digest, whole or not at all; a damaged copy is redone."""
    target = bundles_folder() / digest
    if _is_whole(target, digest):
        return target
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".copy-", dir=target.parent) as folder:
        copy = Path(folder) / "bundle"
        shutil.copytree(path, copy)
        # The source may be read-only; the copy is removed like any other bundle.
        copy.chmod(0o700)
        # The shipped folder may have been replaced while it was read.
        engine.check_bundle(copy, digest)
        # The reaper spares young bundles that no version names yet.
        os.utime(copy)
        if target.exists():
            shutil.rmtree(target)
        copy.rename(target)
    return target


def _is_whole(path: Path | str, digest: str) -> bool:
    try:
        engine.check_bundle(path, digest)
    except EngineFailed:
        return False
    return True


def _move_projects(old: ModelVersion, new: ModelVersion) -> None:
    for project in Project.objects.filter(active_version=old):
        # An administrator may be making another version active at this moment.
        moved = Project.objects.filter(pk=project.pk, active_version=old).update(
            active_version=new
        )
        if not moved:
            continue
        record(
            actor=None,
            action="version.follow",
            subject=f"project:{project.pk}",
            details={"version": new.pk, "former": old.pk},
        )
        enqueue_predictions(project=project)
