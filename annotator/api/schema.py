"""The OpenAPI schema: who may fetch it, and the shape of refusals in it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

_ERROR = {
    "type": "object",
    "description": "Every refusal. `code` is fixed, `message` is for people.",
    "required": ["code", "message", "details"],
    "properties": {
        "code": {"type": "string", "example": "stale_revision"},
        "message": {"type": "string"},
        "details": {"type": "object", "additionalProperties": {}},
    },
}
_ANSWER = {
    "description": "Refused: the status and `code` say why.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}


class SchemaView(SpectacularAPIView):
    """Building the schema takes a while: not for people who are not logged in."""

    permission_classes = [IsAuthenticated]

    def handle_exception(self, exc: Exception) -> Response:
        """Refuse in JSON, as everywhere, whatever form of the schema was asked for."""
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return super().handle_exception(exc)


def add_refusals(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Say of each operation what its refusals look like."""
    result["components"].setdefault("schemas", {})["Error"] = _ERROR
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = _ANSWER
    return result
