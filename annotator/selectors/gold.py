"""Which annotations count as gold, and their interchange form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from annotator.enums import Attribute, NoteState, SetState
from annotator.models import AnnotationSet, Project, Span


def gold_sets(
    project: Project, *, splits: Iterable[str] | None = None
) -> QuerySet[AnnotationSet]:
    """Return one set a note, in the order of the notes, with notes and spans loaded.

    The gold layer where a note has one (unless it is open again); else, while overlap
    is 1, the set submitted last. Skipped notes have no gold.
    """
    sets = AnnotationSet.objects.filter(
        note__project=project, state=SetState.SUBMITTED
    ).exclude(note__state=NoteState.SKIPPED)
    if splits is not None:
        sets = sets.filter(note__split__in=list(splits))
    wanted = Q(is_gold=True)
    if project.overlap == 1:
        of_note = AnnotationSet.objects.filter(note=OuterRef("note"))
        later = of_note.filter(is_gold=False, state=SetState.SUBMITTED).filter(
            Q(submitted_at__gt=OuterRef("submitted_at"))
            | Q(submitted_at=OuterRef("submitted_at"), pk__gt=OuterRef("pk"))
        )
        wanted |= ~Exists(of_note.filter(is_gold=True)) & ~Exists(later)
    spans = Span.objects.select_related("label").order_by(
        "start_char", "end_char", "label__name"
    )
    return (
        sets.filter(wanted)
        .select_related("note", "note__project")
        .prefetch_related(Prefetch("spans", queryset=spans))
        .order_by("note_id")
    )


def gold_document(
    annotation_set: AnnotationSet, *, with_attributes: bool = False
) -> dict[str, Any]:
    """Return the set as a row of Document JSONL.

    ``exhaustive_for`` is what the annotator could mark and left nothing undecided of:
    the heads of the other labels learn from the annotated tokens alone. Entities say
    their clinical context where *with_attributes*: no training reads it, and data that
    differ in nothing else are the same to it.
    """
    note = annotation_set.note
    undecided = set(annotation_set.labels_undecided)
    document: dict[str, Any] = {
        "id": note.external_id,
        "text": note.text,
        "language": note.language,
        "genre": note.project.genre,
        "title": note.title,
        "split": note.split,
        "group": note.group_key,
        "exhaustive_for": [
            name for name in annotation_set.labels_shown if name not in undecided
        ],
        "entities": [
            _entity(span, with_attributes=with_attributes)
            for span in annotation_set.spans.all()
        ],
    }
    if note.turns:
        document["turns"] = note.turns
    return document


def _entity(span: Span, *, with_attributes: bool) -> dict[str, Any]:
    entity = {"start": span.start_char, "end": span.end_char, "label": span.label.name}
    names = [name for name in Attribute.values if span.attributes.get(name)]
    return {**entity, "attributes": names} if with_attributes and names else entity
