"""Model versions and their comparison with the version before."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotator.models import ModelVersion
from annotator.selectors.versions import Advice, verdict_of

_ROW_FIELDS = (
    "id",
    "name",
    "is_shipped",
    "is_active",
    "state",
    "parent",
    "recipe",
    "labels",
    "n_training_notes",
    "training_seconds",
    "bundle_digest",
    "data_digest",
    "created_at",
)


class ScoreSerializer(serializers.Serializer[Any]):
    """Exact F1 in percent with its 95 % interval, where it is known."""

    f1 = serializers.FloatField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    precision = serializers.FloatField(allow_null=True)
    recall = serializers.FloatField(allow_null=True)
    n_gold = serializers.IntegerField(allow_null=True)


class ChangeSerializer(serializers.Serializer[Any]):
    """The candidate's F1 less the active version's, in percent points."""

    f1 = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class LabelVerdictSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    candidate = ScoreSerializer(allow_null=True)
    active = ScoreSerializer(allow_null=True)
    change = ChangeSerializer(allow_null=True)


class VerdictSerializer(serializers.Serializer[Any]):
    """A version against the one that was active when it was trained."""

    advice = serializers.ChoiceField(
        [(advice.value, advice.value) for advice in Advice], source="advice.value"
    )
    change = ChangeSerializer(allow_null=True)
    candidate = ScoreSerializer(allow_null=True)
    active = ScoreSerializer(allow_null=True)
    labels = LabelVerdictSerializer(many=True)
    n_documents = serializers.IntegerField()
    n_gold = serializers.IntegerField()
    min_documents = serializers.IntegerField()
    min_gold = serializers.IntegerField()


class VersionRowSerializer(serializers.ModelSerializer[ModelVersion]):
    """A version that the project can use. Shipped ones belong to no project."""

    is_shipped = serializers.SerializerMethodField()
    is_active = serializers.SerializerMethodField()
    labels = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ModelVersion
        fields: tuple[str, ...] = _ROW_FIELDS

    def get_is_shipped(self, version: ModelVersion) -> bool:
        return version.project_id is None

    def get_is_active(self, version: ModelVersion) -> bool:
        return bool(version.pk == self.context["active_version_id"])


class VersionSerializer(VersionRowSerializer):
    """A version with its measurements and what they say."""

    metrics = serializers.DictField()
    verdict = serializers.SerializerMethodField()

    class Meta(VersionRowSerializer.Meta):
        fields = (*_ROW_FIELDS, "metrics", "verdict")

    @extend_schema_field(VerdictSerializer)
    def get_verdict(self, version: ModelVersion) -> Any:
        return VerdictSerializer(verdict_of(version)).data
