"""What happened to a set meanwhile, told to a browser whose gesture came too late."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from annotator.models import AnnotationSet, SpanEvent

Place = dict[str, Any]


def changes_since(annotation_set: AnnotationSet, revision: int) -> list[dict[str, Any]]:
    """Return what each gesture after *revision* did, oldest first.

    Positions, labels and ids: the browser holds the text and compares with its own.
    """
    return _described(annotation_set.events.filter(revision__gt=revision))


def changes_of_target(
    annotation_set: AnnotationSet, *, span_id: object, suggestion_id: int | None
) -> list[dict[str, Any]]:
    """Return what was done so far to one span or suggestion, oldest first."""
    about = Q(pk__in=())
    if span_id is not None:
        about |= Q(span_id=span_id)
    if suggestion_id is not None:
        about |= Q(suggestion_id=suggestion_id)
    return _described(annotation_set.events.filter(about))


def _described(events: QuerySet[SpanEvent]) -> list[dict[str, Any]]:
    rows = events.select_related("suggestion__label").order_by("revision", "ordinal")
    return [
        {
            "revision": event.revision,
            "action": event.action,
            "client_event_id": str(event.client_event_id),
            "at": event.at.isoformat(timespec="seconds"),
            "span_id": str(event.span_id) if event.span_id else None,
            "suggestion_id": event.suggestion_id,
            "before": _place(event.before),
            "after": _place(event.after),
            "suggested": _suggested(event),
        }
        for event in rows
    ]


def _place(state: dict[str, Any] | None) -> Place | None:
    if state is None:
        return None
    return {name: state[name] for name in ("id", "start_char", "end_char", "label")}


def _suggested(event: SpanEvent) -> Place | None:
    suggestion = event.suggestion
    if suggestion is None:
        return None
    return {
        "start_char": suggestion.start_char,
        "end_char": suggestion.end_char,
        "label": suggestion.label.name,
    }
