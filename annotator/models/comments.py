"""What people say to each other about a note or one of its spans."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotator.models.annotations import AnnotationSet
from annotator.models.notes import Note


class Comment(models.Model):
    """A remark. The client makes the UUID, so a replay is the same remark.

    ``span_id`` is no reference: a span that is deleted and brought back by undo has its
    comments again. A removed comment stays as a row.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="comments")
    # The layer that the span is in; empty for a comment on the note.
    annotation_set = models.ForeignKey(
        AnnotationSet,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="comments",
    )
    span_id = models.UUIDField(null=True, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="comments"
    )
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(span_id__isnull=True) | Q(annotation_set__isnull=False),
                name="comment_on_span_names_set",
            ),
            models.CheckConstraint(condition=~Q(body=""), name="comment_not_empty"),
        ]

    def __str__(self) -> str:
        return f"comment {self.pk} on note {self.note_id}"
