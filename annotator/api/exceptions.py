"""One mapping of errors to answers: ``{"code", "message", "details"}`` with a status.

No traceback and no text of a note: messages hold ids, offsets and lengths.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any

from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.signals import got_request_exception
from django.http import Http404
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from annotator.api.parsers import TooLarge
from annotator.exceptions import AnnotatorError

logger = logging.getLogger(__name__)

# Django's own refusals, by what they mean to a client.
_UNREADABLE = (BadRequest, SuspiciousOperation, MultiPartParserError)
# What is not there and what the person may not see read the same.
_TEXTS = {
    "not_found": "There is no such thing, or it is in a project of others.",
    "not_allowed": "Your role does not include this.",
    "invalid_values": "Some values cannot be used; details.fields says which.",
}
_CODES = {
    "permission_denied": "not_allowed",
    "invalid": "invalid_values",
    "authentication_failed": "not_authenticated",
}


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """Answer an error; one that nobody foresaw is logged and told as such."""
    if isinstance(error, AnnotatorError):
        return _answer(error.status, error.code, str(error), error.details())
    if isinstance(error, RequestDataTooBig):
        error = TooLarge()
    elif isinstance(error, _UNREADABLE):
        error = exceptions.ParseError("The request could not be read.")
    elif isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.APIException):
        return _known(error, context)
    # Frames only: the text of an unknown exception may quote what it choked on.
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("api: %s\n%s", type(error).__name__, frames)
    got_request_exception.send(sender=None, request=context.get("request"))
    return _answer(500, "server_error", "Something went wrong on our side.")


def _known(error: exceptions.APIException, context: dict[str, Any]) -> Response:
    """Give an error of the framework our shape; it keeps the framework's headers."""
    framework = exception_handler(error, context)
    headers = dict(framework.headers) if framework is not None else {}
    headers.pop("Content-Type", None)
    if isinstance(error, exceptions.ValidationError):
        # The status and shape in which services refuse values.
        fields = error.detail if isinstance(error.detail, dict) else {}
        refused = {"fields": fields or {"__all__": error.detail}}
        return _answer(422, "invalid_values", _TEXTS["invalid_values"], refused)
    code = _CODES.get(str(error.default_code), str(error.default_code))
    details: dict[str, Any] = {}
    if "Retry-After" in headers:
        details = {"seconds": int(headers["Retry-After"])}
    message = _TEXTS.get(code, str(error.detail))
    return _answer(error.status_code, code, message, details, headers)


def _answer(
    status: int,
    code: str,
    message: str,
    details: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    body = {"code": code, "message": message, "details": details or {}}
    return Response(body, status=status, headers=headers)
