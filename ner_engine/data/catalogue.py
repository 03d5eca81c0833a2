"""One door to every format: picks the reader by name, and gathers what went wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath

from ner_engine.data.archive import ArchiveBudget, ArchiveFile, read_archive
from ner_engine.data.brat import CONFIGURATION
from ner_engine.data.checks import read_bytes
from ner_engine.data.formats import FORMATS, REGISTRY, SUFFIXES, WRITABLE
from ner_engine.data.problems import Problem, ReadResult, collect
from ner_engine.data.registry import ReadOptions
from ner_engine.errors import BadInput
from ner_engine.types import Document

__all__ = ["FORMATS", "WRITABLE", "format_of", "read_any", "read_together"]


def read_any(
    path: Path,
    *,
    language: str,
    format: str | None = None,  # noqa: A002 - the word of the command line
    encoding: str | None = None,
    labels: Collection[str] | None = None,
    budget: ArchiveBudget | None = None,
) -> ReadResult:
    """Read a file, a folder or a zip archive of notes.

    Parameters
    ----------
    path : Path
        A file of one of ``FORMATS``; a ``.zip`` or a folder of such files.
    language : str
        For documents that do not say theirs.
    format : str, optional
        One of ``FORMATS``; None goes by the suffix of each file.
    encoding : str, optional
        Of text and CSV files, as `ner_engine.data.text_files.decode_text` takes it.
    labels : collection of str, optional
        Keep the spans of these labels only.
    budget : ArchiveBudget, optional
        What archives may unpack to, shared by the calls of one import.

    Returns
    -------
    ReadResult
        Documents in file order, those of files that belong together last; turns are
        found in text and CSV files that hold dialogues. Problems name the file within
        a folder or archive. Ids are unique over all files.

    Raises
    ------
    BadInput
        When *path* itself cannot be read, is of no known format, or is an archive
        that must not be unpacked.
    """
    if format is not None and format not in FORMATS:
        raise BadInput(f"the format is none of {', '.join(FORMATS)}", path=path)
    options = ReadOptions(language, encoding, labels)
    if path.is_dir():
        return _read_many(_folder_files(path), format, options)
    if path.suffix.lower() == ".zip":
        return _read_many(read_archive(path, budget=budget), format, options)
    chosen = format or format_of(path.name)
    if chosen is None:
        known = ", ".join([*SUFFIXES, ".zip"])
        raise BadInput(f"the suffix is none of {known}; name the format", path=path)
    files = [ArchiveFile(path.name, read_bytes(path)), *_beside(path, chosen)]
    try:
        return collect(REGISTRY[chosen].read(files, options), str(path))
    except BadInput as error:
        raise BadInput(error.reason, path=path, line=error.line) from error


def read_together(
    paths: Iterable[Path], *, language: str, encoding: str | None = None
) -> ReadResult:
    """Read files as `read_any` reads those of one folder.

    TextGrids of one conversation, a speaker each, become one document, and so does a
    text with its brat annotations.
    """
    ordered = sorted(paths, key=lambda path: path.name)
    files = (ArchiveFile(path.name, read_bytes(path)) for path in ordered)
    return _read_many(files, None, ReadOptions(language, encoding, None))


def format_of(name: str) -> str | None:
    """Return the format that a file's suffix tells, None for an unknown one."""
    return SUFFIXES.get(PurePosixPath(name).suffix.lower())


def _beside(path: Path, format_name: str) -> Iterator[ArchiveFile]:
    """Yield what belongs to a brat file that was named alone: its text, or its .ann."""
    if format_name == "brat":
        other = path.with_suffix(".txt" if path.suffix == ".ann" else ".ann")
        if other.is_file():
            yield ArchiveFile(other.name, read_bytes(other))


def _folder_files(folder: Path) -> Iterator[ArchiveFile]:
    """Yield the files of a folder and those under it, in name order."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in relative.parts)
        if path.is_file() and not path.is_symlink() and not is_hidden:
            yield ArchiveFile(relative.as_posix(), read_bytes(path))


def _read_many(
    files: Iterable[ArchiveFile], format_name: str | None, options: ReadOptions
) -> ReadResult:
    """Read files one after the other; a bad file is a problem, not the end."""
    documents: list[Document] = []
    problems: list[Problem] = []
    taken: set[str] = set()
    for file, result in _results(files, format_name, options):
        problems.extend(result.problems)
        for document in result.documents:
            if document.id in taken:
                reason = f"document id {document.id} comes in another file too"
                problems.append(Problem(file.name, None, reason))
            else:
                taken.add(document.id)
                documents.append(document)
    return ReadResult(tuple(documents), tuple(problems))


def _results(
    files: Iterable[ArchiveFile], format_name: str | None, options: ReadOptions
) -> Iterator[tuple[ArchiveFile, ReadResult]]:
    """Read each file, and files that belong together once all of them are known."""
    held: dict[str, dict[str, ArchiveFile]] = {}
    for file in files:
        if PurePosixPath(file.name).name in CONFIGURATION:
            continue
        chosen = format_name or _format_among(file.name, held)
        if chosen is None or (chosen == "brat" and not _is_brat(file.name)):
            problem = Problem(file.name, None, "the suffix tells no known format")
            yield file, ReadResult((), (problem,))
        elif REGISTRY[chosen].group is None:
            yield file, _read_group([file], chosen, options)
        else:
            held.setdefault(chosen, {})[file.name] = file
    for chosen, members in held.items():
        group = REGISTRY[chosen].group
        for names in () if group is None else group(list(members)):
            together = [members[name] for name in names]
            yield together[0], _read_group(together, chosen, options)


def _format_among(name: str, held: dict[str, dict[str, ArchiveFile]]) -> str | None:
    """Return a file's format; a text whose annotations came before it is brat's."""
    chosen = format_of(name)
    annotations = str(PurePosixPath(name).with_suffix(".ann"))
    return "brat" if chosen == "txt" and annotations in held.get("brat", {}) else chosen


def _is_brat(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in (".txt", ".ann")


def _read_group(
    files: list[ArchiveFile], format_name: str, options: ReadOptions
) -> ReadResult:
    name = files[0].name
    try:
        return collect(REGISTRY[format_name].read(files, options), name)
    except BadInput as error:
        return ReadResult(
            (), (Problem(str(error.path or name), error.line, error.reason),)
        )
