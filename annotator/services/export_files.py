"""The bytes of an export: written from gold sets, read back, compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotator import engine
from annotator.enums import ExportFormat
from annotator.models import Note, Project
from annotator.selectors.gold import gold_document, gold_sets
from annotator.services.export_losses import beside_spans, context_losses

# Notes whose tokens and spans are in memory at once.
CHUNK_NOTES = 100
MAX_DIFFERENCES = 100

Progress = Callable[[int, int], None]
# start_char, end_char, label and, where the format has them, attributes
SpanSet = set[tuple[Any, ...]]


@dataclass(slots=True)
class Written:
    """What went into a file: per note, in order, the spans that it must give back.

    The spans are the annotator's while writing, and those that the format can carry
    once the file is verified.
    """

    expected: dict[str, SpanSet] = field(default_factory=dict)
    losses: list[dict[str, Any]] = field(default_factory=list)

    @property
    def n_spans(self) -> int:
        return sum(map(len, self.expected.values()))


def write_file(
    path: Path,
    project: Project,
    format_name: str,
    splits: Sequence[str],
    progress: Progress | None,
) -> Written:
    """Write the gold of the splits, in the order of the notes."""
    written = Written()
    has_attributes = format_name == ExportFormat.JSONL
    sets = gold_sets(project, splits=splits)
    total = sets.count()
    labels = list(project.labels.values_list("name", flat=True))
    context: list[dict[str, Any]] = []

    def documents() -> Iterator[tuple[engine.DocumentJson, list[engine.Token]]]:
        for gold in sets.iterator(chunk_size=CHUNK_NOTES):
            if progress is not None:
                progress(len(written.expected), total)
            document = gold_document(gold, with_attributes=has_attributes)
            written.expected[document["id"]] = _span_set(document)
            if not has_attributes:
                context.extend(context_losses(gold, labels))
            yield document, gold.note.tokens

    if format_name == ExportFormat.JSONL:
        engine.write_jsonl(path, (document for document, _ in documents()))
    else:
        lost = engine.write_conll(path, documents())
        written.losses = [*lost, *beside_spans(context, lost)]
    return written


def verify_file(
    path: Path, project: Project, format_name: str, written: Written
) -> dict[str, Any]:
    """Read the file and compare it, note by note, with what went in less the losses."""
    expected = dict(written.expected)
    losses: dict[str, list[dict[str, Any]]] = {}
    for loss in written.losses:
        losses.setdefault(loss["note"], []).append(loss)
    n_notes = n_spans = 0
    differences: list[dict[str, Any]] = []
    for external_id, found, tokens in _read_back(path, project, format_name, expected):
        wanted = expected.pop(external_id, None)
        if wanted is not None and external_id in losses:
            wanted = _carried(wanted, losses[external_id], tokens)
            written.expected[external_id] = wanted
        if found is None or wanted is None:
            differences.append({"note": external_id, "reason": "not read back"})
            continue
        n_notes += 1
        n_spans += len(found & wanted)
        if found != wanted:
            differences.append(_difference(external_id, wanted, found))
    differences += [{"note": key, "reason": "missing"} for key in expected]
    return {
        "notes": n_notes,
        "spans": n_spans,
        "n_differences": len(differences),
        "differences": differences[:MAX_DIFFERENCES],
    }


def _read_back(
    path: Path, project: Project, format_name: str, expected: dict[str, SpanSet]
) -> Iterator[tuple[str, SpanSet | None, list[engine.Token]]]:
    """Yield each document's id, its spans (None: not the document expected), tokens."""
    if format_name == ExportFormat.JSONL:
        for row in engine.read_jsonl(path):
            yield str(row["id"]), _span_set(row), []
        return
    order = list(expected)
    tokens: dict[str, list[engine.Token]] = {}
    for id_, spans in engine.read_conll(path, _stored(project, order, tokens)):
        yield id_, None if spans is None else set(spans), tokens.pop(id_, [])


def _stored(
    project: Project, order: list[str], seen: dict[str, list[engine.Token]]
) -> Iterator[tuple[str, str, list[engine.Token]]]:
    """Yield id, text and tokens of the notes in order, few of them in memory."""
    for start in range(0, len(order), CHUNK_NOTES):
        part = order[start : start + CHUNK_NOTES]
        notes = Note.objects.filter(project=project, external_id__in=part)
        by_id = {
            note.external_id: note
            for note in notes.only("external_id", "text", "tokens", "project_id")
        }
        for external_id in part:
            note = by_id[external_id]
            seen[external_id] = note.tokens
            yield external_id, note.text, note.tokens


def _carried(
    spans: SpanSet, losses: list[dict[str, Any]], tokens: list[engine.Token]
) -> SpanSet:
    """Return the spans less what was lost, those off token edges widened."""
    about_spans = [x for x in losses if x["reason"] not in {"attributes", "undecided"}]
    carried = spans - {
        (x["start_char"], x["end_char"], x["label"]) for x in about_spans
    }
    # last: widened, a span may fall on one that it drove out
    for loss in about_spans:
        if loss["reason"] == "misaligned":
            start, end = loss["start_char"], loss["end_char"]
            over = [token for token in tokens if token[0] < end and token[1] > start]
            carried.add((over[0][0], over[-1][1], loss["label"]))
    return carried


def _span_set(document: engine.DocumentJson) -> SpanSet:
    return {
        (e["start"], e["end"], e["label"], *e.get("attributes", ()))
        for e in document["entities"]
    }


def _difference(external_id: str, wanted: SpanSet, found: SpanSet) -> dict[str, Any]:
    return {
        "note": external_id,
        "reason": "spans differ",
        "missing": sorted(wanted - found),
        "extra": sorted(found - wanted),
    }
