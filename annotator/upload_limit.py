"""Refuses an upload that is too large before a byte of it is kept. A leaf module."""

from __future__ import annotations

from typing import IO, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

# The form's other fields and the separators of its parts.
_ROOM_FOR_FIELDS = 1024 * 1024


class LimitUploadHandler(FileUploadHandler):
    """Stands first in FILE_UPLOAD_HANDLERS; the next ones keep what it lets pass.

    The form checks sizes again and says it in words: this one is for bodies that are
    far off, which would fill the disk before any form sees them.
    """

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: dict[str, str],  # noqa: N803 - Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        if content_length > settings.ANNOTATOR_MAX_UPLOAD_BYTES + _ROOM_FOR_FIELDS:
            self._refuse(content_length)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None

    def _refuse(self, content_length: int) -> NoReturn:
        limit = settings.ANNOTATOR_MAX_UPLOAD_BYTES
        raise RequestDataTooBig(f"upload of {content_length} bytes; limit {limit}")
