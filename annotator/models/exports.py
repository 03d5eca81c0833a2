"""Exports: immutable snapshots that say what they hold and what they lost."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from annotator.enums import ExportFormat


class Export(models.Model):
    """A file made from the gold annotations of a project at one moment."""

    project = models.ForeignKey(
        "annotator.Project", on_delete=models.CASCADE, related_name="exports"
    )
    format = models.CharField(max_length=12, choices=ExportFormat)
    # {"splits": [...], "states": [...]}: what was asked for.
    filters = models.JSONField(default=dict)
    # Relative to the data folder, which may move.
    path = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    n_notes = models.PositiveIntegerField()
    n_spans = models.PositiveIntegerField()
    # [{"note", "start_char", "end_char", "label", "reason"}]: spans that the format
    # could not carry.
    losses = models.JSONField(default=list)
    # {"notes", "spans", "differences": [...]}: what the file gave when it was read
    # again, before anybody could download it.
    verification = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="exports",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"export {self.pk}"

    @property
    def is_verified(self) -> bool:
        """Tell whether the file read back as what was written into it."""
        return bool(self.verification) and not self.verification["differences"]
