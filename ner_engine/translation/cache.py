"""Translations that were made before, on disk, found by what was asked for.

The key is the digest of backend, version, direction, form and text; the value is the
translation. Both are patient data where the notes are: the file is readable by its
owner alone, and deleting it costs time and nothing else. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ner_engine.errors import NerEngineError
from ner_engine.translation.backends import Traits

FILE_NAME = "translations.sqlite3"
# Part of every key: raise it when a key would otherwise stand for another translation.
_FORMAT = 1
_BUSY_SECONDS = 60.0  # how long to wait for another process's transaction
_MOST_VARIABLES = 500  # of one statement; SQLite's oldest limit is 999


class CacheError(NerEngineError):
    """The cache cannot be opened, read or written."""


def cache_key(traits: Traits, text: str) -> bytes:
    """Return the digest under which a text's translation lies, 32 bytes."""
    form = "html" if traits.takes_html else "text"
    question = [
        _FORMAT,
        traits.name,
        traits.version,
        traits.source,
        traits.target,
        form,
        text,
    ]
    return hashlib.sha256(json.dumps(question).encode()).digest()


class TranslationCache:
    """A file of translations that several processes may use at once.

    Each `put` is one transaction: it is there whole or not at all, whatever happens to
    the process.

    Parameters
    ----------
    folder : Path
        Made where it does not exist, for the owner alone.

    Raises
    ------
    CacheError
        When it cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        with self._typed_errors():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite would create it by the umask alone.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(
                self.path, timeout=_BUSY_SECONDS, isolation_level=None
            )
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS translations"
                " (key BLOB PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID"
            )

    def get(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        """Return the translations that are there, by key."""
        found: dict[bytes, str] = {}
        with self._typed_errors():
            for start in range(0, len(keys), _MOST_VARIABLES):
                some = keys[start : start + _MOST_VARIABLES]
                marks = ",".join("?" * len(some))
                found.update(
                    self._connection.execute(
                        # Question marks only.
                        f"SELECT key, text FROM translations WHERE key IN ({marks})",  # noqa: S608
                        some,
                    )
                )
        return found

    def put(self, translations: Mapping[bytes, str]) -> None:
        """Add translations; of two under one key the later stays."""
        with self._typed_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(
                    "INSERT OR REPLACE INTO translations VALUES (?, ?)",
                    translations.items(),
                )
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _typed_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            # SQLite's messages name tables and conditions, never values.
            raise CacheError(f"{self.path}: {error}; it may be deleted") from error
        except OSError as error:
            raise CacheError(f"{self.path}: {error.strerror}") from error
