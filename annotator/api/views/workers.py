"""Whether anybody works on what is queued."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.api.serializers.workers import QueueHealthSerializer
from annotator.selectors.workers import worker_health


class WorkerHealthView(GenericAPIView[Any]):
    """Living processes of both queues and of the ticker."""

    serializer_class = QueueHealthSerializer
    pagination_class = None

    @extend_schema(
        operation_id="workers_list", responses=QueueHealthSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        rows = list(worker_health().values())
        return Response(self.get_serializer(rows, many=True).data)
