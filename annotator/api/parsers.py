"""Bodies: JSON of a bounded size; Document JSONL, put into a file as it comes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser, JSONParser

_CHUNK = 64 * 1024


class TooLarge(APIException):
    """A body that is longer than is taken at once."""

    status_code = 413
    default_code = "too_large"
    default_detail = "The body is larger than is taken at once."


class BoundedJSONParser(JSONParser):
    """Refuse a body past Django's limit for bodies in memory before reading it."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        _refuse_longer(parser_context, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        try:
            parsed = super().parse(stream, media_type, parser_context)
            # Halves of characters fit into no answer, not even into their refusal.
            json.dumps(parsed, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deep") from error
        except UnicodeEncodeError as error:
            raise ParseError("JSON parse error - half of a character") from error
        return parsed


class JSONLinesParser(BaseParser):
    """Take the body as an uploaded file; what is in it, the import's reader says."""

    media_type = "application/jsonl"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        size = _refuse_longer(parser_context, settings.ANNOTATOR_MAX_UPLOAD_BYTES)
        upload = TemporaryUploadedFile("body.jsonl", self.media_type, size, "utf-8")
        while chunk := stream.read(_CHUNK):
            upload.write(chunk)
        upload.seek(0)
        return {"uploads": [upload]}


def _refuse_longer(parser_context: Mapping[str, Any] | None, limit: int) -> int:
    """Return the announced length, past which the server lets nobody read."""
    request = (parser_context or {})["request"]
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > limit:
        raise TooLarge
    return length
