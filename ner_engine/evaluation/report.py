"""A report of one system, or of two compared, as JSON and as a table.

Figures from a small set always stand with their interval, and say when there are too
few documents or spans to conclude anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ner_engine.evaluation.breakdowns import (
    Case,
    Context,
    TrainingMemory,
    break_down,
    context_of_errors,
)
from ner_engine.evaluation.calibration import (
    Bin,
    Null,
    brier_score,
    calibration_null,
    expected_calibration_error,
    reliability_bins,
)
from ner_engine.evaluation.error_analysis import (
    ErrorKind,
    SpanError,
    count_errors,
    find_errors,
)
from ner_engine.evaluation.intervals import (
    Difference,
    Interval,
    f1_difference,
    f1_interval,
    macro_f1,
    macro_interval,
)
from ner_engine.evaluation.scorer import (
    CorpusScore,
    Match,
    Score,
    is_exhaustive,
    score_documents,
)
from ner_engine.evaluation.significance import holm, randomisation_p
from ner_engine.types import Document, Span

# Below these a comparison says "not enough to say" (DESIGN, section 3).
MIN_DOCUMENTS = 15
MIN_GOLD_SPANS = 100

Pairs = Sequence[tuple[Document, Document]]


@dataclass(frozen=True, slots=True)
class Figures:
    """A score with the interval of its F1; None without documents."""

    score: Score
    interval: Interval | None

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return {
            "f1": self.score.f1,
            "precision": self.score.precision,
            "recall": self.score.recall,
            "n_gold": self.score.n_gold,
            "n_predicted": self.score.n_predicted,
            "interval": None if self.interval is None else list(self.interval),
        }


@dataclass(frozen=True, slots=True)
class Macro:
    """Mean F1 over labels that have gold, with its interval; None without any."""

    f1: float | None
    interval: Interval | None

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        interval = None if self.interval is None else list(self.interval)
        return {"f1": self.f1, "interval": interval}


@dataclass(frozen=True, slots=True)
class Confidence:
    """What confidences are worth; every figure is None without confidences.

    ``null`` is the error that a perfectly calibrated model would show on as many spans.
    """

    ece: float | None
    null: Null | None
    brier: float | None
    bins: list[Bin]

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return {
            "ece": self.ece,
            "ece_null": None if self.null is None else self.null._asdict(),
            "brier": self.brier,
        }


@dataclass(frozen=True, slots=True)
class SystemReport:
    """Figures of one system on one set of documents.

    ``micro`` and ``labels`` count exact spans; ``uncalibrated`` is None unless the
    posteriors behind the confidences were given.
    """

    n_documents: int
    scores: CorpusScore
    micro: Figures
    macro: Macro
    overlap: Figures
    characters: Figures
    labels: dict[str, Figures]
    confidence: Confidence
    uncalibrated: Confidence | None
    errors: dict[ErrorKind, int]
    context: Context
    breakdowns: dict[str, dict[str, Figures]]

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        confidence = self.confidence.to_json()
        if self.uncalibrated is not None:
            confidence["uncalibrated"] = self.uncalibrated.to_json()
        return {
            "micro": self.micro.to_json(),
            "macro": self.macro.to_json(),
            "overlap": self.overlap.to_json(),
            "characters": self.characters.to_json(),
            "labels": {name: row.to_json() for name, row in self.labels.items()},
            **confidence,
            "reliability": [row._asdict() for row in self.confidence.bins],
            "errors": self.errors,
            "false_positives": self.context.to_json(),
            "breakdowns": {
                name: {group: row.to_json() for group, row in groups.items()}
                for name, groups in self.breakdowns.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Tested:
    """A difference of F1 with its p-value, plain and after Holm's correction.

    The family of the correction is every difference of the report.
    """

    difference: Difference
    p: float
    p_holm: float

    def to_json(self) -> dict[str, float]:
        """Return the figures as a JSON object."""
        return {**self.difference._asdict(), "p": self.p, "p_holm": self.p_holm}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Another system, and the first's F1 less the other's."""

    name: str
    against: SystemReport
    difference: Tested | None
    labels: dict[str, Tested | None]

    def to_json(self) -> dict[str, Any]:
        """Return both parts as a JSON object."""
        difference = None
        if self.difference is not None:
            by_label = {
                name: None if row is None else row.to_json()
                for name, row in self.labels.items()
            }
            difference = {**self.difference.to_json(), "labels": by_label}
        return {"against": self.against.to_json(), "difference": difference}


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What `evaluate` says of a system, alone or against others."""

    seed: int
    system: SystemReport
    comparisons: tuple[Comparison, ...] = ()

    @property
    def enough(self) -> bool:
        """Tell whether there are enough documents and gold spans to conclude."""
        return (
            self.system.n_documents >= MIN_DOCUMENTS
            and self.system.micro.score.n_gold >= MIN_GOLD_SPANS
        )

    def to_json(self) -> dict[str, Any]:
        """Return the report as a JSON object.

        The first comparison also stands under ``against`` and ``difference``.
        """
        report: dict[str, Any] = {
            "n_documents": self.system.n_documents,
            "n_gold": self.system.micro.score.n_gold,
            "seed": self.seed,
            "enough": self.enough,
            **self.system.to_json(),
        }
        if self.comparisons:
            rows = [{"name": row.name, **row.to_json()} for row in self.comparisons]
            report.update(self.comparisons[0].to_json(), comparisons=rows)
        return report

    def to_table(self) -> str:
        """Return the report as text for a terminal."""
        rows: list[tuple[str, ...]] = [
            ("", "F1", "interval", "P", "R", "gold", "pred.")
        ]
        rows += [_row(name, figures) for name, figures in self.system.labels.items()]
        rows.append(_row("micro", self.system.micro))
        rows.append(_row("overlap", self.system.overlap))
        rows.append(_row("characters", self.system.characters))
        lines = _align(rows)
        lines.append("")
        lines.append(f"{self.system.n_documents} documents, seed {self.seed}")
        confidence = self.system.confidence
        if confidence.ece is not None and confidence.null is not None:
            lines.append(
                f"expected calibration error {confidence.ece:.3f}"
                f" (by chance {confidence.null.mean:.3f},"
                f" 95th percentile {confidence.null.p95:.3f})"
            )
        errors = self.system.errors.items()
        lines.append("errors: " + ", ".join(f"{kind} {n}" for kind, n in errors))
        for comparison in self.comparisons:
            lines += ["", *_comparison_lines(comparison)]
        if not self.enough:
            lines.append(f"not enough to say: {not_enough()}")
        return "\n".join(lines)


def not_enough() -> str:
    """Return what a set lacks that is too small to conclude from."""
    return f"fewer than {MIN_DOCUMENTS} documents or {MIN_GOLD_SPANS} gold spans"


def build_report(
    pairs: Pairs,
    *,
    seed: int = 0,
    labels: Sequence[str] | None = None,
    with_partial: bool = False,
    against: Sequence[tuple[str, Pairs]] = (),
    training: Sequence[Document] | None = None,
    uncalibrated: Pairs | None = None,
) -> EvaluationReport:
    """Score a system, and compare it with others on the same documents.

    Parameters
    ----------
    pairs : sequence of (Document, Document)
        Gold and predicted, from `ner_engine.evaluation.scorer.pair_documents`.
    seed : int
        Of the bootstrap, the randomisation and the simulated calibration.
    labels, with_partial
        As `ner_engine.evaluation.scorer.score_document` takes them. Without *labels*,
        systems are compared on the labels that occur in the gold or in any of them.
    against : sequence of (str, pairs)
        Other systems by name, on the same gold documents in the same order.
    training : sequence of Document, optional
        What the system was trained on, to tell seen mentions and words from unseen.
    uncalibrated : sequence of (Document, Document), optional
        The same predictions with posteriors in place of confidences.
    """
    if labels is None and against:
        every = [*pairs, *(pair for _, rows in against for pair in rows)]
        labels = _labels_of(every)
    memory = None if training is None else TrainingMemory(training)
    system = _report_system(pairs, seed, labels, with_partial, memory, uncalibrated)
    others = [
        (name, _report_system(rows, seed, labels, with_partial, memory, None))
        for name, rows in against
    ]
    return EvaluationReport(seed, system, _compare(system, others, seed))


def _compare(
    system: SystemReport, others: Sequence[tuple[str, SystemReport]], seed: int
) -> tuple[Comparison, ...]:
    """Test every difference: over all labels (None) and in each."""
    names: list[str | None] = [None, *system.scores.labels]
    differences: dict[tuple[int, str | None], tuple[Difference, float]] = {}
    for index, (_, other) in enumerate(others):
        for label in names:
            ours = system.scores.by_document(label)
            theirs = other.scores.by_document(label)
            difference = f1_difference(ours, theirs, seed=seed)
            p_value = randomisation_p(ours, theirs, seed=seed)
            if difference is not None and p_value is not None:
                differences[index, label] = (difference, p_value)
    adjusted = holm([p_value for _, p_value in differences.values()])
    tested = {
        key: Tested(difference, p_value, p_holm)
        for (key, (difference, p_value)), p_holm in zip(
            differences.items(), adjusted, strict=True
        )
    }
    return tuple(
        Comparison(
            name,
            other,
            tested.get((index, None)),
            {label: tested.get((index, label)) for label in system.scores.labels},
        )
        for index, (name, other) in enumerate(others)
    )


def _report_system(
    pairs: Pairs,
    seed: int,
    labels: Sequence[str] | None,
    with_partial: bool,
    memory: TrainingMemory | None,
    uncalibrated: Pairs | None,
) -> SystemReport:
    scores = score_documents(pairs, labels=labels, with_partial=with_partial)
    by_label = {name: scores.by_document(name) for name in scores.labels}
    rows = list(by_label.values())

    def counted(match: Match) -> Figures:
        found = score_documents(
            pairs, labels=labels, with_partial=with_partial, match=match
        )
        return _figures(found.by_document(), seed)

    cases = scored_cases(pairs, scores)
    return SystemReport(
        n_documents=len(scores.document_ids),
        scores=scores,
        micro=_figures(scores.by_document(), seed),
        macro=Macro(macro_f1(rows), macro_interval(rows, seed=seed)),
        overlap=counted("overlap"),
        characters=counted("characters"),
        labels={name: _figures(found, seed) for name, found in by_label.items()},
        confidence=_confidence(cases, seed),
        uncalibrated=(
            None
            if uncalibrated is None
            else _confidence(scored_cases(uncalibrated, scores), seed)
        ),
        errors=count_errors(_errors(cases)),
        context=context_of_errors(cases),
        breakdowns={
            name: {group: _figures(found, seed) for group, found in groups.items()}
            for name, groups in break_down(cases, memory).items()
        },
    )


def _figures(by_document: Sequence[Score], seed: int) -> Figures:
    return Figures(sum(by_document, Score()), f1_interval(by_document, seed=seed))


def _labels_of(pairs: Pairs) -> list[str]:
    """Return the labels that can be scored somewhere in the pairs, sorted."""
    found: set[str] = set()
    for gold, predicted in pairs:
        names = {span.label for span in (*(gold.spans or ()), *(predicted.spans or ()))}
        found |= {name for name in names if is_exhaustive(gold, name)}
    return sorted(found)


def scored_cases(pairs: Pairs, scores: CorpusScore) -> list[Case]:
    """Return each document with the spans of the exhaustive labels scored in it."""
    cases: list[Case] = []
    for (gold, predicted), by_label in zip(pairs, scores.per_document, strict=True):
        names = {name for name in by_label if is_exhaustive(gold, name)}
        gold_spans = [span for span in gold.spans or () if span.label in names]
        found = [span for span in predicted.spans or () if span.label in names]
        cases.append(Case(gold, gold_spans, found))
    return cases


def _confidence(cases: Sequence[Case], seed: int) -> Confidence:
    """Hold the confidence of each predicted span against whether it is right.

    Of a span predicted twice, the higher confidence counts.
    """
    confidences: list[float] = []
    is_correct: list[bool] = []
    for case in cases:
        best: dict[Span, float] = {}
        for span in case.predicted:
            if span.confidence is not None:
                best[span] = max(span.confidence, best.get(span, 0.0))
        gold_set = set(case.gold)
        confidences.extend(best.values())
        is_correct.extend(span in gold_set for span in best)
    return Confidence(
        ece=expected_calibration_error(confidences, is_correct),
        null=calibration_null(confidences, seed=seed),
        brier=brier_score(confidences, is_correct),
        bins=reliability_bins(confidences, is_correct),
    )


def _errors(cases: Sequence[Case]) -> list[SpanError]:
    return [error for case in cases for error in find_errors(case.gold, case.predicted)]


def _row(name: str, figures: Figures) -> tuple[str, ...]:
    score = figures.score
    interval = figures.interval
    between = "-" if interval is None else f"{interval.low:.3f}-{interval.high:.3f}"
    ratios = (f"{score.precision:.3f}", f"{score.recall:.3f}")
    counts = (str(score.n_gold), str(score.n_predicted))
    return (name, f"{score.f1:.3f}", between, *ratios, *counts)


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    """Set names left and figures right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _comparison_lines(comparison: Comparison) -> list[str]:
    rows = [("", "F1 against", "difference", "interval", "p", "p (Holm)")]
    tested = {**comparison.labels, "micro": comparison.difference}
    figures = {**comparison.against.labels, "micro": comparison.against.micro}
    for name, row in tested.items():
        if row is not None:
            shown = f"{row.difference.low:+.3f}..{row.difference.high:+.3f}"
            f1 = f"{figures[name].score.f1:.3f}"
            p_values = (f"{row.p:.4f}", f"{row.p_holm:.4f}")
            rows.append((name, f1, f"{row.difference.f1:+.3f}", shown, *p_values))
    return [f"against {comparison.name}", *_align(rows)]
