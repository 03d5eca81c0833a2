"""Projects, their members and their labels."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.default_labels import DEFAULT_DESCRIPTIONS
from annotator.enums import N_COLOUR_SLOTS, Genre, Role
from annotator.validators import validate_hotkey, validate_label_name


class Project(models.Model):
    """A set of notes of one language and genre with its label scheme and its model."""

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("address"), max_length=60, unique=True)
    language = models.CharField(_("language of the notes"), max_length=8)
    genre = models.CharField(
        _("genre"), max_length=12, choices=Genre, default=Genre.NOTE
    )
    guideline = models.TextField(_("guideline (Markdown)"), blank=True, default="")
    active_version = models.ForeignKey(
        "annotator.ModelVersion",
        verbose_name=_("active model"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="active_in",
    )
    # Shares of patients that imports keep for dev and test, in percent.
    dev_percent = models.PositiveSmallIntegerField(
        _("patients kept for development, %"),
        default=15,
        validators=[MaxValueValidator(45)],
    )
    test_percent = models.PositiveSmallIntegerField(
        _("patients kept for testing, %"),
        default=20,
        validators=[MaxValueValidator(45)],
    )
    # How many people annotate each note; 1: a submitted set is gold.
    overlap = models.PositiveSmallIntegerField(
        _("annotators a note"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
    )
    suggestion_threshold = models.FloatField(
        _("hide suggestions less sure than"),
        default=0.3,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
    )
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        through="annotator.Membership",
        related_name="projects",
    )
    # Made by the demo, so that its reset may delete it; no page sets this.
    is_demo = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(dev_percent__lte=45) & Q(test_percent__lte=45),
                name="project_shares_leave_training_notes",
            ),
            models.CheckConstraint(
                condition=Q(overlap__gte=1), name="project_overlap_at_least_one"
            ),
            models.CheckConstraint(
                condition=Q(suggestion_threshold__gte=0)
                & Q(suggestion_threshold__lte=1),
                name="project_threshold_is_probability",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in a project."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(
        _("role"), max_length=12, choices=Role, default=Role.ANNOTATOR
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "user"], name="membership_once_per_project"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}: {self.role}"


class Label(models.Model):
    """An entity type of a project."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="labels"
    )
    name = models.CharField(_("name"), max_length=40, validators=[validate_label_name])
    short_name = models.CharField(_("short name"), max_length=6)
    # {"es": "Medicamento", "fr": "Médicament"}: what the page shows in that language.
    local_names = models.JSONField(_("localised names"), default=dict, blank=True)
    description = models.TextField(_("description"), blank=True, default="")
    colour_slot = models.PositiveSmallIntegerField(_("colour"), default=1)
    hotkey = models.CharField(
        _("key"), max_length=1, blank=True, default="", validators=[validate_hotkey]
    )
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"], name="label_name_once_per_project"
            ),
            models.UniqueConstraint(
                fields=["project", "hotkey"],
                condition=~Q(hotkey=""),
                name="label_hotkey_once_per_project",
            ),
            models.CheckConstraint(
                condition=Q(colour_slot__gte=1) & Q(colour_slot__lte=N_COLOUR_SLOTS),
                name="label_colour_slot_exists",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_description(self) -> str:
        """Say the description as pages do: a default one in the reader's language."""
        is_default = self.description in DEFAULT_DESCRIPTIONS
        return gettext(self.description) if is_default else self.description
