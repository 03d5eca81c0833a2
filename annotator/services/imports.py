"""Imports: uploads in, notes with tokens and spans out, and a report of the rest.

A note goes in whole or not at all: its row, its gold set or suggestions, and the audit
of it are one transaction. A job that runs a second time after a crash finds the notes
of its first attempt and goes on behind them.
"""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from annotator import engine
from annotator.engine_child import Watch, watch_nothing
from annotator.enums import EntityUse, JobKind
from annotator.exceptions import ImportRefused, InvalidValues, JobCancelled
from annotator.models import Job, Note, Project, User
from annotator.services import audit, jobs
from annotator.services.import_checks import (
    Candidate,
    ProjectFit,
    SourceDocument,
    batched,
    check_documents,
    duplicate_of,
    find_stored,
    load_group_splits,
)
from annotator.services.import_problems import Problem
from annotator.services.import_report import ImportReport
from annotator.services.import_rows import (
    has_gold,
    rows_of,
    shows_suggestions,
    write_notes,
)
from annotator.services.import_tokens import set_tokens
from annotator.services.predictions import enqueue_predictions

logger = logging.getLogger(__name__)

SUFFIXES = (
    ".txt",
    ".csv",
    ".jsonl",
    ".conll",
    ".iob",
    ".srt",
    ".textgrid",
    ".zip",
)
# Notes sent to the engine at once: its answer stays small and progress moves.
TOKENISE_BATCH = 25
# Rows of one transaction: a writer holds SQLite's lock for some 50 ms.
MAX_ROWS = 500

Progress = Callable[[int, int], None]
Committing = Callable[[], AbstractContextManager[None]]
Succeed = Callable[[dict[str, Any]], None]


def enqueue_import(
    *,
    project: Project,
    actor: User,
    uploads: Sequence[UploadedFile[Any]],
    entities: str = EntityUse.GOLD,
    encoding: str = "",
) -> Job:
    """Keep the uploads in the data folder and queue the job that reads them.

    *encoding* is that of text and CSV files; empty: UTF-8, or UTF-16 with its mark.
    """
    if entities not in EntityUse.values:
        raise InvalidValues({"entities": [f"no such use of entities: {entities}"]})
    if encoding and encoding not in engine.ENCODINGS:
        raise InvalidValues({"encoding": [f"no such encoding: {encoding}"]})
    _check_uploads(uploads)
    folder = uploads_folder() / uuid.uuid4().hex
    # mkdir gives its mode to the last folder of a path only
    uploads_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    stored = [
        _store(upload, folder / str(number)) for number, upload in enumerate(uploads)
    ]
    names = [path.name for path in stored]
    with transaction.atomic():
        job = jobs.enqueue(
            kind=JobKind.IMPORT,
            project=project,
            actor=actor,
            parameters={
                "folder": folder.name,
                "files": [str(path.relative_to(folder)) for path in stored],
                "entities": entities,
                "encoding": encoding,
            },
        )
        audit.record(
            actor=actor,
            action="import.upload",
            subject=f"project:{project.pk}",
            details={"job": job.pk, "files": len(names), "entities": entities},
        )
    return job


def run_import_job(context: jobs.JobContext) -> dict[str, Any]:
    """Read the uploads of a job, then delete them and queue suggestions.

    Those of a job that did not succeed, or not with every note, stay for "run again"
    until the reaper's sweep.
    """
    job = context.job
    if job.project is None:
        raise ImportRefused(f"job {job.pk} names no project")
    folder = uploads_folder() / str(job.parameters["folder"])
    paths = [folder / name for name in job.parameters["files"]]
    if not all(path.is_file() for path in paths):
        raise ImportRefused(_("The uploaded files are gone. Upload them again."))
    report = ImportReport()
    try:
        import_paths(
            project=job.project,
            actor=job.created_by,
            paths=paths,
            entities=str(job.parameters["entities"]),
            encoding=str(job.parameters.get("encoding", "")),
            job_id=job.pk,
            progress=context.progress,
            committing=context.committing,
            watch=context.check,
            succeed=context.succeed,
            report=report,
        )
    except JobCancelled:
        # What went in stays in: it is reported, and the model reads it.
        with transaction.atomic():
            _conclude(report, job.project, job.created_by, job.pk, len(paths))
            context.cancel(report.as_json())
        raise
    if not report.n_retriable:
        shutil.rmtree(folder, ignore_errors=True)
    return report.as_json()


def import_paths(
    *,
    project: Project,
    actor: User | None,
    paths: Sequence[Path],
    entities: str = EntityUse.GOLD,
    encoding: str = "",
    job_id: int | None = None,
    progress: Progress | None = None,
    committing: Committing = transaction.atomic,
    watch: Watch = watch_nothing,
    succeed: Succeed | None = None,
    report: ImportReport | None = None,
) -> ImportReport:
    """Import files and queue suggestions for the notes that nobody settled yet.

    *committing* opens the transaction of each batch; a job passes its own, which
    commits only while the job is still its own. *watch* is called a few times a second
    while the engine works, and what it raises ends the import. *succeed* gets the
    report in the transaction that ends the import. Who must know how far an import
    came that did not end brings the *report*.
    """
    report = ImportReport() if report is None else report
    documents = _read(paths, project, encoding, report)
    fit = ProjectFit.of(
        project, entity_use=entities, max_chars=settings.ANNOTATOR_MAX_NOTE_CHARS
    )
    load_group_splits(documents, fit)
    candidates: list[Candidate] = []
    for judged in check_documents(documents, fit):
        if isinstance(judged, Problem):
            report.add_problem(judged)
        else:
            candidates.append(judged)
    done = 0
    for batch in batched(candidates, TOKENISE_BATCH):
        if progress is not None:
            progress(done, len(candidates))
        _import_batch(batch, fit, report, job_id, committing, watch)
        done += len(batch)
    with committing():
        _conclude(report, project, actor, job_id, len(paths))
        if succeed is not None:
            succeed(report.as_json())
    return report


def _conclude(
    report: ImportReport,
    project: Project,
    actor: User | None,
    job_id: int | None,
    n_files: int,
) -> None:
    """Write down what went in, and have the model read what nobody settled of it."""
    report.sort_problems()
    audit.record(
        actor=actor,
        action="import.done",
        subject=f"project:{project.pk}",
        details={"job": job_id, "notes": report.created, "files": n_files},
    )
    if report.open_ids and project.active_version_id is not None:
        predict = enqueue_predictions(
            project=project, actor=actor, note_ids=report.open_ids
        )
        report.prediction_job = predict.pk


def uploads_folder() -> Path:
    return Path(settings.ANNOTATOR_DATA_DIR) / "uploads"


def _check_uploads(uploads: Sequence[UploadedFile[Any]]) -> None:
    if not uploads:
        raise ImportRefused(_("Choose at least one file."))
    size = sum(upload.size or 0 for upload in uploads)
    if size > settings.ANNOTATOR_MAX_UPLOAD_BYTES:
        limit = settings.ANNOTATOR_MAX_UPLOAD_BYTES
        raise ImportRefused(
            _("The files have %(n)d bytes; at most %(limit)d are taken at once."),
            n=size,
            limit=limit,
        )
    names = [upload.name or "" for upload in uploads]
    unfit = [name for name in names if Path(name).suffix.lower() not in SUFFIXES]
    if unfit:
        raise ImportRefused(
            _("Nothing was imported: %(names)s is none of %(suffixes)s."),
            names=", ".join(unfit),
            suffixes=", ".join(SUFFIXES),
        )


def _store(upload: UploadedFile[Any], folder: Path) -> Path:
    """Write an upload where only this service's user can read it.

    It keeps its name, which reports show and text files take their id from, less what
    a file system or a page could trip over.
    """
    folder.mkdir(mode=0o700)
    raw = Path(upload.name or "upload")
    stem = "".join(
        char for char in raw.stem if char.isprintable() and char not in "/\\"
    )
    # 255 bytes is what common file systems allow a name
    name = stem.encode()[:200].decode(errors="ignore").strip(". ") or "upload"
    path = folder / f"{name}{raw.suffix.lower()}"
    with path.open("xb") as file:
        path.chmod(0o600)
        for chunk in upload.chunks():
            file.write(chunk)
    return path


def _read(
    paths: Sequence[Path], project: Project, encoding: str, report: ImportReport
) -> list[SourceDocument]:
    documents: list[SourceDocument] = []
    kind: dict[str, Any] = {
        "language": project.language,
        "encoding": encoding or None,
    }
    # a file a speaker: only together do they tell who answers whom
    budget = engine.ArchiveBudget()
    grids = [path for path in paths if path.suffix.lower() == ".textgrid"]
    for path in paths:
        if path in grids[1:]:
            continue
        if path in grids:
            rows, problems = engine.read_textgrids(grids, **kind)
        else:
            rows, problems = engine.read_files(path, budget=budget, **kind)
        sources = [_source(row, path) for row in rows]
        for place in (*[p["file"] for p in problems], *[s.file for s in sources]):
            report.places.setdefault(place, len(report.places))
        for problem in problems:
            report.add_problem(
                Problem.unreadable(problem["file"], problem["line"], problem["reason"])
            )
        documents += sources
        names = ", ".join(grid.name for grid in grids) if path in grids else path.name
        report.files.append({"file": names, "notes": len(rows)})
    return documents


def _source(row: dict[str, Any], path: Path) -> SourceDocument:
    source = row.pop("source", None) or {}
    return SourceDocument(source.get("file") or path.name, source.get("line"), row)


def _import_batch(
    batch: list[Candidate],
    fit: ProjectFit,
    report: ImportReport,
    job_id: int | None,
    committing: Committing,
    watch: Watch,
) -> None:
    """Write what is new of a batch, and report it once it is committed."""
    stored = find_stored(fit.project, batch)
    new: list[Candidate] = []
    for candidate in batch:
        twin = duplicate_of(candidate, stored, job_id)
        if isinstance(twin, Problem):
            report.add_problem(twin)
        elif isinstance(twin, Note):
            report.count(candidate, fit)
            if shows_suggestions(candidate) and not has_gold(candidate, fit):
                report.open_ids.append(twin.pk)
        else:
            new.append(candidate)
    for problem in set_tokens(new, watch):
        report.add_problem(problem)
    for part in _parts([c for c in new if c.tokenizer_version], fit):
        with committing():
            # One importer at a time: what was looked up above stays true.
            Project.objects.select_for_update().get(pk=fit.project.pk)
            late = find_stored(fit.project, part)
            fresh = []
            for candidate in part:
                twin = duplicate_of(candidate, late, None)
                if isinstance(twin, Problem):
                    report.add_problem(twin)
                else:
                    fresh.append(candidate)
            open_ids = write_notes(fresh, fit, job_id)
        report.open_ids += open_ids
        for candidate in fresh:
            report.count(candidate, fit)


def _parts(candidates: list[Candidate], fit: ProjectFit) -> list[list[Candidate]]:
    """Cut so that each part writes at most MAX_ROWS rows, but never cut a note."""
    parts: list[list[Candidate]] = []
    room = 0
    for candidate in candidates:
        n_rows = rows_of(candidate, fit)
        if n_rows > room:
            parts.append([])
            room = MAX_ROWS
        parts[-1].append(candidate)
        room -= n_rows
    return parts
