"""Query parameters: those that a serializer lists, and no others.

A misspelt filter that was ignored would answer with rows that nobody asked for.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

_OF_EVERY_LIST = {"limit", "offset", "format"}


class NoFilters(serializers.Serializer[Any]):
    """Nothing but the page can be chosen."""


def read_parameters(
    request: Request, allowed: type[serializers.Serializer[Any]] = NoFilters
) -> dict[str, Any]:
    """Return the valid parameters that were sent; refuse unknown ones."""
    sent = {name: request.query_params[name] for name in request.query_params}
    serializer = allowed(
        data={name: value for name, value in sent.items() if name not in _OF_EVERY_LIST}
    )
    unknown = set(sent) - set(serializer.fields) - _OF_EVERY_LIST
    if unknown:
        raise ValidationError({name: ["unknown parameter"] for name in unknown})
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
