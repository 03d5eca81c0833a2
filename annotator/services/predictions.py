"""Suggestions: asking the active model, and storing what it says without touching what
people decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from annotator import engine
from annotator.enums import JobKind, JobState, NoteState, Source, Split
from annotator.models import (
    Job,
    ModelVersion,
    Note,
    Project,
    Suggestion,
    SuggestionDecision,
    User,
)
from annotator.services.jobs import JobContext, enqueue

# Notes about which people have not said their last word.
UNDECIDED = (NoteState.IMPORTED, NoteState.SUGGESTED, NoteState.IN_PROGRESS)
# Notes whose texts are in memory at a time.
N_NOTES_LOADED = 64
N_INSERT_ROWS = 500


def enqueue_predictions(
    *,
    project: Project,
    actor: User | None = None,
    note_ids: Sequence[int] | None = None,
) -> Job:
    """Queue suggestions for the given notes, or for all undecided training notes.

    A job for the whole project that still waits will see every note there is when it
    starts, so it is returned instead of a second one. The row stays locked until the
    caller's transaction commits: no worker can start it before the caller's notes are
    there to see.
    """
    if note_ids is not None:
        return enqueue(
            kind=JobKind.PREDICT,
            project=project,
            actor=actor,
            parameters={"note_ids": sorted(note_ids)},
        )
    with transaction.atomic():
        waiting = (
            Job.objects.select_for_update()
            .filter(
                kind=JobKind.PREDICT,
                project=project,
                subject="",
                state=JobState.QUEUED,
                cancel_requested=False,
                parameters={},
            )
            .first()
        )
        return waiting or enqueue(kind=JobKind.PREDICT, project=project, actor=actor)


def run_predict_job(context: JobContext) -> dict[str, Any]:
    """Suggest entities for the job's notes, a note a transaction.

    The last note done is written with its suggestions, so that a second attempt goes on
    where the first one died. Held-out notes lose those that they were once given.
    """
    project = Project.objects.select_related("active_version").get(
        jobs__pk=context.job.pk
    )
    with context.committing():
        _clear_held_out(project)
    version = project.active_version
    if version is None:
        return {"n_notes": 0, "n_suggestions": 0, "reason": "no active model"}
    note_ids = list(
        undecided_notes(
            project, note_ids=context.job.parameters.get("note_ids")
        ).values_list("pk", flat=True)
    )
    reached = context.job.details.get("reached", {})
    last_note = reached.get("note", 0) if reached.get("version") == version.pk else 0
    n_done = sum(note_id <= last_note for note_id in note_ids)
    for note, entities in _predicted(note_ids[n_done:], version, context):
        n_done += 1
        context.report(
            n_done, len(note_ids), reached={"version": version.pk, "note": note.pk}
        )
        with context.committing():
            store_suggestions(note=note, version=version, entities=entities)
    made = Suggestion.objects.filter(model_version=version, note__in=note_ids)
    return {
        "n_notes": len(note_ids),
        "n_suggestions": made.count(),
        "version": version.pk,
    }


def undecided_notes(
    project: Project, *, note_ids: Sequence[int] | None = None
) -> QuerySet[Note]:
    """Return the notes whose suggestions may still be replaced, in order.

    Held-out notes are annotated without suggestions, so none are made for them: models
    are scored on them by training jobs, from files.
    """
    notes = Note.objects.filter(
        project=project, split=Split.TRAIN, state__in=UNDECIDED
    ).order_by("pk")
    return notes if note_ids is None else notes.filter(pk__in=note_ids)


def _clear_held_out(project: Project) -> None:
    """Drop suggestions of held-out notes: rows of before they were made for none."""
    decided = Exists(SuggestionDecision.objects.filter(suggestion=OuterRef("pk")))
    held_out = Note.objects.filter(project=project).exclude(split=Split.TRAIN)
    Suggestion.objects.filter(~Q(decided), note__in=held_out).delete()
    held_out.filter(state=NoteState.SUGGESTED).update(state=NoteState.IMPORTED)


def _predicted(
    note_ids: Sequence[int], version: ModelVersion, context: JobContext
) -> Iterable[tuple[Note, list[dict[str, Any]]]]:
    for start in range(0, len(note_ids), N_NOTES_LOADED):
        notes = Note.objects.defer("tokens", "metadata").in_bulk(
            note_ids[start : start + N_NOTES_LOADED]
        )
        documents = [
            {"id": str(note.pk), "text": note.text, "language": note.language}
            for note in notes.values()
        ]
        predictions = engine.predict(
            version.bundle_path,
            documents,
            digest=version.bundle_digest,
            watch=context.check,
        )
        for id_, entities in predictions:
            yield notes[int(id_)], entities


def store_suggestions(
    *,
    note: Note,
    version: ModelVersion,
    entities: Iterable[Mapping[str, Any]],
) -> list[Suggestion]:
    """Replace the note's undecided suggestions of models by *entities*.

    Suggestions that somebody decided on stay, and what they say is not said again.
    Labels that the project lacks are left out. A held-out note, and one that was
    submitted, adjudicated or skipped meanwhile, is not touched.
    """
    labels = dict(note.project.labels.values_list("name", "pk"))
    with transaction.atomic():
        open_note = Note.objects.select_for_update().filter(
            pk=note.pk, split=Split.TRAIN, state__in=UNDECIDED
        )
        if not open_note.exists():
            return []
        kept = _drop_undecided(note)
        suggestions = {
            (entity["start"], entity["end"], labels[entity["label"]]): entity
            for entity in entities
            if entity["label"] in labels
        }
        made = Suggestion.objects.bulk_create(
            [
                Suggestion(
                    note=note,
                    source=Source.MODEL,
                    model_version=version,
                    start_char=start_char,
                    end_char=end_char,
                    label_id=label_id,
                    confidence=min(max(float(entity["confidence"]), 0.0), 1.0),
                )
                for (start_char, end_char, label_id), entity in suggestions.items()
                if (start_char, end_char, label_id) not in kept
            ],
            batch_size=N_INSERT_ROWS,
        )
        Note.objects.filter(pk=note.pk, state=NoteState.IMPORTED).update(
            state=NoteState.SUGGESTED
        )
    return made


def _drop_undecided(note: Note) -> set[tuple[int, int, int]]:
    """Delete the model suggestions without a decision; return the others' keys.

    The rows are locked before they are looked at, so that a decision made at the same
    moment either is seen here or finds its suggestion gone.
    """
    decided = Exists(SuggestionDecision.objects.filter(suggestion=OuterRef("pk")))
    of_model = Suggestion.objects.filter(note=note, source=Source.MODEL)
    locked = list(of_model.select_for_update().values_list("pk", flat=True))
    rows = of_model.filter(pk__in=locked)
    rows.filter(~Q(decided)).delete()
    return set(rows.values_list("start_char", "end_char", "label_id"))
