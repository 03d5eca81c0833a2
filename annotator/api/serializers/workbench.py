"""Comments, same mentions and keys."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotator.models import Comment
from annotator.services.comments import MAX_CHARS


class CommentSerializer(serializers.ModelSerializer[Comment]):
    """A remark on a note, or on the span ``span_id`` of a set. Removed: no body."""

    author = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    body = serializers.SerializerMethodField()

    class Meta:
        model = Comment
        fields = ("id", "span_id", "author", "body", "created_at", "removed_at")

    def get_body(self, comment: Comment) -> str:
        return "" if comment.removed_at else comment.body


class NewCommentSerializer(serializers.Serializer[Any]):
    """The client makes ``id``: sent twice, it is one comment."""

    id = serializers.UUIDField()
    span_id = serializers.UUIDField(required=False, allow_null=True)
    body = serializers.CharField(max_length=MAX_CHARS)


class CommentChangeSerializer(serializers.Serializer[Any]):
    is_removed = serializers.BooleanField()


class SameSerializer(serializers.Serializer[Any]):
    """Of which mention the like are looked for."""

    start_char = serializers.IntegerField(min_value=0)
    end_char = serializers.IntegerField(min_value=1)
    label = serializers.CharField(  # type: ignore[assignment]
        allow_blank=True,
        default="",
        max_length=40,
        help_text="What they are to become; empty: no entity.",
    )
    scope = serializers.ChoiceField(["note", "project"], default="note")


class SamePlaceSerializer(serializers.Serializer[Any]):
    start_char = serializers.IntegerField()
    end_char = serializers.IntegerField()
    before = serializers.CharField()
    mention = serializers.CharField()
    after = serializers.CharField()
    now = serializers.CharField(help_text="Labels of the spans of this range.")
    suggested = serializers.ListField(child=serializers.CharField())
    is_ticked = serializers.BooleanField(
        help_text="Nothing that the person decided would change."
    )


class SameNoteSerializer(serializers.Serializer[Any]):
    note = serializers.IntegerField(source="note.pk")
    places = SamePlaceSerializer(many=True)


class KeyMapSerializer(serializers.Serializer[Any]):
    """The key of each command of the review page."""

    keys = serializers.DictField(child=serializers.CharField(max_length=20))
