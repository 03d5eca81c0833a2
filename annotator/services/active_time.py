"""The time that a person's steps may add to a note."""

from __future__ import annotations

from django.db.models import F, Value
from django.db.models.functions import Greatest, Least
from django.utils import timezone

from annotator.models import AnnotationSet

# One step never stands for more: whoever walked away was not annotating.
MAX_ACTIVE_SECONDS = 300


def with_step(annotation_set: AnnotationSet, seconds: int) -> Greatest:
    """Return the set's active seconds with those of one step, as an expression.

    All steps together never claim more than the clock shows since the note was opened.
    Steps are not held to the time since the one before: those made off line arrive in
    one burst, each with the time that it took.
    """
    step = min(max(seconds, 0), MAX_ACTIVE_SECONDS)
    opened_at = annotation_set.opened_at or annotation_set.created_at
    elapsed = max(int((timezone.now() - opened_at).total_seconds()), 0)
    return Greatest("active_seconds", Least(F("active_seconds") + step, Value(elapsed)))
