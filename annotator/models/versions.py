"""Model versions: the rows that name servable bundles."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from annotator.enums import VersionState


class ModelVersion(models.Model):
    """A bundle that can be made active. Shipped bundles belong to no project.

    ``metrics`` holds the held-out comparison made when the version was trained:
    ``{"candidate": {...}, "active": {...}, "difference": {...}, "enough": bool}`` in
    the form of ``python -m ner_engine evaluate --json``.
    """

    project = models.ForeignKey(
        "annotator.Project",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="versions",
    )
    name = models.CharField(max_length=80)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    recipe = models.CharField(max_length=40)
    state = models.CharField(
        max_length=12, choices=VersionState, default=VersionState.CANDIDATE
    )
    bundle_path = models.CharField(max_length=500)
    bundle_digest = models.CharField(max_length=64)
    data_digest = models.CharField(max_length=64, blank=True, default="")
    labels = models.JSONField(default=list)
    metrics = models.JSONField(default=dict, blank=True)
    n_training_notes = models.PositiveIntegerField(default=0)
    training_seconds = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(state="active"),
                name="version_active_once_per_project",
            ),
            models.UniqueConstraint(
                fields=["bundle_digest"],
                condition=Q(project__isnull=True),
                name="version_shipped_bundle_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name
