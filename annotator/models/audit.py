"""The audit trail: who read, wrote, exported or logged in, as a hash chain."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    """One link. ``digest`` covers the entry's fields and the digest before it."""

    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="audit_entries",
    )
    action = models.CharField(max_length=60)
    # "note:41", "project:3": what was touched, never its text.
    subject = models.CharField(max_length=120, blank=True, default="")
    details = models.JSONField(default=dict, blank=True)
    previous_digest = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
