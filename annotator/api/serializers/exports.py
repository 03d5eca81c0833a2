"""Exports: files that proved themselves, and what their format could not carry."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotator.enums import Attribute, Split
from annotator.models import Export

_ROW_FIELDS = (
    "id",
    "project",
    "format",
    "splits",
    "n_notes",
    "n_spans",
    "sha256",
    "size_bytes",
    "is_verified",
    "created_by",
    "created_at",
)


class ExportRowSerializer(serializers.ModelSerializer[Export]):
    """An export. Its job's result names its id."""

    project = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    splits = serializers.ListField(
        child=serializers.ChoiceField(Split.choices), source="filters.splits"
    )
    is_verified = serializers.BooleanField(read_only=True)
    created_by = serializers.SlugRelatedField[Any](
        slug_field="username", read_only=True, allow_null=True
    )

    class Meta:
        model = Export
        fields: tuple[str, ...] = _ROW_FIELDS


class LossSerializer(serializers.Serializer[Any]):
    """What the format could not carry; ``note`` is an external id.

    A label that is not settled in a note (``undecided``) has no offsets.
    """

    note = serializers.CharField()
    start_char = serializers.IntegerField(allow_null=True)
    end_char = serializers.IntegerField(allow_null=True)
    label = serializers.CharField()  # type: ignore[assignment]
    reason = serializers.ChoiceField(
        ["overlap", "misaligned", "empty", "attributes", "undecided"]
    )
    attributes = serializers.ListField(
        child=serializers.ChoiceField(Attribute.choices),
        required=False,
        help_text="Of reason `attributes`: the context that the span loses.",
    )


class ExportSerializer(ExportRowSerializer):
    """An export with its losses and what reading it back gave."""

    losses = LossSerializer(many=True)
    verification = serializers.DictField()

    class Meta(ExportRowSerializer.Meta):
        fields = (*_ROW_FIELDS, "losses", "verification")
