"""People who log in."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """A person; what they may do in a project is a `Membership`.

    ``is_staff`` marks administrators of the installation: they create projects and
    see the Django admin.
    """

    class Theme(models.TextChoices):
        SYSTEM = "system", _("As the system")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    interface_language = models.CharField(
        _("interface language"), max_length=8, blank=True, default=""
    )
    theme = models.CharField(
        _("theme"), max_length=8, choices=Theme, default=Theme.SYSTEM
    )

    # {"accept": "a", ...}: only the keys that the person changed.
    key_map = models.JSONField(default=dict, blank=True)
    # Made by the demo, so that it may give them roles; no page sets this.
    is_demo = models.BooleanField(default=False, editable=False)

    @property
    def initials(self) -> str:
        """Two letters for the corner of the page."""
        words = (self.get_full_name() or self.username).replace(".", " ").split()
        return "".join(word[0] for word in words[:2]).upper()
