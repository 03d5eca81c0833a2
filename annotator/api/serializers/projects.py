"""Projects and their labels."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotator.enums import N_COLOUR_SLOTS, Role
from annotator.forms.projects import MAX_GUIDELINE_CHARS
from annotator.models import Label, ModelVersion, Project
from annotator.permissions import role_in
from annotator.selectors.notes import progress_of
from annotator.services.projects import LABEL_FIELDS, PROJECT_FIELDS, guideline_digest


class ActiveVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    class Meta:
        model = ModelVersion
        fields = ("id", "name")


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project and the role of who asks."""

    # Left out, it is made from the name.
    slug = serializers.SlugField(max_length=60, required=False)
    role = serializers.SerializerMethodField()
    active_version = ActiveVersionSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Project
        fields = (*PROJECT_FIELDS, "role", "active_version", "created_at")
        read_only_fields = ("created_at",)

    @extend_schema_field(serializers.ChoiceField(Role.choices))
    def get_role(self, project: Project) -> str:
        user = self.context["request"].user
        if user.is_staff:
            return Role.ADMIN
        own = getattr(project, "own_role", None)
        return str(own or role_in(user, project))


class ProgressSerializer(serializers.Serializer[Any]):
    """How far the notes are; done ones are submitted or adjudicated."""

    n_notes = serializers.IntegerField()
    n_done = serializers.IntegerField()
    n_in_progress = serializers.IntegerField()


class Confirmation(serializers.Serializer[Any]):
    """That somebody knows what a change does beyond itself."""

    confirm = serializers.BooleanField(
        default=False,
        help_text="Without it such a change is refused (409), with its counts.",
    )


class ProjectDetailSerializer(ProjectSerializer):
    """A project with its guideline and how far its notes are.

    Whoever replaces the guideline may send the digest of the text they began with as
    ``guideline_base_digest``: then another person's change in between is not lost.
    """

    guideline = serializers.CharField(
        max_length=MAX_GUIDELINE_CHARS,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
    )
    guideline_digest = serializers.SerializerMethodField()
    guideline_base_digest = serializers.CharField(
        max_length=64, required=False, write_only=True
    )
    confirm = serializers.BooleanField(
        required=False,
        write_only=True,
        help_text="Change the number of annotators a note although it settles or"
        " reopens notes; without it that is refused (409), with the counts.",
    )
    progress = serializers.SerializerMethodField()

    class Meta(ProjectSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *ProjectSerializer.Meta.fields,
            "guideline",
            "guideline_digest",
            "guideline_base_digest",
            "confirm",
            "progress",
        )

    def get_guideline_digest(self, project: Project) -> str:
        return guideline_digest(project.guideline)

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, project: Project) -> Any:
        return ProgressSerializer(progress_of(project)).data


class LabelSerializer(serializers.ModelSerializer[Label]):
    """An entity type. ``local_names`` maps language codes to what pages show."""

    local_names = serializers.DictField(
        child=serializers.CharField(max_length=60), required=False
    )
    colour_slot = serializers.IntegerField(
        min_value=1, max_value=N_COLOUR_SLOTS, required=False
    )

    class Meta:
        model = Label
        fields = ("id", *LABEL_FIELDS)
