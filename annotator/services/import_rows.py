"""From a checked document to rows: the note, its gold set or its suggestions."""

from __future__ import annotations

import uuid

from django.utils import timezone

from annotator.enums import (
    Action,
    EntityUse,
    NoteState,
    Origin,
    SetState,
    Source,
    Split,
)
from annotator.models import AnnotationSet, Label, Note, Span, SpanEvent, Suggestion
from annotator.services.import_checks import Candidate, ProjectFit

_INSERT_SIZE = 500


def has_gold(candidate: Candidate, fit: ProjectFit) -> bool:
    """Tell whether the note comes with its reference layer, be it empty."""
    return fit.entity_use == EntityUse.GOLD and candidate.entities is not None


def shows_suggestions(candidate: Candidate) -> bool:
    """Tell whether people will annotate the note with suggestions in sight."""
    return candidate.split == Split.TRAIN


def rows_of(candidate: Candidate, fit: ProjectFit) -> int:
    """Count the rows that the document becomes."""
    n_rows = 1 + len(candidate.entities or ())
    return n_rows + 2 if has_gold(candidate, fit) else n_rows


def write_notes(
    candidates: list[Candidate], fit: ProjectFit, job_id: int | None
) -> list[int]:
    """Insert the notes of one transaction; return the ids of those to suggest for."""
    labels = {label.name: label for label in fit.project.labels.all()}
    open_ids: list[int] = []
    sets: list[AnnotationSet] = []
    spans: list[Span] = []
    suggestions: list[Suggestion] = []
    for candidate in candidates:
        note = _note(candidate, fit, job_id)
        note.save(force_insert=True)
        if has_gold(candidate, fit):
            gold = _gold_set(note, candidate, fit)
            gold.save(force_insert=True)
            sets.append(gold)
            spans += _spans(gold, candidate, labels)
        elif shows_suggestions(candidate):
            open_ids.append(note.pk)
            suggestions += _suggestions(note, candidate, labels)
    Span.objects.bulk_create(spans, batch_size=_INSERT_SIZE)
    Suggestion.objects.bulk_create(suggestions, batch_size=_INSERT_SIZE)
    SpanEvent.objects.bulk_create(
        [
            SpanEvent(
                annotation_set=gold,
                client_event_id=uuid.uuid4(),
                action=Action.IMPORT,
                revision=0,
            )
            for gold in sets
        ]
    )
    return open_ids


def _note(candidate: Candidate, fit: ProjectFit, job_id: int | None) -> Note:
    if has_gold(candidate, fit):
        state = NoteState.ADJUDICATED
    elif candidate.entities and shows_suggestions(candidate):
        state = NoteState.SUGGESTED
    else:
        state = NoteState.IMPORTED
    metadata = candidate.metadata
    if job_id is not None:
        metadata = metadata | {"import_job": job_id}
    return Note(
        project=fit.project,
        external_id=candidate.external_id,
        title=candidate.title,
        group_key=candidate.group_key,
        language=candidate.language,
        text=candidate.text,
        sha256=candidate.sha256,
        n_chars=len(candidate.text),
        tokens=candidate.tokens,
        tokenizer_version=candidate.tokenizer_version,
        turns=candidate.turns,
        split=candidate.split,
        state=state,
        exhaustive_for=candidate.exhaustive_for,
        metadata=metadata,
    )


def _gold_set(note: Note, candidate: Candidate, fit: ProjectFit) -> AnnotationSet:
    exhaustive_for = candidate.exhaustive_for
    return AnnotationSet(
        note=note,
        is_gold=True,
        state=SetState.SUBMITTED,
        labels_shown=list(fit.labels) if exhaustive_for is None else exhaustive_for,
        submitted_at=timezone.now(),
    )


def _spans(
    gold: AnnotationSet, candidate: Candidate, labels: dict[str, Label]
) -> list[Span]:
    return [
        Span(
            id=uuid.uuid4(),
            annotation_set=gold,
            start_char=entity["start"],
            end_char=entity["end"],
            label=labels[entity["label"]],
            origin=Origin.IMPORTED,
            attributes=dict.fromkeys(entity.get("attributes", ()), True),
        )
        for entity in candidate.entities or ()
    ]


def _suggestions(
    note: Note, candidate: Candidate, labels: dict[str, Label]
) -> list[Suggestion]:
    return [
        Suggestion(
            note=note,
            source=Source.PROJECTION,
            start_char=entity["start"],
            end_char=entity["end"],
            label=labels[entity["label"]],
            # A file that states none was made by hand or by rule: sure of itself.
            confidence=1.0
            if entity.get("confidence") is None
            else entity["confidence"],
        )
        for entity in candidate.entities or ()
    ]
