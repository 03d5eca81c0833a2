"""The app's configuration and start-up checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class AnnotatorConfig(AppConfig):
    name = "annotator"
    verbose_name = "Glosa"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from annotator import checks  # noqa: F401, PLC0415 - registers on import


class OwnStaticFilesConfig(StaticFilesConfig):
    """Leaves out what django-htmx ships: we vendor htmx ourselves, and those modules
    import files that are not there, which stops the making of hashed names.
    """

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "django_htmx"]
