"""How many people have annotated a note, and what asking for more or fewer changes."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotator.enums import NoteState, SetState
from annotator.models import AnnotationSet, Assignment, Note, Project
from annotator.selectors.gold import gold_sets
from annotator.selectors.review import OPEN_NOTE_STATES, OPEN_SET_STATES


@dataclass(frozen=True, slots=True)
class OverlapEffect:
    """What another number of annotators a note does to a project, in counts.

    ``n_reopened`` notes need another person again, and ``n_settled`` no further one;
    in the latter ``n_stranded`` sets that people began can no longer be submitted.
    ``n_no_gold`` notes have gold no more: with several annotators, their annotations
    are not the reference; with one they are, of ``n_several`` notes those submitted
    last.
    """

    overlap: int
    n_reopened: int = 0
    n_settled: int = 0
    n_stranded: int = 0
    n_no_gold: int = 0
    n_several: int = 0

    def __bool__(self) -> bool:
        return self != OverlapEffect(self.overlap)


def overlap_effect(project: Project, overlap: int) -> OverlapEffect:
    """Count what changing the stored number to *overlap* would do."""
    if overlap == project.overlap:
        return OverlapEffect(overlap)
    settled = notes_to_settle(project, overlap)
    begun = AnnotationSet.objects.filter(
        note__in=settled, state__in=OPEN_SET_STATES, revision__gt=0
    )
    n_no_gold = n_several = 0
    if project.overlap == 1:
        n_no_gold = gold_sets(project).filter(is_gold=False).count()
    if overlap == 1:
        states = (*OPEN_NOTE_STATES, NoteState.SUBMITTED)
        notes = Note.objects.filter(project=project, state__in=states)
        n_several = notes.annotate(n=n_submitted()).filter(n__gt=1).count()
    return OverlapEffect(
        overlap,
        n_reopened=notes_to_reopen(project, overlap).count(),
        n_settled=settled.count(),
        n_stranded=begun.count(),
        n_no_gold=n_no_gold,
        n_several=n_several,
    )


def notes_to_settle(project: Project, overlap: int) -> QuerySet[Note]:
    """Return the notes in work that *overlap* people have submitted."""
    notes = Note.objects.filter(project=project, state__in=OPEN_NOTE_STATES)
    return notes.annotate(n=n_submitted()).filter(n__gte=overlap)


def notes_to_reopen(project: Project, overlap: int) -> QuerySet[Note]:
    """Return the submitted notes that fewer than *overlap* people have submitted."""
    notes = Note.objects.filter(project=project, state=NoteState.SUBMITTED)
    return notes.annotate(n=n_submitted()).filter(n__lt=overlap)


def n_submitted() -> Coalesce:
    """Return how many people have submitted a note, as an expression of the note."""
    submitted = AnnotationSet.objects.filter(
        note=OuterRef("pk"), is_gold=False, state=SetState.SUBMITTED
    )
    return count_of(submitted)


def count_of(rows: QuerySet[AnnotationSet] | QuerySet[Assignment]) -> Coalesce:
    """Return how many rows of a note there are, as an expression of the note."""
    counted = rows.order_by().values("note").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
