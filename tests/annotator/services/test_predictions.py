"""Suggestions: what a new prediction replaces, and what it must leave alone."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from annotator import engine
from annotator.enums import (
    DecisionKind,
    JobKind,
    JobState,
    NoteState,
    Source,
    Split,
)
from annotator.models import Job, Suggestion, SuggestionDecision
from annotator.services import job_runner, jobs, leases
from annotator.services.predictions import enqueue_predictions, store_suggestions
from tests.annotator.factories import (
    make_job,
    make_member,
    make_note,
    make_project,
    make_set,
    make_suggestion,
    make_version,
)
from tests.tiny import tiny_documents


def entity(start, end, label, confidence=0.8):
    return {"start": start, "end": end, "label": label, "confidence": confidence}


def ranges(note):
    rows = note.suggestions.order_by("start_char", "end_char", "label__name")
    return list(rows.values_list("start_char", "end_char", "label__name"))


@pytest.mark.django_db
def test_store_writes_suggestions_and_moves_the_note_on():
    project = make_project()
    note, version = make_note(project), make_version(project)
    made = store_suggestions(
        note=note,
        version=version,
        entities=[entity(0, 5, "FINDING", 0.25), entity(6, 8, "DOSAGE", 1.0000001)],
    )
    assert ranges(note) == [(0, 5, "FINDING"), (6, 8, "DOSAGE")]
    assert [(s.confidence, s.model_version, s.source) for s in made] == [
        (0.25, version, Source.MODEL),
        (1.0, version, Source.MODEL),
    ]
    note.refresh_from_db()
    assert note.state == NoteState.SUGGESTED


@pytest.mark.django_db
def test_store_leaves_out_labels_that_the_project_lacks_and_repeats():
    note = make_note()
    entities = [entity(0, 5, "GENE"), entity(0, 5, "FINDING"), entity(0, 5, "FINDING")]
    store_suggestions(note=note, version=make_version(), entities=entities)
    assert ranges(note) == [(0, 5, "FINDING")]


@pytest.mark.django_db
def test_store_replaces_undecided_and_keeps_decided_suggestions():
    project = make_project()
    note = make_note(project, state=NoteState.IN_PROGRESS)
    old, new = make_version(project), make_version(project)
    undecided = make_suggestion(note, 0, 5, "FINDING", model_version=old)
    rejected = make_suggestion(note, 6, 8, "DOSAGE", model_version=old)
    pattern = make_suggestion(note, 9, 12, "DURATION")
    annotation_set = make_set(note, make_member(project))
    SuggestionDecision.objects.create(
        annotation_set=annotation_set, suggestion=rejected, kind=DecisionKind.REJECTED
    )
    store_suggestions(
        note=note,
        version=new,
        entities=[entity(6, 8, "DOSAGE"), entity(13, 15, "FINDING")],
    )
    assert ranges(note) == [
        (6, 8, "DOSAGE"),
        (9, 12, "DURATION"),
        (13, 15, "FINDING"),
    ]
    assert not Suggestion.objects.filter(pk=undecided.pk).exists()
    rejected.refresh_from_db()
    assert (rejected.model_version, rejected.decisions.count()) == (old, 1)
    assert Suggestion.objects.filter(pk=pattern.pk).exists()
    note.refresh_from_db()
    assert note.state == NoteState.IN_PROGRESS


@pytest.mark.django_db
@pytest.mark.parametrize(
    "state", [NoteState.SUBMITTED, NoteState.ADJUDICATED, NoteState.SKIPPED]
)
def test_store_does_not_touch_a_note_that_was_settled_meanwhile(state):
    note = make_note()
    make_suggestion(note, 0, 5, "FINDING", model_version=make_version())
    type(note).objects.filter(pk=note.pk).update(state=state)
    made = store_suggestions(
        note=note, version=make_version(), entities=[entity(6, 8, "DOSAGE")]
    )
    assert made == []
    assert ranges(note) == [(0, 5, "FINDING")]


@pytest.mark.django_db
def test_enqueue_for_the_whole_project_reuses_the_waiting_job():
    project = make_project()
    first = enqueue_predictions(project=project)
    assert enqueue_predictions(project=project) == first
    assert enqueue_predictions(project=make_project()) != first
    some = enqueue_predictions(project=project, note_ids=[3, 1])
    assert some.parameters == {"note_ids": [1, 3]}
    assert jobs.claim(job_id=first.pk, worker="w") is not None
    again = enqueue_predictions(project=project)
    assert again != first
    assert again.state == JobState.QUEUED


@pytest.fixture
def demo(tiny_bundle, own_engine, settings, tmp_path):
    """A project with the tiny bundle as its model, and its notes by state."""
    settings.ANNOTATOR_DATA_DIR = tmp_path
    summary = engine.describe_bundle(tiny_bundle)
    version = make_version(bundle_path=str(tiny_bundle), bundle_digest=summary.digest)
    project = make_project(active_version=version)
    for number, document in enumerate(tiny_documents(8, seed=5, languages=("es",))):
        make_note(project, f"{number}. {document.text}")
    return project


@pytest.mark.django_db(transaction=True)
def test_the_job_suggests_for_undecided_notes_only(demo):
    notes = list(demo.notes.all())
    for note, state in zip(
        notes, [NoteState.SUBMITTED, NoteState.SKIPPED], strict=False
    ):
        note.state = state
        note.save(update_fields=["state"])
    notes[2].split = Split.TEST
    notes[2].save(update_fields=["split"])
    job = enqueue_predictions(project=demo)
    job_runner.run_job(job_id=job.pk, worker="w1")
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    assert (job.progress_done, job.progress_total) == (5, 5)
    states = [note.state for note in demo.notes.order_by("pk")]
    assert states == ["submitted", "skipped", "imported", *["suggested"] * 5]
    assert job.result["n_suggestions"] == Suggestion.objects.count() > 5
    assert not notes[0].suggestions.exists()
    # held-out notes are annotated blind
    assert not notes[2].suggestions.exists()
    for suggestion in Suggestion.objects.select_related("note"):
        surface = suggestion.note.text[suggestion.start_char : suggestion.end_char]
        assert surface == surface.strip() != ""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("split", [Split.DEV, Split.TEST])
def test_the_job_makes_none_for_held_out_notes_and_drops_old_ones(demo, split):
    """Also when it is asked for this very note."""
    note = demo.notes.first()
    begun = demo.notes.last()
    demo.notes.filter(pk__in=[note.pk, begun.pk]).update(split=split)
    demo.notes.filter(pk=note.pk).update(state=NoteState.SUGGESTED)
    demo.notes.filter(pk=begun.pk).update(state=NoteState.IN_PROGRESS)
    for held_out in (note, begun):
        make_suggestion(held_out, 0, 2, "FINDING", model_version=demo.active_version)
        make_suggestion(held_out, 0, 2, "FINDING")
    job = enqueue_predictions(project=demo, note_ids=[note.pk, begun.pk])
    job_runner.run_job(job_id=job.pk, worker="w1")
    job.refresh_from_db()
    assert (job.state, job.result["n_notes"]) == (JobState.SUCCEEDED, 0)
    assert not Suggestion.objects.exists()
    note.refresh_from_db()
    begun.refresh_from_db()
    assert (note.state, begun.state) == (NoteState.IMPORTED, NoteState.IN_PROGRESS)


@pytest.mark.django_db
def test_store_leaves_a_held_out_note_alone():
    note = make_note(split=Split.TEST)
    entities = [entity(0, 5, "FINDING")]
    assert store_suggestions(note=note, version=make_version(), entities=entities) == []
    note.refresh_from_db()
    assert (note.state, note.suggestions.count()) == (NoteState.IMPORTED, 0)


@pytest.mark.django_db(transaction=True)
def test_a_second_attempt_goes_on_where_the_first_died(demo):
    notes = list(demo.notes.order_by("pk"))
    job = enqueue_predictions(project=demo)
    details = {"reached": {"version": demo.active_version_id, "note": notes[4].pk}}
    Job.objects.filter(pk=job.pk).update(details=details)
    job_runner.run_job(job_id=job.pk, worker="w1")
    job.refresh_from_db()
    assert (job.state, job.progress_done) == (JobState.SUCCEEDED, 8)
    predicted = set(Suggestion.objects.values_list("note", flat=True))
    assert predicted <= {note.pk for note in notes[5:]} != set()


@pytest.mark.django_db(transaction=True)
def test_a_job_whose_version_changed_begins_anew(demo):
    last = demo.notes.order_by("pk").last()
    job = enqueue_predictions(project=demo)
    other = make_version(demo)
    details = {"reached": {"version": other.pk, "note": last.pk}}
    Job.objects.filter(pk=job.pk).update(details=details)
    job_runner.run_job(job_id=job.pk, worker="w1")
    assert set(demo.notes.values_list("state", flat=True)) == {NoteState.SUGGESTED}


@pytest.mark.django_db(transaction=True)
def test_a_project_without_a_model_gets_none():
    project = make_project()
    make_note(project)
    job = enqueue_predictions(project=project)
    job_runner.run_job(job_id=job.pk, worker="w1")
    job.refresh_from_db()
    assert (job.state, job.result["n_notes"]) == (JobState.SUCCEEDED, 0)


@pytest.mark.django_db(transaction=True)
def test_a_replaced_bundle_fails_the_job(demo):
    demo.active_version.bundle_digest = "0" * 64
    demo.active_version.save(update_fields=["bundle_digest"])
    job = enqueue_predictions(project=demo)
    job_runner.run_job(job_id=job.pk, worker="w1")
    job.refresh_from_db()
    assert (job.state, job.error_class) == (JobState.FAILED, "BundleMismatch")
    assert not Suggestion.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_lost_its_lease_stores_nothing_more(demo):
    job = make_job(demo, JobKind.PREDICT, dispatched_at=timezone.now())
    context = jobs.claim(job_id=job.pk, worker="w1")
    Job.objects.filter(pk=job.pk).update(fencing_token=2)
    job_runner._run(context)
    assert not Suggestion.objects.exists()
    assert not leases.stopping.is_set()
    with transaction.atomic():
        job.refresh_from_db()
    assert job.state == JobState.RUNNING
