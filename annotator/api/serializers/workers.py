"""Health of the background workers."""

from __future__ import annotations

from rest_framework import serializers

from annotator.selectors.workers import QueueHealth


class QueueHealthSerializer(serializers.Serializer[QueueHealth]):
    """A queue, or the ticker: its living processes and the last sign of life."""

    queue = serializers.CharField()
    n_alive = serializers.IntegerField()
    is_alive = serializers.BooleanField()
    last_beat_at = serializers.DateTimeField(allow_null=True)
