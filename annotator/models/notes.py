"""Notes and who is on them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotator.enums import NoteState, Split
from annotator.models.projects import Project


class Note(models.Model):
    """A text to annotate. The text never changes: a new text is a new note.

    ``tokens`` holds ``[start_char, end_char, sentence_start]`` triples and ``turns``
    ``{"speaker", "role", "start", "end"}`` objects, both in code points of ``text``.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="notes")
    external_id = models.CharField(max_length=200)
    title = models.CharField(max_length=200, blank=True, default="")
    group_key = models.CharField(max_length=200)
    language = models.CharField(max_length=8)
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    n_chars = models.PositiveIntegerField()
    tokens = models.JSONField(default=list)
    tokenizer_version = models.CharField(max_length=40)
    turns = models.JSONField(default=list, blank=True)
    split = models.CharField(max_length=8, choices=Split, default=Split.TRAIN)
    state = models.CharField(
        max_length=12, choices=NoteState, default=NoteState.IMPORTED
    )
    # Labels whose every mention the imported gold holds; null: all of the scheme.
    exhaustive_for = models.JSONField(null=True, blank=True, default=None)
    metadata = models.JSONField(default=dict, blank=True)
    imported_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "external_id"], name="note_external_id_once"
            ),
            models.UniqueConstraint(
                fields=["project", "sha256"], name="note_text_once_per_project"
            ),
            models.CheckConstraint(condition=Q(n_chars__gte=1), name="note_not_empty"),
        ]
        indexes = [models.Index(fields=["project", "state"])]

    def __str__(self) -> str:
        return f"note {self.pk}"

    @property
    def is_blind(self) -> bool:
        """Held-out notes are annotated without suggestions, so that scores are fair."""
        return self.split != Split.TRAIN


class Assignment(models.Model):
    """A note in somebody's hands, with a lease so that two people do not collide."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="assignments")
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="assignments"
    )
    leased_until = models.DateTimeField()
    reason = models.CharField(
        _("why this note"), max_length=200, blank=True, default=""
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["note", "annotator"], name="assignment_once_per_note"
            ),
        ]

    def __str__(self) -> str:
        return f"note {self.note_id} with user {self.annotator_id}"
