"""Refuses uploads before a byte is kept: too large, or nobody's. A leaf module."""

from __future__ import annotations

from typing import IO, Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler, SkipFile

# The form's other fields and the separators of its parts.
_ROOM_FOR_FIELDS = 1024 * 1024
# The views that take files. Views are not imported here: these are names of routes.
_IMPORTS = frozenset({"project_import", "api:notes"})


class LimitUploadHandler(FileUploadHandler):
    """Stands first in FILE_UPLOAD_HANDLERS; the next ones keep what it lets pass.

    Files reach them where files are imported, from somebody who is logged in. Elsewhere
    a body has the limit of those without files and its files are passed over: Django
    reads a form, for its CSRF token, before any view says who may send one.

    The import form checks sizes again and says it in words: this one is for bodies that
    are far off, which would fill the disk before any form sees them.
    """

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: dict[str, str],  # noqa: N803 - Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if self._takes_files():
            limit = settings.ANNOTATOR_MAX_UPLOAD_BYTES + _ROOM_FOR_FIELDS
        if content_length > limit:
            self._refuse(content_length, limit)

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        if not self._takes_files():
            raise SkipFile
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None

    def _takes_files(self) -> bool:
        match = getattr(self.request, "resolver_match", None)
        if match is None or match.view_name not in _IMPORTS:
            return False
        user = getattr(self.request, "user", None)
        return user is not None and user.is_authenticated

    def _refuse(self, content_length: int, limit: int) -> NoReturn:
        raise RequestDataTooBig(f"upload of {content_length} bytes; limit {limit}")
