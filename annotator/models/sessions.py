"""Failed log-ins, counted so that passwords cannot be guessed in bulk."""

from __future__ import annotations

from django.db import models


class LoginFailure(models.Model):
    """The failed log-ins of one name from one address since ``first_at``.

    ``key`` is a digest of both: what people type into the name field is sometimes
    their password.
    """

    key = models.CharField(max_length=64, unique=True)
    count = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField()

    class Meta:
        ordering = ["-first_at"]

    def __str__(self) -> str:
        return f"{self.count} since {self.first_at}"
