"""Exports: a file of the gold annotations that says what it lost and proves itself.

The file is written beside its final name, read again by the engine's readers, compared
with what went in, and only then renamed and given a row. It never changes afterwards;
each download compares its checksum first.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from annotator.enums import ExportFormat, JobKind, Split
from annotator.exceptions import ExportDamaged, InvalidValues, NothingToExport
from annotator.models import Export, Job, Project, User
from annotator.selectors.gold import gold_sets
from annotator.services import audit, jobs, leftovers
from annotator.services.export_files import Progress, verify_file, write_file

# Files without a row: a crash between renaming and commit. Nobody can reach them.
KEEP_ORPHANS = timedelta(hours=24)

Committing = Callable[[], AbstractContextManager[None]]
Succeed = Callable[[dict[str, Any]], None]


def enqueue_export(
    *,
    project: Project,
    actor: User,
    format: str,  # noqa: A002 - the word of the page, the API and the row
    splits: Sequence[str] = tuple(Split.values),
) -> Job:
    """Queue the making of an export; refuse what would make an empty one."""
    _check(format, splits, project)
    return jobs.enqueue(
        kind=JobKind.EXPORT,
        project=project,
        actor=actor,
        parameters={"format": format, "splits": _ordered(splits)},
    )


def run_export_job(context: jobs.JobContext) -> dict[str, Any]:
    """Make the export of a job; row and success are one commit, of the job's owner."""
    job = context.job
    if job.project is None:
        raise NothingToExport(f"job {job.pk} names no project")
    export = make_export(
        project=job.project,
        actor=job.created_by,
        format=str(job.parameters["format"]),
        splits=[str(split) for split in job.parameters["splits"]],
        progress=context.progress,
        committing=context.committing,
        succeed=context.succeed,
    )
    return export_summary(export)


def make_export(
    *,
    project: Project,
    actor: User | None,
    format: str,  # noqa: A002 - the word of the page, the API and the row
    splits: Sequence[str] = tuple(Split.values),
    progress: Progress | None = None,
    committing: Committing = transaction.atomic,
    succeed: Succeed | None = None,
) -> Export:
    """Write, read again, compare, keep.

    A job passes its own *committing* and *succeed*, which gets the summary in the
    transaction of the row: there is no export of a job that has not succeeded.
    """
    _check(format, splits, project)
    folder = exports_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = _file_name(project, format, splits)
    part = folder / f".{name}.part"
    part.touch(mode=0o600, exist_ok=False)
    try:
        written = write_file(part, project, format, splits, progress)
        verification = verify_file(part, project, format, written)
        sha256 = file_digest(part)
        size_bytes = part.stat().st_size
        path = part.rename(folder / name)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    try:
        with committing():
            export = Export.objects.create(
                project=project,
                format=format,
                filters={"splits": _ordered(splits)},
                path=str(path.relative_to(settings.ANNOTATOR_DATA_DIR)),
                sha256=sha256,
                size_bytes=size_bytes,
                n_notes=len(written.expected),
                n_spans=written.n_spans,
                losses=written.losses,
                verification=verification,
                created_by=actor,
            )
            audit.record(
                actor=actor,
                action="export.make",
                subject=f"export:{export.pk}",
                details={
                    "project": project.pk,
                    "format": format,
                    "notes": export.n_notes,
                    "spans": export.n_spans,
                    "sha256": sha256,
                },
            )
            if succeed is not None:
                succeed(export_summary(export))
    except (OperationalError, InterfaceError):
        raise  # nobody knows whether the row is there; the sweep will see
    except BaseException:
        # Cancelled, or another worker owns the job: no row names the file.
        path.unlink(missing_ok=True)
        raise
    return export


def export_summary(export: Export) -> dict[str, Any]:
    """Return what a job's result and the report page say of an export."""
    return {
        "export": export.pk,
        "format": export.format,
        "splits": export.filters["splits"],
        "notes": export.n_notes,
        "spans": export.n_spans,
        "n_losses": len(export.losses),
        "sha256": export.sha256,
        "size_bytes": export.size_bytes,
        "verification": export.verification,
    }


def open_export(*, export: Export, actor: User | None) -> Path:
    """Return the file for a download, after a look at its checksum; audited."""
    path = export_path(export)
    if not path.is_file() or file_digest(path) != export.sha256:
        raise ExportDamaged(f"export {export.pk}: the file is missing or was changed")
    audit.record(
        actor=actor,
        action="export.download",
        subject=f"export:{export.pk}",
        details={"sha256": export.sha256},
    )
    return path


def export_path(export: Export) -> Path:
    return Path(settings.ANNOTATOR_DATA_DIR) / export.path


def exports_folder() -> Path:
    return Path(settings.ANNOTATOR_DATA_DIR) / "exports"


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sweep_orphans(*, now: datetime) -> int:
    """Delete old files that no export names; return how many. The ticker calls it."""
    oldest = now - KEEP_ORPHANS
    old = {
        path.name: path
        for path in leftovers.entries(exports_folder())
        if path.is_file() and leftovers.changed_at(path) < oldest
    }
    if not old:
        return 0
    named = {Path(path).name for path in Export.objects.values_list("path", flat=True)}
    return leftovers.remove(path for name, path in old.items() if name not in named)


def _check(format_name: str, splits: Sequence[str], project: Project) -> None:
    if format_name not in ExportFormat.values:
        raise InvalidValues({"format": [f"no such format: {format_name}"]})
    if not splits or not set(splits) <= set(Split.values):
        raise InvalidValues({"splits": ["choose from train, dev, test"]})
    if not gold_sets(project, splits=splits).exists():
        raise NothingToExport(f"project {project.pk}: no settled notes in these splits")


def _ordered(splits: Sequence[str]) -> list[str]:
    return [split for split in Split.values if split in splits]


def _file_name(project: Project, format_name: str, splits: Sequence[str]) -> str:
    which = "-".join(_ordered(splits))
    at = timezone.now().strftime("%Y%m%dT%H%M%SZ")
    # two exports of one second
    return f"{project.slug}-{which}-{at}-{secrets.token_hex(3)}.{format_name}"
