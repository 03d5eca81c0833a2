"""What a training would learn from: the gold notes of a project, counted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from annotator.enums import JobKind, JobState, Split
from annotator.models import Job, Project
from annotator.selectors.gold import gold_document, gold_sets

# What recipe "adapt" does with the shipped starter on two idle cores; replaced by what
# the project's own last training took. The recipe reads each piece of text up to 12
# times, 280,000 pieces in all but each of them 3 times; see ner_engine's recipes.
CHARS_PER_PIECE = 3.3
PIECES_PER_SECOND = 2_000
MAX_EPOCHS, MIN_EPOCHS, MAX_TOTAL_PIECES = 12, 3, 280_000
# Loading the libraries twice, and scoring two versions.
OVERHEAD_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Counts per split, and what they would take."""

    n_notes: dict[str, int]
    # {"train": {"FINDING": 41, ...}, ...}; every label of the project is there.
    n_spans: dict[str, dict[str, int]]
    labels: list[str]
    # Training notes that are not annotated in full: labels came later, or suggestions
    # were left undecided.
    n_incomplete: int
    digest: str
    estimated_seconds: float
    # The estimate rests on the project's own last training, not on a guess by length.
    is_measured: bool

    @property
    def n_training_notes(self) -> int:
        return self.n_notes[Split.TRAIN]

    @property
    def n_training_spans(self) -> int:
        return sum(self.n_spans[Split.TRAIN].values())

    @property
    def refusal(self) -> str:
        """Say why there is nothing to train on; empty when there is."""
        if not self.n_training_notes:
            return "no submitted notes in the training split yet"
        if not self.n_training_spans:
            return "no annotations in the submitted training notes yet"
        return ""


def training_plan(*, project: Project) -> TrainingPlan:
    """Count the gold notes of the project and digest what training would read."""
    labels = list(project.labels.values_list("name", flat=True))
    n_notes = dict.fromkeys(Split.values, 0)
    n_spans = {split: dict.fromkeys(labels, 0) for split in Split.values}
    n_chars = n_incomplete = 0
    hasher = data_hasher(labels)
    for document in gold_documents(project):
        split = document["split"]
        n_notes[split] += 1
        for entity in document["entities"]:
            n_spans[split][entity["label"]] += 1
        if split == Split.TRAIN:
            n_chars += len(document["text"])
            n_incomplete += bool(set(labels).difference(document["exhaustive_for"]))
        if split != Split.TEST:
            add_to_digest(hasher, document)
    seconds, is_measured = _estimate(project, n_notes[Split.TRAIN], n_chars)
    return TrainingPlan(
        n_notes=n_notes,
        n_spans=n_spans,
        labels=labels,
        n_incomplete=n_incomplete,
        digest=hasher.hexdigest(),
        estimated_seconds=seconds,
        is_measured=is_measured,
    )


def gold_documents(
    project: Project, *, splits: list[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the gold notes as Document JSONL rows, in the order of the notes."""
    sets = gold_sets(project, splits=splits)
    for annotation_set in sets.iterator(chunk_size=100):
        yield gold_document(annotation_set)


def data_hasher(labels: list[str]) -> Any:
    """Start a digest over a label scheme and documents."""
    return hashlib.sha256(json.dumps(labels).encode())


def add_to_digest(hasher: Any, document: dict[str, Any]) -> None:
    """Add one document to a digest, in one spelling."""
    hasher.update(json.dumps(document, sort_keys=True).encode() + b"\n")


def _estimate(project: Project, n_notes: int, n_chars: int) -> tuple[float, bool]:
    """Scale the last training's time by the notes; without one, guess by length.

    The second value tells whether there was one.
    """
    last = Job.objects.filter(
        project=project, kind=JobKind.TRAIN, state=JobState.SUCCEEDED
    ).first()
    version = (
        project.versions.filter(pk=last.result.get("version")).first() if last else None
    )
    if version is None or not version.training_seconds or not version.n_training_notes:
        n_pieces = n_chars / CHARS_PER_PIECE
        n_read = max(
            min(MAX_EPOCHS * n_pieces, MAX_TOTAL_PIECES), MIN_EPOCHS * n_pieces
        )
        return OVERHEAD_SECONDS + n_read / PIECES_PER_SECOND, False
    return version.training_seconds * n_notes / version.n_training_notes, True
