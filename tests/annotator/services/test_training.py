"""Retraining: what it takes, what it makes, how it ends."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from django.db import connection

from annotator import engine
from annotator.enums import JobKind, JobState, SetState, Split, VersionState
from annotator.exceptions import EngineFailed, SameTraining, WrongState
from annotator.models import AuditEntry, Job, ModelVersion
from annotator.selectors.training import training_plan
from annotator.services import job_runner, jobs
from annotator.services.training import enqueue_training
from annotator.services.training_files import (
    keep_bundle,
    take_checkpoint,
    take_snapshot,
)
from annotator.services.training_progress import TrainingProgress
from annotator.services.training_scores import compare
from tests.annotator.factories import (
    SPANS,
    make_job,
    make_member,
    make_note,
    make_project,
    make_set,
    make_user,
    make_version,
)
from tests.tiny import tiny_documents


@pytest.fixture
def project(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path
    return make_project(active_version=make_version(state=VersionState.ACTIVE))


def add_gold(project, split=Split.TRAIN, **fields):
    note = make_note(project, split=split, **fields)
    return make_set(note, spans=SPANS)


# Before the job -------------------------------------------------------------------


@pytest.mark.django_db
def test_plan_counts_settled_notes_by_split_and_label(project):
    for split in (Split.TRAIN, Split.TRAIN, Split.TEST):
        add_gold(project, split)
    reviewer = make_member(project)
    open_set = make_set(make_note(project), reviewer, SPANS[:1])
    plan = training_plan(project=project)
    assert plan.n_notes == {"train": 2, "dev": 0, "test": 1}
    assert plan.n_spans["train"] == {
        "MEDICATION": 2,
        "DOSAGE": 2,
        "FREQUENCY": 2,
        "DURATION": 2,
        "FINDING": 2,
    }
    assert (plan.n_training_notes, plan.n_training_spans) == (2, 10)
    assert plan.refusal == ""
    assert plan.estimated_seconds > 0
    open_set.state = SetState.SUBMITTED
    open_set.save(update_fields=["state"])
    later = training_plan(project=project)
    assert later.n_spans["train"]["FINDING"] == 3
    assert later.digest != plan.digest


@pytest.mark.django_db
def test_digest_leaves_test_notes_out(project):
    add_gold(project)
    before = training_plan(project=project).digest
    add_gold(project, Split.TEST)
    assert training_plan(project=project).digest == before


@pytest.mark.django_db
def test_enqueue_refuses_without_anything_to_learn(project):
    with pytest.raises(WrongState, match="no submitted notes"):
        enqueue_training(project=project, actor=make_user())
    make_set(make_note(project))
    with pytest.raises(WrongState, match="no annotations"):
        enqueue_training(project=project, actor=make_user())
    add_gold(project)
    with pytest.raises(WrongState, match="recipe"):
        enqueue_training(project=project, actor=make_user(), recipe="none")
    with pytest.raises(WrongState, match="starts from"):
        enqueue_training(project=project, actor=make_user(), start_from="nothing")
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_enqueue_refuses_when_there_is_no_model_to_start_from(settings, tmp_path):
    project = make_project()
    add_gold(project)
    for start_from in ("starter", "active"):
        with pytest.raises(WrongState, match=r"no .* model"):
            enqueue_training(project=project, actor=make_user(), start_from=start_from)


@pytest.mark.django_db
def test_one_training_runs_and_one_waits(project):
    add_gold(project)
    actor = make_user()
    first = enqueue_training(project=project, actor=actor)
    assert first.parameters == {
        "recipe": "adapt",
        "start_from": "starter",
        "start_version": project.active_version_id,
    }
    assert first.input_digest == training_plan(project=project).digest
    assert AuditEntry.objects.get().action == "training.enqueue"
    assert jobs.claim(job_id=first.pk, worker="w") is not None
    add_gold(project)
    second = enqueue_training(project=project, actor=actor)
    assert jobs.claim(job_id=second.pk, worker="w") is None
    add_gold(project)
    with pytest.raises(WrongState, match="waits already"):
        enqueue_training(project=project, actor=actor)


@pytest.mark.django_db
def test_the_same_training_neither_waits_twice_nor_behind_itself(project):
    add_gold(project)
    actor = make_user()
    first = enqueue_training(project=project, actor=actor)
    with pytest.raises(SameTraining, match=f"job {first.pk}"):
        enqueue_training(project=project, actor=actor)
    assert jobs.claim(job_id=first.pk, worker="w") is not None
    with pytest.raises(SameTraining, match=f"job {first.pk}"):
        enqueue_training(project=project, actor=actor)
    other = enqueue_training(project=project, actor=actor, recipe="transfer")
    ended = Job.objects.filter(pk__in=[first.pk, other.pk])
    ended.update(state=JobState.FAILED, lease_until=None)
    assert enqueue_training(project=project, actor=actor).pk not in (first.pk, other.pk)


# Files ----------------------------------------------------------------------------


def claim(project, **fields):
    job = make_job(project, JobKind.TRAIN, **fields)
    context = jobs.claim(job_id=job.pk, worker="w1")
    assert context is not None
    return context


def claim_again(context):
    Job.objects.filter(pk=context.job.pk).update(
        state=JobState.QUEUED, lease_until=None
    )
    again = jobs.claim(job_id=context.job.pk, worker="w2")
    assert again is not None
    return again


@pytest.mark.django_db
def test_a_later_attempt_learns_from_the_first_ones_snapshot(project):
    add_gold(project)
    add_gold(project, Split.DEV)
    first = claim(project)
    snapshot = take_snapshot(first, project)
    assert (snapshot.n_train, snapshot.n_dev, snapshot.n_test) == (1, 1, 0)
    assert snapshot.digest == training_plan(project=project).digest
    assert snapshot.held_out == ("dev", snapshot.dev)
    add_gold(project)
    again = take_snapshot(claim_again(first), project)
    assert again.digest == snapshot.digest
    assert again.folder != snapshot.folder
    assert again.train.read_bytes() == snapshot.train.read_bytes()


@pytest.mark.django_db
def test_a_snapshot_that_was_not_finished_is_not_taken_over(project):
    add_gold(project)
    first = claim(project)
    (first.folder / "train.jsonl").write_text("half a li")
    snapshot = take_snapshot(claim_again(first), project)
    assert snapshot.n_train == 1
    assert snapshot.train.read_text().count("\n") == 1


@pytest.mark.django_db
def test_the_last_complete_checkpoint_is_taken_over(project):
    first = claim(project)
    folder = take_checkpoint(first)
    assert list(folder.iterdir()) == []
    for name in ("step-00000004", ".partial-00000009"):
        (folder / name).mkdir()
        (folder / name / "state.json").write_text(name)
    second = claim_again(first)
    third = claim_again(second)
    taken = take_checkpoint(third)
    assert taken == third.folder / "checkpoints"
    assert [path.name for path in taken.iterdir()] == ["step-00000004"]
    assert (taken / "step-00000004" / "state.json").read_text() == "step-00000004"


@pytest.mark.django_db
def test_a_bundle_lies_under_its_digest_once(settings, tmp_path):
    settings.ANNOTATOR_DATA_DIR = tmp_path / "data"
    for number in range(2):
        bundle = tmp_path / f"bundle{number}"
        bundle.mkdir()
        (bundle / "manifest.json").write_text("{}")
        kept = keep_bundle(bundle, "abc")
        assert kept == tmp_path / "data" / "bundles" / "abc"
        assert not bundle.exists()
    assert [path.name for path in kept.iterdir()] == ["manifest.json"]


# Progress -------------------------------------------------------------------------


@pytest.mark.django_db
def test_events_become_curve_log_and_estimates(project):
    context = claim(project, details={"curve": [{"epoch": 1, "loss": 2.0, "f1": 0.1}]})
    progress = TrainingProgress(context)
    step = {"event": "step", "steps": 8, "learning_rate": 1e-4, "rss_mb": 300.0}
    for event in (
        {"event": "start", "steps": 8, "epochs": 2, "n_train": 3, "n_dev": 1},
        step | {"step": 5, "epoch": 2, "loss": 0.5, "eta_seconds": 9.0},
        step | {"step": 6, "epoch": 2, "loss": 0.25, "eta_seconds": 6.0},
        {"event": "from a later engine"},
        {
            "event": "evaluation",
            "epoch": 2,
            "step": 8,
            "f1": 0.5,
            "precision": 0.4,
            "recall": 0.6,
            "labels": {},
        },
        {"event": "checkpoint", "step": 8, "path": "/somewhere"},
    ):
        progress.report(event)
    details = context.job.details
    assert details["curve"] == [
        {"epoch": 1, "loss": 2.0, "f1": 0.1},
        {"epoch": 2, "loss": 0.375, "f1": 0.5},
    ]
    assert (details["eta_seconds"], details["rss_mb"]) == (6.0, 300.0)
    assert (context.job.progress_done, context.job.progress_total) == (6, 8)
    assert details["log"][0] == {
        "event": "start",
        "n_train": 3,
        "n_dev": 1,
        "epochs": 2,
        "steps": 8,
    }
    assert details["log"][-1] == {"event": "checkpoint", "step": 8}
    assert progress.bundle_digest is None
    progress.report({"event": "done", "digest": "d" * 64, "bundle": "x", "metrics": {}})
    assert progress.bundle_digest == "d" * 64


# The job itself, with a real child --------------------------------------------------


@pytest.fixture
def annotated(project, tiny_bundle):
    """A project with tiny gold notes in every split, on the tiny bundle."""
    summary = engine.describe_bundle(tiny_bundle)
    ModelVersion.objects.filter(pk=project.active_version_id).update(
        bundle_path=str(tiny_bundle), bundle_digest=summary.digest
    )
    documents = tiny_documents(16, seed=7, languages=("es",))
    for number, document in enumerate(documents):
        split = [Split.TRAIN, Split.TRAIN, Split.DEV, Split.TEST][number % 4]
        # texts of one template may be equal, and a project takes a text once
        note = make_note(project, f"{document.text}\nNota {number}.", split=split)
        spans = [(s.start_char, s.end_char, s.label) for s in document.spans or ()]
        make_set(note, spans=spans)
    project.refresh_from_db()
    return project


@pytest.mark.django_db(transaction=True)
def test_a_training_makes_a_candidate_with_scores_beside_the_active_one(annotated):
    job = enqueue_training(project=annotated, actor=make_user())
    job_runner.run_job(job_id=job.pk, worker="w1")
    job.refresh_from_db()
    assert (job.state, job.error_message) == (JobState.SUCCEEDED, "")
    version = annotated.versions.get()
    assert job.result["version"] == version.pk
    assert (version.name, version.state) == ("v1", VersionState.CANDIDATE)
    assert version.parent == annotated.active_version
    assert version.recipe == "adapt"
    assert version.n_training_notes == 8
    assert version.training_seconds > 0
    assert version.data_digest == job.input_digest
    assert version.labels == list(annotated.labels.values_list("name", flat=True))
    # the bundle lies under its digest, and is what the row says
    path = Path(version.bundle_path)
    assert path.name == version.bundle_digest
    assert engine.describe_bundle(path).digest == version.bundle_digest
    metrics = version.metrics
    assert (metrics["split"], metrics["n_notes"]) == ("test", 4)
    assert metrics["enough"] is False
    for part in ("candidate", "active"):
        assert 0 <= metrics[part]["micro"]["f1"] <= 1
        assert len(metrics[part]["micro"]["interval"]) == 2
        assert metrics[part]["micro"]["n_gold"] == metrics["n_spans"] > 0
    assert metrics["active"]["version"] == annotated.active_version_id
    assert metrics["difference"]["f1"] == pytest.approx(
        metrics["candidate"]["micro"]["f1"] - metrics["active"]["micro"]["f1"]
    )
    details = job.details
    assert details["stage"] == "scoring"
    assert {"epoch", "loss", "f1"} == set(details["curve"][0])
    assert details["rss_mb"] > 0
    # nobody asked for it yet
    annotated.refresh_from_db()
    assert annotated.active_version != version


@pytest.mark.django_db(transaction=True)
def test_a_running_training_is_cancelled_within_five_seconds(annotated):
    job = enqueue_training(project=annotated, actor=make_user())
    asked_at: list[float] = []

    def cancel() -> None:
        try:
            for _ in range(600):
                row = Job.objects.get(pk=job.pk)
                if row.progress_done > 0:
                    jobs.request_cancel(job=row, actor=None)
                    asked_at.append(time.monotonic())
                    return
                time.sleep(0.1)
        finally:
            connection.close()

    thread = threading.Thread(target=cancel)
    thread.start()
    job_runner.run_job(job_id=job.pk, worker="w1")
    ended_at = time.monotonic()
    thread.join()
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert ended_at - asked_at[0] < 5
    assert not annotated.versions.exists()
    # what it had is kept for "run again"
    assert (jobs.job_folder(job.pk) / "attempt-1" / "snapshot.json").is_file()


@pytest.mark.django_db(transaction=True)
def test_a_training_that_cannot_start_says_why(annotated):
    job = enqueue_training(project=annotated, actor=make_user())
    ModelVersion.objects.update(bundle_path="/nonexistent/bundle")
    job_runner.run_job(job_id=job.pk, worker="w1")
    job.refresh_from_db()
    assert (job.state, job.error_class) == (JobState.FAILED, "BundleError")
    assert "cannot be used" in job.error_message


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("start_from", ["starter", "active"])
def test_a_training_refuses_a_bundle_that_is_not_the_one_registered(
    annotated, tiny_bundle, start_from
):
    active = make_version(
        annotated,
        name="v9",
        state=VersionState.ACTIVE,
        bundle_path=str(tiny_bundle),
        bundle_digest="0" * 64,
    )
    annotated.active_version = active
    annotated.save(update_fields=["active_version"])
    job = enqueue_training(project=annotated, actor=make_user(), start_from=start_from)
    job_runner.run_job(job_id=job.pk, worker="w1")
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert job.error_message.startswith("BundleMismatch: version v9 cannot be used")
    assert list(annotated.versions.all()) == [active]


@pytest.mark.django_db
def test_scoring_refuses_an_active_bundle_that_changed(annotated):
    context = claim(annotated)
    snapshot = take_snapshot(context, annotated)
    annotated.active_version.bundle_digest = "0" * 64
    with pytest.raises(EngineFailed, match="BundleMismatch"):
        compare(context, snapshot, active=annotated.active_version)
