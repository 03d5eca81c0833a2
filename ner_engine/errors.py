"""The engine's typed errors. Messages name files, lines, ids and offsets, never text.

Notes are patient data: an error may carry a document's id, a range and a length, but
not a character of its text.
"""

from __future__ import annotations

from pathlib import Path


class NerEngineError(Exception):
    """Root of every error that the engine raises on purpose."""


class BadInput(NerEngineError):
    """A file or row that cannot be read as what it claims to be.

    Parameters
    ----------
    reason : str
        What is wrong, without text of the document.
    path : Path, optional
        The file.
    line : int, optional
        Line number in the file, from 1.
    """

    def __init__(
        self, reason: str, *, path: Path | str | None = None, line: int | None = None
    ) -> None:
        self.reason = reason
        self.path = path
        self.line = line
        where = "" if path is None else f"{path}"
        if line is not None:
            where = f"{where}:{line}" if where else f"line {line}"
        super().__init__(f"{where}: {reason}" if where else reason)


class SpanOutOfRange(BadInput):
    """A span that does not lie inside its text."""

    def __init__(
        self,
        document_id: str,
        start_char: int,
        end_char: int,
        n_chars: int,
        *,
        path: Path | str | None = None,
        line: int | None = None,
    ) -> None:
        self.document_id = document_id
        self.start_char = start_char
        self.end_char = end_char
        self.n_chars = n_chars
        super().__init__(
            f"document {document_id}: span [{start_char}, {end_char}) outside a text"
            f" of {n_chars} characters",
            path=path,
            line=line,
        )


class UnknownLabel(NerEngineError):
    """A label that the scheme in use does not have."""

    def __init__(self, label: str, known: tuple[str, ...]) -> None:
        self.label = label
        self.known = known
        super().__init__(f"unknown label {label}; known: {', '.join(known)}")


class BundleError(NerEngineError):
    """A model bundle that is missing, incomplete, corrupt or of another format."""


class BundleMismatch(BundleError):
    """A bundle whose digest or label scheme is not the one that was asked for."""


class EngineUnavailable(NerEngineError):
    """A way of computing that this machine or this bundle does not have."""


class TrainingError(NerEngineError):
    """Training cannot start or go on (no usable data, a loss that is not finite)."""


class Cancelled(NerEngineError):
    """Long work that was told to stop."""
