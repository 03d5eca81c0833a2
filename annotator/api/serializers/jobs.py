"""Background jobs, and what starts them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotator.enums import ExportFormat, JobKind, JobState, Split
from annotator.models import Job
from annotator.services.training import RECIPES, STARTS
from annotator.validators import MAX_NUMBER

_ROW_FIELDS = (
    "id",
    "kind",
    "project",
    "subject",
    "state",
    "progress_done",
    "progress_total",
    "attempt",
    "cancel_requested",
    "error_class",
    "error_message",
    "created_by",
    "created_at",
    "started_at",
    "finished_at",
)


class JobFilters(serializers.Serializer[Any]):
    project = serializers.SlugField(max_length=60, required=False)
    kind = serializers.ChoiceField(JobKind.choices, required=False)
    state = serializers.ChoiceField(JobState.choices, required=False)


class JobRowSerializer(serializers.ModelSerializer[Job]):
    """A job and how far it is."""

    project = serializers.SlugRelatedField[Any](
        slug_field="slug", read_only=True, allow_null=True
    )
    created_by = serializers.SlugRelatedField[Any](
        slug_field="username", read_only=True, allow_null=True
    )

    class Meta:
        model = Job
        fields: tuple[str, ...] = _ROW_FIELDS


class JobSerializer(JobRowSerializer):
    """A job with its result and, of a training, curve and estimates."""

    details = serializers.DictField()
    result = serializers.DictField()

    class Meta(JobRowSerializer.Meta):
        fields = (*_ROW_FIELDS, "details", "result")


class PredictionsSerializer(serializers.Serializer[Any]):
    note_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_NUMBER),
        required=False,
        min_length=1,
        max_length=10_000,
        help_text="Left out: all notes that nobody settled yet.",
    )


class TrainingSerializer(serializers.Serializer[Any]):
    recipe = serializers.ChoiceField(RECIPES, default=RECIPES[0])
    start_from = serializers.ChoiceField(STARTS, default=STARTS[0])


class TrainingPlanSerializer(serializers.Serializer[Any]):
    """What a training would learn from. ``refusal`` says why there would be none."""

    n_notes = serializers.DictField(child=serializers.IntegerField())
    n_spans = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField())
    )
    labels = serializers.ListField(child=serializers.CharField())
    n_training_notes = serializers.IntegerField()
    n_training_spans = serializers.IntegerField()
    digest = serializers.CharField()
    estimated_seconds = serializers.FloatField()
    refusal = serializers.CharField(allow_blank=True)


class NewExportSerializer(serializers.Serializer[Any]):
    format = serializers.ChoiceField(ExportFormat.choices, default=ExportFormat.CONLL)
    splits = serializers.ListField(
        child=serializers.ChoiceField(Split.choices),
        default=list(Split.values),
        min_length=1,
    )
