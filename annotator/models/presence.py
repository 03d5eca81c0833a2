"""Who has a note open in a browser at the moment."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from annotator.models.notes import Note


class Presence(models.Model):
    """A person's open page of a note, seen last at ``seen_at``. Old rows mean nothing:
    a page that was closed or lost its network says no good-bye."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="presences")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="presences"
    )
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["note", "user"]
        constraints = [
            models.UniqueConstraint(
                fields=["note", "user"], name="presence_once_per_person"
            )
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} on note {self.note_id}"
