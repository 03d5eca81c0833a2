"""Removing what dead processes left in the data folder, entry by entry.

Whatever lies there may be of another kind than expected (a file where a folder should
be, a folder that cannot be read): one such entry must cost neither the others nor the
ticker.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)


def entries(folder: Path) -> list[Path]:
    """Return what lies in the folder; nothing where it is none or cannot be read."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        _warn("cannot list", folder, error)
        return []


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in the folder: no stray files, no links."""
    return [path for path in entries(folder) if path.is_dir() and not path.is_symlink()]


def changed_at(path: Path) -> datetime:
    """Return when the entry was changed; the far future when it cannot be told."""
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, tz=UTC)
    except OSError:
        return datetime.max.replace(tzinfo=UTC)


def remove(paths: Iterable[Path]) -> int:
    """Remove files and whole folders; log what stays and return how many went."""
    n_removed = 0
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:  # somebody else was quicker
            continue
        except OSError as error:
            _warn("cannot remove", path, error)
        else:
            n_removed += 1
    return n_removed


def _warn(what: str, path: Path, error: OSError) -> None:
    root = Path(settings.ANNOTATOR_DATA_DIR)
    shown = path.relative_to(root) if path.is_relative_to(root) else path.name
    # The error's own text names the whole path.
    logger.warning("%s %s (%s)", what, shown, type(error).__name__)
