"""Retraining: what it would learn from, the job's start, and the job itself.

The job runs ``ner_engine train`` in a child process and reads its events. What it
learns from is written once, into the attempt's folder; a later attempt takes over that
snapshot and the last complete checkpoint, so that it goes on and does not begin again
on other data.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import transaction

from annotator import engine
from annotator.enums import JobKind, VersionState
from annotator.exceptions import (
    EngineFailed,
    NothingToTrain,
    WrongState,
)
from annotator.models import Job, ModelVersion, Project, User
from annotator.selectors.training import TrainingPlan, training_plan
from annotator.services.audit import record
from annotator.services.jobs import JobContext, enqueue
from annotator.services.projects import shipped_version
from annotator.services.training_files import (
    Snapshot,
    keep_bundle,
    take_checkpoint,
    take_snapshot,
)
from annotator.services.training_limits import check_room
from annotator.services.training_progress import TrainingProgress
from annotator.services.training_scores import check_version, compare

__all__ = ["RECIPES", "TrainingPlan", "enqueue_training", "training_plan"]

# Recipes of the engine that start from a bundle.
RECIPES = ("adapt", "transfer")
STARTS = ("starter", "active")


def enqueue_training(
    *,
    project: Project,
    actor: User,
    recipe: str = "adapt",
    start_from: str = "starter",
) -> Job:
    """Queue a training on the project's gold notes.

    Starting from the shipped starter each time keeps the errors of earlier rounds
    from adding up; starting from the active version is quicker to learn a new label.
    """
    if recipe not in RECIPES:
        raise WrongState(f"unknown recipe {recipe}; known: {', '.join(RECIPES)}")
    start = _start_version(project, start_from)
    plan = training_plan(project=project)
    if plan.refusal:
        raise NothingToTrain(plan.refusal)
    with transaction.atomic():
        parameters = {
            "recipe": recipe,
            "start_from": start_from,
            "start_version": start.pk,
        }
        check_room(project=project, parameters=parameters, input_digest=plan.digest)
        job = enqueue(
            kind=JobKind.TRAIN,
            project=project,
            actor=actor,
            parameters=parameters,
            input_digest=plan.digest,
        )
        record(
            actor=actor,
            action="training.enqueue",
            subject=f"project:{project.pk}",
            details={"job": job.pk, "notes": plan.n_training_notes},
        )
    return job


def _start_version(project: Project, start_from: str) -> ModelVersion:
    if start_from not in STARTS:
        raise WrongState(f"training starts from one of {', '.join(STARTS)}")
    version = shipped_version() if start_from == "starter" else project.active_version
    if version is None:
        raise WrongState(f"there is no {start_from} model to start from")
    return version


def run_train_job(context: JobContext) -> dict[str, Any]:
    """Train, score beside the active version, and commit the candidate."""
    job = context.job
    project = Project.objects.select_related("active_version").get(jobs__pk=job.pk)
    start = ModelVersion.objects.get(pk=job.parameters["start_version"])
    recipe = str(job.parameters["recipe"])
    started_at = time.monotonic()
    snapshot = take_snapshot(context, project)
    check_version(start)
    if project.active_version is not None:
        # It is scored at the end; better to hear of a damaged one now.
        check_version(project.active_version)
    progress = TrainingProgress(context)
    engine.run_training(
        _arguments(context, snapshot, start, recipe), progress.report, context.check
    )
    if progress.bundle_digest is None:
        raise EngineFailed("EngineFailed", "train ended without a bundle")
    progress.scoring()
    metrics = compare(context, snapshot, active=project.active_version)
    digest = progress.bundle_digest
    path = keep_bundle(context.folder / "bundle", digest)
    seconds = time.monotonic() - started_at
    with context.committing():
        version = ModelVersion.objects.create(
            project=project,
            name=f"v{project.versions.count() + 1}",
            parent=start,
            recipe=recipe,
            state=VersionState.CANDIDATE,
            bundle_path=str(path),
            bundle_digest=digest,
            data_digest=snapshot.digest,
            labels=snapshot.labels,
            metrics=metrics,
            n_training_notes=snapshot.n_train,
            training_seconds=seconds,
        )
        result = {"version": version.pk, "seconds": round(seconds, 1)}
        context.succeed(result)
    return result


def _arguments(
    context: JobContext, snapshot: Snapshot, start: ModelVersion, recipe: str
) -> list[str]:
    arguments = ["--recipe", recipe, "--init", start.bundle_path]
    arguments += ["--train", str(snapshot.train)]
    if snapshot.n_dev:
        arguments += ["--dev", str(snapshot.dev)]
    arguments += ["--labels", ",".join(snapshot.labels)]
    arguments += ["--checkpoints", str(take_checkpoint(context)), "--resume"]
    return [*arguments, "--out", str(context.folder / "bundle")]
