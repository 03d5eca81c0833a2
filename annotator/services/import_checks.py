"""What an import asks of each document before anything is written.

The engine's readers have judged form (encoding, JSON, offsets); this judges fit with
the project: labels, lengths, patients' splits, and texts and ids that are there
already.
"""

from __future__ import annotations

import hashlib
import logging
import math
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from annotator import engine
from annotator.enums import Attribute, EntityUse, Genre, Split
from annotator.models import Note, Project
from annotator.services.import_problems import Problem, Refused

logger = logging.getLogger(__name__)

MAX_KEY_CHARS = 200
MAX_TITLE_CHARS = 200
# Levels of lists and objects beside the text. Databases and Python's own JSON writer
# give up somewhere between 500 and 1,000.
MAX_DEPTH = 100
# Keys of a Document JSONL row that have a column of their own; the rest is metadata.
_OWN_KEYS = frozenset(
    {
        "id",
        "text",
        "language",
        "entities",
        "split",
        "group",
        "exhaustive_for",
        "turns",
        "title",
    }
)
# Parameters of one query; SQLite allows 32,766, and lists stay readable in logs.
_LOOKUP_SIZE = 500
Item = TypeVar("Item")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Ids stand in file names, URLs and the comments of CoNLL files.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document as the engine's reader gave it, and where it stood."""

    file: str
    line: int | None
    row: Mapping[str, Any]


@dataclass(slots=True)
class Candidate:
    """A document that may go in; ``tokens`` come later, from the engine."""

    source: SourceDocument
    external_id: str
    text: str
    sha256: str
    language: str
    group_key: str
    split: str
    title: str
    turns: list[dict[str, Any]]
    # None: nobody annotated the text, which is not the same as an empty list.
    entities: list[dict[str, Any]] | None
    exhaustive_for: list[str] | None
    metadata: dict[str, Any]
    # Of the file's ``exhaustive_for``, what the project has no label for.
    unknown_exhaustive: tuple[str, ...] = ()
    tokens: list[list[int]] = field(default_factory=list)
    tokenizer_version: str = ""

    def problem(self, code: str, **values: Any) -> Problem:
        return Problem(self.source.file, self.source.line, code, values)


@dataclass(slots=True)
class ProjectFit:
    """What the documents of one import are held against."""

    project: Project
    labels: tuple[str, ...]
    entity_use: str
    max_chars: int
    # group key -> split of its notes, stored or met earlier in this import
    splits: dict[str, str] = field(default_factory=dict)
    seen_ids: dict[str, str] = field(default_factory=dict)
    seen_texts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project, *, entity_use: str, max_chars: int) -> ProjectFit:
        names = tuple(project.labels.values_list("name", flat=True))
        return cls(project, names, entity_use, max_chars)


def check_documents(
    documents: Iterable[SourceDocument], fit: ProjectFit
) -> Iterator[Candidate | Problem]:
    """Judge documents one by one; a group's split is settled by its first note."""
    for source in documents:
        try:
            candidate = _candidate(source, fit)
        except Refused as refused:
            yield Problem(source.file, source.line, refused.code, refused.values)
        except Exception as error:  # noqa: BLE001 - one document must not cost the others
            yield unexpected(error, source.file, source.line)
        else:
            yield candidate


def unexpected(error: Exception, file: str, line: int | None) -> Problem:
    """Make a problem of an error that nobody foresaw; its frames go to the log.

    The text of an unknown exception may quote what it choked on, so only its class is
    told.
    """
    name = type(error).__name__
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("import: a document raised %s\n%s", name, frames)
    return Problem(file, line, "unexpected", {"kind": name})


def load_group_splits(documents: Iterable[SourceDocument], fit: ProjectFit) -> None:
    """Look up the splits of patients whom the project knows already."""
    all_keys = {_group_key(source.row) for source in documents}
    # What no column can hold is refused later, and no database can be asked for it.
    keys = sorted(key for key in all_keys if not _CONTROL.search(key))
    for keys_part in batched(keys, _LOOKUP_SIZE):
        known = Note.objects.filter(project=fit.project, group_key__in=keys_part)
        fit.splits |= dict(known.values_list("group_key", "split"))


def find_stored(project: Project, candidates: list[Candidate]) -> dict[str, Note]:
    """Return stored notes that share an id or a text, by id and by SHA-256."""
    found: dict[str, Note] = {}
    slim = Note.objects.filter(project=project).only(
        "id", "external_id", "sha256", "metadata", "project_id"
    )
    for part in batched(candidates, _LOOKUP_SIZE):
        for note in slim.filter(external_id__in=[c.external_id for c in part]):
            found[f"id:{note.external_id}"] = note
        for note in slim.filter(sha256__in=[c.sha256 for c in part]):
            found[note.sha256] = note
    return found


def duplicate_of(
    candidate: Candidate, stored: Mapping[str, Note], job_id: int | None
) -> Problem | Note | None:
    """Compare with what is stored.

    The note itself when an earlier attempt of this very job wrote it, a problem when
    the id or the text is taken, None when the document is new.
    """
    same_id = stored.get(f"id:{candidate.external_id}")
    same_text = stored.get(candidate.sha256)
    if (
        same_id is not None
        and same_id.sha256 == candidate.sha256
        and job_id is not None
        and same_id.metadata.get("import_job") == job_id
    ):
        return same_id
    if same_text is not None:
        return candidate.problem("text_in_project", id=same_text.external_id)
    if same_id is not None:
        return candidate.problem("id_in_project", id=candidate.external_id)
    return None


def split_of_group(project: Project, group_key: str) -> str:
    """Draw a patient's split from a hash: the same on every run and every machine."""
    digest = hashlib.sha256(f"{project.pk}:{group_key}".encode()).digest()
    percent = int.from_bytes(digest[:8], "big") * 100 / 2**64
    if percent < project.test_percent:
        return Split.TEST
    if percent < project.test_percent + project.dev_percent:
        return Split.DEV
    return Split.TRAIN


def batched(items: list[Item], size: int) -> Iterator[list[Item]]:
    """Cut a list into parts of at most *size*."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _candidate(source: SourceDocument, fit: ProjectFit) -> Candidate:
    row = source.row
    text = _text(row, fit.max_chars)
    external_id = _key(str(row.get("id") or "").strip())
    entities = _entities(row, text, fit)
    exhaustive_for = _exhaustive_for(row, fit)
    metadata = {key: value for key, value in row.items() if key not in _OWN_KEYS}
    if not _is_storable(
        [metadata, row.get("turns"), row.get("title"), row.get("language")]
    ):
        raise Refused("broken_field")
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    _refuse_repeat(external_id, sha256, fit)
    group_key = _key(_group_key(row))
    candidate = Candidate(
        source=source,
        external_id=external_id,
        text=text,
        sha256=sha256,
        language=str(row.get("language") or fit.project.language)[:8],
        group_key=group_key,
        split=_split(row, group_key, fit),
        title=str(row.get("title") or "")[:MAX_TITLE_CHARS],
        turns=_turns(row, text, fit),
        entities=entities,
        exhaustive_for=exhaustive_for,
        metadata=metadata,
        unknown_exhaustive=_unknown_exhaustive(row, fit),
    )
    fit.splits[group_key] = candidate.split
    fit.seen_ids[external_id] = fit.seen_texts[sha256] = _place(source)
    return candidate


def _text(row: Mapping[str, Any], max_chars: int) -> str:
    text = str(row.get("text") or "")
    if not text.strip():
        raise Refused("empty")
    unstorable = _UNSTORABLE.search(text)
    if unstorable is not None:
        raise Refused("broken_text", at=unstorable.start())
    if len(text) > max_chars:
        raise Refused("too_long", n=len(text), limit=max_chars)
    return text


def _key(value: str) -> str:
    """Return an id or a group key when a column and a file name can hold it."""
    if not value:
        raise Refused("id_missing")
    if len(value) > MAX_KEY_CHARS:
        raise Refused("id_too_long", n=len(value), limit=MAX_KEY_CHARS)
    if _CONTROL.search(value):
        raise Refused("id_broken")
    return value


def _group_key(row: Mapping[str, Any]) -> str:
    return str(row.get("group") or row.get("id") or "").strip()


def _entities(
    row: Mapping[str, Any], text: str, fit: ProjectFit
) -> list[dict[str, Any]] | None:
    """Return each entity once, in order of the text; None when none are wanted."""
    entities = row.get("entities")
    if entities is None or fit.entity_use == EntityUse.IGNORE:
        return None
    unknown = sorted({str(e["label"]) for e in entities} - set(fit.labels))
    if unknown:
        raise Refused("unknown_label", labels=", ".join(map(_shown, unknown[:5])))
    once: dict[tuple[int, int, str], dict[str, Any]] = {}
    for entity in entities:
        start, end = int(entity["start"]), int(entity["end"])
        if not 0 <= start < end <= len(text):
            raise Refused("offsets", start=start, end=end, n=len(text))
        strange = sorted(set(entity.get("attributes", ())) - set(Attribute.values))
        if strange:
            raise Refused(
                "unknown_attribute", names=", ".join(map(_shown, strange[:5]))
            )
        once.setdefault((start, end, str(entity["label"])), dict(entity))
    return [once[key] for key in sorted(once)]


def _shown(name: str) -> str:
    """Cut a name that a file made up to what a report can hold."""
    return "".join(char for char in name if char.isprintable())[:40]


def _turns(row: Mapping[str, Any], text: str, fit: ProjectFit) -> list[dict[str, Any]]:
    """Keep the file's turns; a dialogue project looks for them where none are given."""
    if row.get("turns") or fit.project.genre != Genre.DIALOGUE:
        return list(row.get("turns") or [])
    return engine.find_turns(text)


def _exhaustive_for(row: Mapping[str, Any], fit: ProjectFit) -> list[str] | None:
    names = row.get("exhaustive_for")
    if names is None or fit.entity_use == EntityUse.IGNORE:
        return None
    return [name for name in fit.labels if name in names]


def _unknown_exhaustive(row: Mapping[str, Any], fit: ProjectFit) -> tuple[str, ...]:
    names = row.get("exhaustive_for")
    if names is None or fit.entity_use == EntityUse.IGNORE:
        return ()
    return tuple(sorted({_shown(name) for name in set(names) - set(fit.labels)}))


def _split(row: Mapping[str, Any], group_key: str, fit: ProjectFit) -> str:
    """Keep a patient in one split: a note in another would leak into the scores."""
    wanted = row.get("split")
    if wanted is not None and wanted not in Split.values:
        raise Refused("split_unknown")
    known = fit.splits.get(group_key)
    if wanted is not None and known is not None and wanted != known:
        raise Refused("split_differs", wanted=wanted, known=known)
    return str(wanted or known or split_of_group(fit.project, group_key))


def _refuse_repeat(external_id: str, sha256: str, fit: ProjectFit) -> None:
    if sha256 in fit.seen_texts:
        raise Refused("text_repeated", place=fit.seen_texts[sha256])
    if external_id in fit.seen_ids:
        raise Refused("id_repeated", id=external_id, place=fit.seen_ids[external_id])


def _is_storable(value: Any) -> bool:
    """Look for what PostgreSQL's JSON and text columns cannot hold, at any depth.

    Level by level and not by recursion, which a file could drive past Python's limit.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        if not all(map(_is_plain, level)):
            return False
        level = [inner for outer in level for inner in _items(outer)]
    return not level


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is None
    # 1e400 is JSON, but what is read of it is not
    return not isinstance(value, float) or math.isfinite(value)


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _place(source: SourceDocument) -> str:
    return source.file if source.line is None else f"{source.file}:{source.line}"
