"""Looks for a bundle's fastest engine in a child process, while another one serves."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

from ner_engine.acceleration import is_worthwhile, read_choice

logger = logging.getLogger(__name__)


class EngineSearch:
    """Runs ``accelerate`` for bundles that nothing was chosen for, one at a time.

    The child has the lowest priority and ends when its standard input closes, so it
    cannot outlive this process.

    Parameters
    ----------
    cache : Path, optional
        Folder of derived engines.
    """

    def __init__(self, cache: Path | None) -> None:
        self._cache = cache
        self._child: subprocess.Popen[bytes] | None = None
        self._digest = ""
        self._tried: set[str] = set()

    def begin(self, path: str, digest: str) -> None:
        """Start a search unless one runs, or this bundle needs none."""
        if self._child is not None or digest in self._tried:
            return
        if not is_worthwhile(path) or read_choice(digest, self._cache) is not None:
            return
        command = [sys.executable, "-m", "ner_engine", "accelerate", path]
        command += ["--background", "--events"]
        if self._cache is not None:
            command += ["--cache", str(self._cache)]
        self._tried.add(digest)
        self._digest = digest
        # The arguments are ours: a command's name, options and paths.
        self._child = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )

    def has_found(self, digest: str) -> bool:
        """Tell, once, that the search for a bundle has ended well."""
        if self._child is None or digest != self._digest:
            return False
        status = self._child.poll()
        if status is None:
            return False
        self.close()
        if status:
            logger.warning("the search for a faster engine ended with %s", status)
        return status == 0

    def close(self) -> None:
        """End a search that still runs."""
        if self._child is None:
            return
        if self._child.stdin is not None:
            self._child.stdin.close()
        self._child.kill()
        self._child.wait()
        self._child = None
