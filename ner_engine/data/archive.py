"""Zip archives of notes, read in memory under caps. Standard library only.

An archive comes from outside: sizes in its directory are claims, names may point
anywhere, and a few kilobytes can unpack to gigabytes. Nothing is written to disk.
"""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ner_engine.errors import BadInput

_MIB = 1024 * 1024
# What reading a damaged or foreign entry raises.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    EOFError,
    OSError,
)


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may hold.

    The ratio (unpacked to packed) is asked of entries above ``ratio_from_bytes``, and
    of all together when they are above it: a short repetitive file compresses well
    without being a bomb.
    """

    max_entries: int = 10_000
    max_entry_bytes: int = 64 * _MIB
    max_total_bytes: int = 256 * _MIB
    max_ratio: int = 100
    ratio_from_bytes: int = _MIB


@dataclass(slots=True)
class ArchiveBudget:
    """What archives that are read into one memory may unpack to together.

    Every archive takes its share before its first entry is unpacked.
    """

    entries_left: int = 10_000
    bytes_left: int = 256 * _MIB

    def take(self, n_entries: int, n_bytes: int) -> None:
        """Take a share; BadInput, and nothing taken, when there is not enough left."""
        if n_entries > self.entries_left:
            raise BadInput(
                f"{n_entries} entries; {self.entries_left} are left for all archives"
                " together"
            )
        if n_bytes > self.bytes_left:
            raise BadInput(
                f"unpacks to {n_bytes} bytes; {self.bytes_left} are left for all"
                " archives together"
            )
        self.entries_left -= n_entries
        self.bytes_left -= n_bytes


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """An entry: its path inside the archive and its bytes."""

    name: str
    data: bytes


def read_archive(
    path: Path,
    limits: ArchiveLimits | None = None,
    budget: ArchiveBudget | None = None,
) -> Iterator[ArchiveFile]:
    """Yield the files of a zip archive, in name order.

    Folders, hidden files and what macOS adds are passed over. Who reads several
    archives hands the same *budget* to each.

    Raises
    ------
    BadInput
        When the file is no zip archive, an entry is encrypted, a link, damaged or
        outside the archive's folder, or a limit or the budget is exceeded. All names
        and claimed sizes are checked before the first entry is unpacked.
    """
    limits = limits or ArchiveLimits()
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", path=path) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BadInput("not a zip archive, or a damaged one", path=path) from error
    with archive:
        entries = [entry for entry in archive.infolist() if _is_note(entry)]
        try:
            _check_entries(entries, limits)
            if budget is not None:
                budget.take(len(entries), sum(entry.file_size for entry in entries))
            for entry in sorted(entries, key=lambda entry: entry.filename):
                yield ArchiveFile(entry.filename, _unpack(archive, entry))
        except BadInput as error:
            raise BadInput(error.reason, path=path) from error


def _is_note(entry: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(entry.filename).parts
    if entry.is_dir() or "__MACOSX" in parts:
        return False
    return not parts[-1].startswith(".") if parts else True


def _check_entries(entries: list[zipfile.ZipInfo], limits: ArchiveLimits) -> None:
    """Refuse an archive by its directory alone. Entries are named by number.

    Names of files are often names of patients, so errors do not quote them.
    """
    if len(entries) > limits.max_entries:
        raise BadInput(f"{len(entries)} entries, more than {limits.max_entries}")
    total = 0
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        reason = _refusal(entry, limits)
        if reason is None and entry.filename in seen:
            reason = "comes twice"
        if reason is not None:
            raise BadInput(f"entry {number} {reason}")
        seen.add(entry.filename)
        total += entry.file_size
    if total > limits.max_total_bytes:
        raise BadInput(f"unpacks to {total} bytes, more than {limits.max_total_bytes}")
    packed = sum(entry.compress_size for entry in entries)
    if total > limits.ratio_from_bytes and total > limits.max_ratio * packed:
        raise BadInput(f"unpacks more than {limits.max_ratio}-fold")


def _refusal(entry: zipfile.ZipInfo, limits: ArchiveLimits) -> str | None:
    """Return what is wrong with an entry, None when nothing is."""
    name = entry.filename
    pure = PurePosixPath(name)
    if not pure.parts or pure.is_absolute() or ".." in pure.parts:
        return "lies outside the archive"
    if "\\" in name or ":" in pure.parts[0]:
        return "has a name of another system"
    mode = entry.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "is a link or a device, not a file"
    if entry.flag_bits & 0x1:
        return "is encrypted"
    if entry.file_size > limits.max_entry_bytes:
        return f"has {entry.file_size} bytes, more than {limits.max_entry_bytes}"
    packed = max(entry.compress_size, 1)
    if entry.file_size > limits.ratio_from_bytes and (
        entry.file_size > limits.max_ratio * packed
    ):
        return f"unpacks more than {limits.max_ratio}-fold"
    return None


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Read an entry, never more than its directory claims (and was checked for)."""
    try:
        with archive.open(entry) as stream:
            data = stream.read(entry.file_size + 1)
    except _DAMAGE as error:
        raise BadInput("an entry is damaged or packed in an unknown way") from error
    if len(data) != entry.file_size:
        raise BadInput("an entry has not the size that it claims")
    return data
