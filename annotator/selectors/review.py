"""Reads of the review page: the marks of a note as one person may see them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from annotator.enums import NoteState, SetState
from annotator.models import (
    AnnotationSet,
    Note,
    Project,
    Span,
    Suggestion,
    SuggestionDecision,
    User,
)
from annotator.selectors.blocks import Mark

# States of a note in which somebody may still work on it.
OPEN_NOTE_STATES = (NoteState.IMPORTED, NoteState.SUGGESTED, NoteState.IN_PROGRESS)
OPEN_SET_STATES = (SetState.OPEN, SetState.RETURNED)
_DONE = (NoteState.SUBMITTED, NoteState.ADJUDICATED)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a person's batch is."""

    n_done: int
    n_notes: int


def find_set(note: Note, annotator: User) -> AnnotationSet | None:
    """Return the person's set of the note, if they began one."""
    return AnnotationSet.objects.filter(note=note, annotator=annotator).first()


def choose_set(
    *, note: Note, user: User, is_reviewer: bool, set_id: int | None
) -> AnnotationSet | None:
    """Return the set to show: the one asked for, one's own, or the finished one.

    Others' sets are for reviewers, and for everybody where one annotation a note is
    enough and the note is done; with more, each annotates without seeing the others.
    """
    sets = AnnotationSet.objects.filter(note=note).select_related("annotator")
    if set_id is not None and is_reviewer:
        return sets.filter(pk=set_id).first()
    own = sets.filter(annotator=user).first()
    if own is not None or note.state not in _DONE:
        return own
    if not is_reviewer and note.project.overlap > 1:
        return None
    finished = sets.filter(state=SetState.SUBMITTED)
    return finished.order_by("-is_gold", "-submitted_at").first()


def visible_suggestions(
    *, note: Note, annotation_set: AnnotationSet | None
) -> QuerySet[Suggestion]:
    """Return the suggestions that still wait for this person's word.

    None on held-out notes, none below the project's threshold, none that was decided
    and none over exactly the range of a span. Pages, API and gestures all ask here.
    """
    suggestions = Suggestion.objects.filter(note=note)
    if note.is_blind:
        return suggestions.none()
    suggestions = suggestions.filter(
        confidence__gte=note.project.suggestion_threshold
    ).order_by("start_char", "-end_char", "pk")
    if annotation_set is None:
        return suggestions
    decided = SuggestionDecision.objects.filter(
        annotation_set=annotation_set, suggestion=OuterRef("pk")
    )
    same_range = Span.objects.filter(
        annotation_set=annotation_set,
        start_char=OuterRef("start_char"),
        end_char=OuterRef("end_char"),
    )
    return suggestions.exclude(Exists(decided)).exclude(Exists(same_range))


def load_marks(
    *, note: Note, annotation_set: AnnotationSet | None, with_suggestions: bool = True
) -> list[Mark]:
    """Return annotations and waiting suggestions in the order of the text.

    The suggestions are those of `visible_suggestions`. What was decided and what lies
    under a span is left out here and not by the database: writing that query takes
    longer than reading the few rows.
    """
    marks: list[Mark] = []
    decided: set[int] = set()
    if annotation_set is not None:
        marks += [
            Mark(f"a{pk}", start, end, label_id, attributes=tuple(held))
            for pk, start, end, label_id, held in annotation_set.spans.values_list(
                "id", "start_char", "end_char", "label_id", "attributes"
            )
        ]
    if with_suggestions:
        if annotation_set is not None:
            said = annotation_set.decisions.values_list("suggestion_id", flat=True)
            decided = set(said)
        taken = {(mark.start_char, mark.end_char) for mark in marks}
        waiting = visible_suggestions(note=note, annotation_set=None)
        marks += [
            Mark(f"s{pk}", start, end, label_id, confidence)
            for pk, start, end, label_id, confidence in waiting.values_list(
                "id", "start_char", "end_char", "label_id", "confidence"
            )
            if pk not in decided and (start, end) not in taken
        ]
    marks.sort(key=lambda mark: (mark.start_char, -mark.end_char, mark.key))
    return marks


def progress_of(project: Project, annotator: User) -> Progress:
    """Count the notes done and all notes that are not skipped.

    With several annotators a note, done is what this person submitted.
    """
    notes = Note.objects.filter(project=project).exclude(state=NoteState.SKIPPED)
    n_notes = notes.count()
    if project.overlap == 1:
        return Progress(notes.filter(state__in=_DONE).count(), n_notes)
    own = AnnotationSet.objects.filter(
        note__in=notes, annotator=annotator, state=SetState.SUBMITTED
    )
    return Progress(own.count(), n_notes)
