"""Annotation sets, their spans and the ledger of every decision."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from annotator.enums import Action, Origin, SetState
from annotator.models.notes import Note


class AnnotationSet(models.Model):
    """One layer of a note: a person's, or the gold one (``is_gold``, no annotator)."""

    note = models.ForeignKey(
        Note, on_delete=models.CASCADE, related_name="annotation_sets"
    )
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="annotation_sets",
    )
    is_gold = models.BooleanField(default=False)
    state = models.CharField(max_length=12, choices=SetState, default=SetState.OPEN)
    # Each gesture advances the revision by one.
    revision = models.PositiveIntegerField(default=0)
    # Labels that the annotator could use: training masks the heads of the others.
    labels_shown = models.JSONField(default=list)
    # Labels of which suggestions were left undecided when the set was submitted: what
    # is not annotated of them is not known to be outside.
    labels_undecided = models.JSONField(default=list)
    active_seconds = models.PositiveIntegerField(default=0)
    # The annotator asks for a second look.
    is_flagged = models.BooleanField(default=False)
    # When the person opened the note that they began then; empty: at ``created_at``.
    opened_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["note"],
                condition=Q(is_gold=True),
                name="gold_set_once_per_note",
            ),
            models.UniqueConstraint(
                fields=["note", "annotator"], name="annotation_set_once_per_annotator"
            ),
            models.CheckConstraint(
                condition=Q(is_gold=True, annotator__isnull=True)
                | Q(is_gold=False, annotator__isnull=False),
                name="annotation_set_gold_or_annotator",
            ),
        ]

    def __str__(self) -> str:
        return f"set {self.pk} of note {self.note_id}"


class Span(models.Model):
    """A labelled range of a set. The client makes the UUID, so a replay is the same."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    annotation_set = models.ForeignKey(
        AnnotationSet, on_delete=models.CASCADE, related_name="spans"
    )
    start_char = models.PositiveIntegerField()
    end_char = models.PositiveIntegerField()
    label = models.ForeignKey(
        "annotator.Label", on_delete=models.PROTECT, related_name="spans"
    )
    origin = models.CharField(max_length=12, choices=Origin, default=Origin.MANUAL)
    suggestion = models.ForeignKey(
        "annotator.Suggestion",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="spans",
    )
    # {"negated": true}, ...: clinical context of the mention.
    attributes = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["start_char", "end_char"]
        constraints = [
            models.CheckConstraint(
                condition=Q(start_char__gte=0) & Q(start_char__lt=F("end_char")),
                name="span_range_not_empty",
            ),
            models.UniqueConstraint(
                fields=["annotation_set", "start_char", "end_char", "label"],
                name="span_once_per_set",
            ),
        ]

    def __str__(self) -> str:
        return f"span [{self.start_char}, {self.end_char})"


class SpanEvent(models.Model):
    """Append-only ledger: what each gesture changed. Undo, statistics, audit read it.

    A gesture that changes several spans writes several rows of one revision,
    told apart by ``ordinal``. ``before`` and ``after`` are span snapshots
    ``{"id", "start_char", "end_char", "label", "origin", "suggestion",
    "attributes"}`` or null; ``decision_before`` and ``decision_after`` are those of
    the suggestion.
    """

    annotation_set = models.ForeignKey(
        AnnotationSet, on_delete=models.CASCADE, related_name="events"
    )
    revision = models.PositiveIntegerField()
    ordinal = models.PositiveIntegerField(default=0)
    client_event_id = models.UUIDField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="span_events",
    )
    action = models.CharField(max_length=12, choices=Action)
    # One step over several notes: the client event id of the gesture it began with.
    group = models.UUIDField(null=True, blank=True, db_index=True)
    # For undo and redo: the revision whose changes were taken back or done again.
    target_revision = models.PositiveIntegerField(null=True, blank=True)
    span_id = models.UUIDField(null=True, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    suggestion = models.ForeignKey(
        "annotator.Suggestion",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="events",
    )
    decision_before = models.CharField(max_length=12, blank=True, default="")
    decision_after = models.CharField(max_length=12, blank=True, default="")
    confidence = models.FloatField(null=True, blank=True)
    model_version = models.ForeignKey(
        "annotator.ModelVersion",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="events",
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["annotation_set", "revision", "ordinal"]
        constraints = [
            models.UniqueConstraint(
                fields=["annotation_set", "revision", "ordinal"],
                name="span_event_revision_once",
            ),
            models.UniqueConstraint(
                fields=["client_event_id", "ordinal"], name="span_event_client_id_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} at revision {self.revision}"
