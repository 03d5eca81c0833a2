"""Notes: rows without text, one with it, suggestions, and imports."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotator.enums import EntityUse, NoteState, Split
from annotator.models import Note, Suggestion
from annotator.selectors.notes import DEFAULT_SORT, SORTS

_ROW_FIELDS = (
    "id",
    "external_id",
    "title",
    "group_key",
    "language",
    "split",
    "state",
    "is_blind",
    "n_chars",
    "imported_at",
)


class NoteFilters(serializers.Serializer[Any]):
    """Words of notes are no filter: they would stand in URLs and logs."""

    state = serializers.ChoiceField(NoteState.choices, required=False)
    split = serializers.ChoiceField(Split.choices, required=False)
    label = serializers.CharField(max_length=40, required=False)  # type: ignore[assignment]
    flagged = serializers.BooleanField(
        default=False, help_text="Only notes with a flag that the person may see."
    )
    sort = serializers.ChoiceField(
        [sign + name for name in SORTS for sign in ("", "-")], default=DEFAULT_SORT
    )


class NoteRowSerializer(serializers.ModelSerializer[Note]):
    """A note in the queue. Held-out notes (``is_blind``) count no suggestions."""

    is_blind = serializers.BooleanField(read_only=True)
    n_suggestions = serializers.IntegerField(read_only=True)
    n_unsure = serializers.IntegerField(read_only=True)
    uncertainty = serializers.FloatField(read_only=True, allow_null=True)
    is_mine = serializers.BooleanField(read_only=True)
    is_flagged = serializers.BooleanField(read_only=True)

    class Meta:
        model = Note
        fields = (
            *_ROW_FIELDS,
            "n_suggestions",
            "n_unsure",
            "uncertainty",
            "is_mine",
            "is_flagged",
        )


class TurnSerializer(serializers.Serializer[Any]):
    """A turn of a dialogue, in code points of the text."""

    speaker = serializers.CharField()
    role = serializers.CharField()
    start_char = serializers.IntegerField(source="start")
    end_char = serializers.IntegerField(source="end")


class NoteSerializer(serializers.ModelSerializer[Note]):
    """A note. ``tokens`` are ``[start_char, end_char, begins a sentence]``."""

    project = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    is_blind = serializers.BooleanField(read_only=True)
    tokens = serializers.ListField(
        child=serializers.ListField(
            child=serializers.IntegerField(), min_length=3, max_length=3
        )
    )
    turns = TurnSerializer(many=True)
    exhaustive_for = serializers.ListField(
        child=serializers.CharField(), allow_null=True
    )
    metadata = serializers.DictField()

    class Meta:
        model = Note
        fields = (
            *_ROW_FIELDS,
            "project",
            "text",
            "sha256",
            "tokens",
            "tokenizer_version",
            "turns",
            "exhaustive_for",
            "metadata",
        )


class SuggestionSerializer(serializers.ModelSerializer[Suggestion]):
    """A range that a model proposes and that waits for this person's word."""

    label = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)  # type: ignore[assignment]

    class Meta:
        model = Suggestion
        fields = (
            "id",
            "start_char",
            "end_char",
            "label",
            "confidence",
            "source",
            "model_version",
        )


class ImportChoices(serializers.Serializer[Any]):
    entities = serializers.ChoiceField(EntityUse.choices, default=EntityUse.GOLD)
    encoding = serializers.CharField(
        max_length=20,
        default="",
        help_text="Of .txt and .csv files that are neither UTF-8 nor UTF-16: cp1252,"
        " latin-1.",
    )


class UploadsSerializer(serializers.Serializer[Any]):
    """One or more files: .txt, .csv, .jsonl, .conll, .iob, .srt, .TextGrid or .zip."""

    uploads = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), min_length=1
    )
