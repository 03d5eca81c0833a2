"""Counts predicted spans against gold ones; every figure of a report comes from here.

Three ways of counting: ``exact`` (range and label equal: what a bare F1 means),
``overlap`` and ``characters``. Standard library only. All gold spans count, nested ones
too: a tagger that only gives the longest of nested mentions pays for the others here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ner_engine.errors import BadInput
from ner_engine.types import Document, Span

Match = Literal["exact", "overlap", "characters"]
MATCHES: tuple[Match, ...] = ("exact", "overlap", "characters")


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of true positives, false positives and false negatives; they add.

    The unit is a span, or a character where characters are matched.

    Ratios without a denominator are 0.0, as seqeval has them with ``zero_division=0``.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def n_gold(self) -> int:
        """Number of gold spans."""
        return self.tp + self.fn

    @property
    def n_predicted(self) -> int:
        """Number of predicted spans."""
        return self.tp + self.fp

    @property
    def precision(self) -> float:
        """Share of predicted spans that are gold."""
        return self.tp / self.n_predicted if self.n_predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of gold spans that were predicted."""
        return self.tp / self.n_gold if self.n_gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else 0.0


@dataclass(frozen=True, slots=True)
class CorpusScore:
    """Scores of a set of documents, kept apart by document and label.

    Parameters
    ----------
    document_ids : tuple of str
    labels : tuple of str
        The labels that were scored in at least one document, or were asked for.
    per_document : tuple of dict
        For each document, the scores of the labels that were scored in it.
    """

    document_ids: tuple[str, ...]
    labels: tuple[str, ...]
    per_document: tuple[dict[str, Score], ...]

    @property
    def micro(self) -> Score:
        """Sum over documents and labels."""
        return sum(self.by_document(), Score())

    def of_label(self, label: str) -> Score:
        """Sum of one label over documents."""
        return sum(self.by_document(label), Score())

    def by_document(self, label: str | None = None) -> list[Score]:
        """Return a score a document, of one label or of all together."""
        if label is None:
            return [sum(scores.values(), Score()) for scores in self.per_document]
        return [scores.get(label, Score()) for scores in self.per_document]


def score_spans(
    gold: Iterable[Span], predicted: Iterable[Span], *, match: Match = "exact"
) -> Score:
    """Count one document's spans against each other; duplicates count once.

    Parameters
    ----------
    gold, predicted : iterable of Span
    match : str
        ``exact``: a span is found by an equal one. ``overlap``: by one of its label
        that shares a character; pairs are one to one and as many as possible, so a
        prediction over a whole note finds one mention, not all. ``characters``: the
        unit is the character: those of each label that lie under gold spans, under
        predicted ones, under both (nested spans count a character once).
    """
    gold_set, predicted_set = set(gold), set(predicted)
    if match == "exact":
        tp = len(gold_set & predicted_set)
        return Score(tp, len(predicted_set) - tp, len(gold_set) - tp)
    total = Score()
    for label in {span.label for span in gold_set | predicted_set}:
        ours = [span for span in gold_set if span.label == label]
        theirs = [span for span in predicted_set if span.label == label]
        if match == "overlap":
            tp = _count_pairs(ours, theirs)
            total += Score(tp, len(theirs) - tp, len(ours) - tp)
        else:
            n_gold, n_predicted = _count_characters(ours), _count_characters(theirs)
            tp = n_gold + n_predicted - _count_characters([*ours, *theirs])
            total += Score(tp, n_predicted - tp, n_gold - tp)
    return total


def _count_pairs(gold: list[Span], predicted: list[Span]) -> int:
    """Return how many one-to-one pairs of overlapping spans there can be.

    The span that ends first pairs with the partner that ends first: all its partners
    cover its last character, so whatever meets that partner later meets the others
    too, and the choice is never regretted.
    """
    free = (
        sorted(gold, key=lambda span: span.end_char),
        sorted(predicted, key=lambda span: span.end_char),
    )
    n_pairs = 0
    while free[0] and free[1]:
        side = 0 if free[0][0].end_char <= free[1][0].end_char else 1
        span = free[side].pop(0)
        for index, partner in enumerate(free[1 - side]):
            if partner.overlaps(span):
                del free[1 - side][index]
                n_pairs += 1
                break
    return n_pairs


def _count_characters(spans: Iterable[Span]) -> int:
    """Return how many characters lie under at least one span."""
    total = reached = 0
    for span in sorted(spans):
        total += max(0, span.end_char - max(span.start_char, reached))
        reached = max(reached, span.end_char)
    return total


def is_exhaustive(document: Document, label: str) -> bool:
    """Tell whether every mention of the label in the document is annotated."""
    return document.exhaustive_for is None or label in document.exhaustive_for


def score_document(
    gold: Document,
    predicted: Iterable[Span],
    *,
    labels: Sequence[str] | None = None,
    with_partial: bool = False,
    match: Match = "exact",
) -> dict[str, Score]:
    """Score one document label by label.

    Parameters
    ----------
    gold : Document
        With its gold spans.
    predicted : iterable of Span
    labels : sequence of str, optional
        Score these only; None scores every label that occurs on either side.
    with_partial : bool
        Score labels that the document is not exhaustive for as well. They have no
        false positives then: what is not annotated may still be right.
    match : str
        As `score_spans` takes it.

    Returns
    -------
    dict of str to Score
        Labels that are not scored are missing.

    Raises
    ------
    BadInput
        When the document was never annotated.
    """
    if gold.spans is None:
        raise BadInput(f"document {gold.id} has no gold annotation")
    predicted = set(predicted)
    names = labels
    if names is None:
        names = sorted({span.label for span in (*gold.spans, *predicted)})
    scores: dict[str, Score] = {}
    for label in names:
        is_partial = not is_exhaustive(gold, label)
        if is_partial and not with_partial:
            continue
        score = score_spans(
            (span for span in gold.spans if span.label == label),
            (span for span in predicted if span.label == label),
            match=match,
        )
        scores[label] = Score(score.tp, 0, score.fn) if is_partial else score
    return scores


def pair_documents(
    gold: Iterable[Document], predicted: Iterable[Document]
) -> list[tuple[Document, Document]]:
    """Find the prediction of every gold document.

    Raises
    ------
    BadInput
        When one is missing, comes twice or was made on another text: offsets would
        mean nothing. Predictions without gold are passed over.
    """
    by_id: dict[str, Document] = {}
    for document in predicted:
        if document.id in by_id:
            raise BadInput(f"document {document.id} is predicted twice")
        by_id[document.id] = document
    pairs: list[tuple[Document, Document]] = []
    for document in gold:
        prediction = by_id.get(document.id)
        if prediction is None:
            raise BadInput(f"document {document.id} has no prediction")
        if prediction.text != document.text:
            raise BadInput(f"document {document.id} was predicted on another text")
        pairs.append((document, prediction))
    return pairs


def score_documents(
    pairs: Iterable[tuple[Document, Document]],
    *,
    labels: Sequence[str] | None = None,
    with_partial: bool = False,
    match: Match = "exact",
) -> CorpusScore:
    """Score pairs of gold and predicted documents; see `score_document`."""
    document_ids: list[str] = []
    per_document: list[dict[str, Score]] = []
    for gold, predicted in pairs:
        document_ids.append(gold.id)
        per_document.append(
            score_document(
                gold,
                predicted.spans or (),
                labels=labels,
                with_partial=with_partial,
                match=match,
            )
        )
    found = {label for scores in per_document for label in scores}
    names = tuple(sorted(found)) if labels is None else tuple(labels)
    return CorpusScore(tuple(document_ids), names, tuple(per_document))
