"""The queue table: notes with what is known of them, filtered, sorted, paged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Avg,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce

from annotator.enums import NoteState, Role, SetState, Split
from annotator.models import AnnotationSet, Assignment, Note, Project, Span, Suggestion
from annotator.models import User as Person
from annotator.permissions import has_role

# Below this a suggestion is called one that the model is unsure of, wherever.
UNSURE_BELOW = 0.5

SORTS: dict[str, tuple[str, ...]] = {
    "note": ("external_id", "id"),
    "state": ("state", "id"),
    "split": ("split", "id"),
    "length": ("n_chars", "id"),
    "suggestions": ("n_suggestions", "id"),
    "uncertainty": ("uncertainty", "id"),
    "imported": ("id",),
}
DEFAULT_SORT = "imported"


@dataclass(frozen=True, slots=True)
class NoteFilter:
    """What the table is narrowed to; empty fields narrow nothing."""

    text: str = ""
    label: str = ""
    state: str = ""
    split: str = ""
    flagged: bool = False
    sort: str = DEFAULT_SORT

    @property
    def key(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def descending(self) -> bool:
        return self.sort.startswith("-")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a project's notes are."""

    n_notes: int
    n_done: int
    n_in_progress: int

    @property
    def percent(self) -> int:
        return round(100 * self.n_done / self.n_notes) if self.n_notes else 0


def note_rows(project: Project, person: Person, wanted: NoteFilter) -> QuerySet[Note]:
    """Return the notes with ``n_suggestions``, ``n_unsure``, ``uncertainty``,
    ``reason``, ``is_mine`` and ``is_flagged``.

    Held-out notes say nothing of their suggestions: whoever annotates them must not
    know. The texts stay in the database.
    """
    shown = Suggestion.objects.filter(
        note=OuterRef("pk"),
        note__split=Split.TRAIN,
        confidence__gte=project.suggestion_threshold,
    ).order_by()
    mine = AnnotationSet.objects.filter(
        note=OuterRef("pk"), annotator=person, state=SetState.OPEN
    )
    sets = sets_shown_to(person, project)
    reason = Assignment.objects.filter(note=OuterRef("pk"), annotator=person)
    notes = (
        Note.objects.filter(project=project)
        .defer("text", "tokens", "turns", "metadata")
        .annotate(
            n_suggestions=_aggregate(shown, Count("pk")),
            n_unsure=_aggregate(shown.filter(confidence__lt=UNSURE_BELOW), Count("pk")),
            uncertainty=Subquery(
                shown.values("note").annotate(x=1 - Avg("confidence")).values("x")
            ),
            reason=Coalesce(Subquery(reason.values("reason")[:1]), Value("")),
            is_mine=Exists(mine),
            is_flagged=Exists(_flagged(sets)),
        )
    )
    return _narrow(notes, project, sets, wanted).order_by(*_order(wanted))


def progress_of(project: Project) -> Progress:
    """Count the project's notes in one query."""
    done = Q(state__in=[NoteState.SUBMITTED, NoteState.ADJUDICATED])
    counts = Note.objects.filter(project=project).aggregate(
        n_notes=Count("pk"),
        n_done=Count("pk", filter=done),
        n_in_progress=Count("pk", filter=Q(state=NoteState.IN_PROGRESS)),
    )
    return Progress(**counts)


def _aggregate(suggestions: QuerySet[Suggestion], what: Count) -> Coalesce:
    counted = suggestions.values("note").annotate(x=what).values("x")
    return Coalesce(Subquery(counted), Value(0))


def _narrow(
    notes: QuerySet[Note],
    project: Project,
    sets: QuerySet[AnnotationSet],
    wanted: NoteFilter,
) -> QuerySet[Note]:
    """Narrow the notes; *sets* are those that the person may see."""
    if wanted.state:
        notes = notes.filter(state=wanted.state)
    if wanted.split:
        notes = notes.filter(split=wanted.split)
    if wanted.flagged:
        notes = notes.filter(Exists(_flagged(sets)))
    if wanted.text:
        notes = notes.filter(
            Q(external_id__icontains=wanted.text)
            | Q(title__icontains=wanted.text)
            | Q(text__icontains=wanted.text)
        )
    if wanted.label:
        spans = Span.objects.filter(
            annotation_set__note=OuterRef("pk"),
            annotation_set__in=sets,
            label__name=wanted.label,
        )
        suggestions = Suggestion.objects.filter(
            note=OuterRef("pk"),
            note__split=Split.TRAIN,
            label__name=wanted.label,
            confidence__gte=project.suggestion_threshold,
        )
        notes = notes.filter(Exists(spans) | Exists(suggestions))
    return notes


def sets_shown_to(person: Person, project: Project) -> QuerySet[AnnotationSet]:
    """Return the sets that the person may see: a filter must not tell of others.

    As `selectors.review.choose_set` shows them: all to reviewers, to others their own,
    and finished ones of finished notes where one annotation a note is enough.
    """
    sets = AnnotationSet.objects.filter(note__project=project).order_by()
    if has_role(person, project, Role.REVIEWER):
        return sets
    shown = Q(annotator=person)
    if project.overlap == 1:
        finished = [NoteState.SUBMITTED, NoteState.ADJUDICATED]
        shown |= Q(state=SetState.SUBMITTED, note__state__in=finished)
    return sets.filter(shown)


def _flagged(sets: QuerySet[AnnotationSet]) -> QuerySet[AnnotationSet]:
    """Return those of a note on which somebody asked for a second look."""
    return sets.filter(note=OuterRef("pk"), is_flagged=True)


def _order(wanted: NoteFilter) -> list[Any]:
    fields = SORTS.get(wanted.key, SORTS[DEFAULT_SORT])
    if wanted.descending:
        return [F(name).desc(nulls_last=True) for name in fields]
    return [F(name).asc(nulls_last=True) for name in fields]
