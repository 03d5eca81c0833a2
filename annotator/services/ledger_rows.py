"""Taking a revision of a set and writing what was done at it into the ledger."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F

from annotator.models import AnnotationSet, SpanEvent, User
from annotator.selectors.review import OPEN_SET_STATES
from annotator.services.active_time import with_step
from annotator.services.ledger_changes import Plan


def take_revision(
    annotation_set: AnnotationSet, *, base_revision: int, active_seconds: int = 0
) -> bool:
    """Advance the revision if it is the one the gesture was made at.

    The UPDATE also locks the row until the transaction ends.
    """
    n_updated = AnnotationSet.objects.filter(
        pk=annotation_set.pk, revision=base_revision, state__in=OPEN_SET_STATES
    ).update(
        revision=F("revision") + 1,
        active_seconds=with_step(annotation_set, active_seconds),
    )
    return n_updated == 1


def write_events(
    annotation_set: AnnotationSet,
    *,
    actor: User,
    client_event_id: UUID,
    revision: int,
    action: str,
    plan: Plan,
    group: UUID | None = None,
) -> list[SpanEvent]:
    """Write the ledger's rows; a gesture that changed nothing leaves one as well."""
    events = [
        SpanEvent(
            annotation_set=annotation_set,
            revision=revision,
            ordinal=ordinal,
            client_event_id=client_event_id,
            group=group,
            actor=actor,
            action=action,
            target_revision=plan.target_revision,
            span_id=(change.after or change.before or {}).get("id"),
            before=change.before,
            after=change.after,
            suggestion=change.suggestion,
            decision_before=change.decision_before,
            decision_after=change.decision_after,
            confidence=change.confidence,
            model_version_id=change.model_version_id,
        )
        for ordinal, change in enumerate(plan.changes)
    ]
    if not events:
        events = [
            SpanEvent(
                annotation_set=annotation_set,
                revision=revision,
                client_event_id=client_event_id,
                group=group,
                actor=actor,
                action=action,
                target_revision=plan.target_revision,
            )
        ]
    return SpanEvent.objects.bulk_create(events)


def add_labels_shown(annotation_set: AnnotationSet, plan: Plan) -> None:
    """Add the labels of the spans written, by their present names."""
    used = {c.after["label_id"]: c.after["label"] for c in plan.changes if c.after}
    if set(used.values()) <= set(annotation_set.labels_shown):
        return
    # The row is locked since the revision was taken: read what it holds now.
    annotation_set.refresh_from_db(fields=["labels_shown"])
    names = annotation_set.note.project.labels.filter(pk__in=used)
    missing = [
        name
        for name in names.values_list("name", flat=True)
        if name not in annotation_set.labels_shown
    ]
    if missing:
        annotation_set.labels_shown = [*annotation_set.labels_shown, *missing]
        annotation_set.save(update_fields=["labels_shown"])
