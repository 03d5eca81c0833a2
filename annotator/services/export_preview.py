"""What an export would hold, in numbers, before anybody makes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count

from annotator.enums import ExportFormat, Split
from annotator.models import Project, Span
from annotator.selectors.gold import gold_sets
from annotator.services.export_losses import LossCounts, conll_losses, count_losses

# Beyond so many notes the losses are counted when the file is made: looking at every
# token takes about a millisecond a note, and this runs while somebody waits.
MAX_NOTES_FOR_LOSSES = 500


@dataclass(frozen=True, slots=True)
class LabelRow:
    """Spans of a label, a number a split in the order of the table's head."""

    name: str
    colour_slot: int
    n_spans: tuple[int, ...]
    n_all: int


@dataclass(frozen=True, slots=True)
class ExportPreview:
    """Counts by split and label; ``losses`` is None when they are not counted."""

    splits: tuple[str, ...]
    n_notes: tuple[int, ...]
    labels: tuple[LabelRow, ...]
    losses: LossCounts | None

    @property
    def n_all_notes(self) -> int:
        return sum(self.n_notes)

    @property
    def n_all_spans(self) -> int:
        return sum(row.n_all for row in self.labels)


def preview_export(
    *,
    project: Project,
    format: str,  # noqa: A002 - the page's word
    splits: Sequence[str],
) -> ExportPreview:
    """Count notes, spans and losses of the gold in the splits."""
    chosen = tuple(split for split in Split.values if split in splits)
    sets = gold_sets(project, splits=chosen)
    notes = Counter(sets.values_list("note__split", flat=True))
    spans = (
        Span.objects.filter(annotation_set__in=sets.order_by().values("pk"))
        .order_by()
        .values_list("label", "annotation_set__note__split")
        .annotate(n=Count("pk"))
    )
    counts = {(label, split): n for label, split, n in spans}
    rows = []
    for label in project.labels.all():
        by_split = tuple(counts.get((label.pk, split), 0) for split in chosen)
        rows.append(LabelRow(label.name, label.colour_slot, by_split, sum(by_split)))
    losses = None
    if format == ExportFormat.JSONL:
        losses = LossCounts()
    elif sum(notes.values()) <= MAX_NOTES_FOR_LOSSES:
        names = [row.name for row in rows]
        losses = count_losses(
            loss
            for gold in sets.iterator(chunk_size=100)
            for loss in conll_losses(gold, names)
        )
    return ExportPreview(
        chosen, tuple(notes[split] for split in chosen), tuple(rows), losses
    )
