"""The report as Markdown tables. No text of a note is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ner_engine.evaluation.report import (
    Comparison,
    Confidence,
    EvaluationReport,
    Figures,
    SystemReport,
    not_enough,
)

Rows = list[tuple[str, ...]]
FIGURE_HEADS = ("", "F1", "95 % interval", "precision", "recall", "gold", "predicted")
CONFIDENCE_HEADS = ("", "ECE", "ECE by chance", "95th percentile", "Brier")
COMPARISON_HEADS = ("", "F1 of it", "difference", "95 % interval", "p", "p (Holm)")


def to_markdown(report: EvaluationReport, *, title: str) -> str:
    """Return the report as a Markdown document."""
    parts: list[str] = [f"# {title}", *summary(report)]
    for heading, heads, rows in tables(report):
        parts += [f"## {heading}", "\n".join(_table(heads, rows))]
    return "\n\n".join(parts) + "\n"


def summary(report: EvaluationReport) -> list[str]:
    """Return the paragraphs that stand above the tables."""
    system = report.system
    size = f"{system.n_documents} documents, {system.micro.score.n_gold} gold spans"
    lines = [f"{size}; intervals by bootstrap over documents, seed {report.seed}."]
    if not report.enough:
        lines.append(f"Not enough to say: {not_enough()}.")
    if system.n_documents:
        context = system.context
        lines.append(
            f"Of {context.n_spurious} false positives {context.n_outside} lie outside"
            f" clinical context: in one of the {context.n_sentences_outside} sentences"
            " without a gold mention."
        )
    return lines


def tables(
    report: EvaluationReport,
) -> Iterator[tuple[str, Sequence[str], Rows]]:
    """Yield heading, column heads and rows of every table of the report."""
    system = report.system
    yield "Scores", FIGURE_HEADS, _scores(system)
    yield "Labels", FIGURE_HEADS, _figure_rows(system.labels)
    if system.confidence.ece is not None:
        yield "Confidence", CONFIDENCE_HEADS, _confidence_rows(system)
    yield (
        "Errors",
        ("", "number"),
        [(kind.replace("_", " "), str(count)) for kind, count in system.errors.items()],
    )
    for name, groups in system.breakdowns.items():
        yield f"By {name}", FIGURE_HEADS, _figure_rows(groups)
    for comparison in report.comparisons:
        rows = _comparison_rows(comparison)
        yield f"Against {comparison.name}", COMPARISON_HEADS, rows


def _scores(system: SystemReport) -> Rows:
    rows = _figure_rows(
        {
            "exact, micro": system.micro,
            "overlap, micro": system.overlap,
            "characters, micro": system.characters,
        }
    )
    if system.macro.f1 is not None and system.macro.interval is not None:
        low, high = system.macro.interval
        figures = (f"{system.macro.f1:.3f}", f"{low:.3f} to {high:.3f}")
        rows.insert(1, ("exact, macro", *figures, "", "", "", ""))
    return rows


def _figure_rows(figures: Mapping[str, Figures]) -> Rows:
    rows: Rows = []
    for name, row in figures.items():
        score, interval = row.score, row.interval
        between = (
            "" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"
        )
        ratios = (f"{score.precision:.3f}", f"{score.recall:.3f}")
        counts = (str(score.n_gold), str(score.n_predicted))
        rows.append((name, f"{score.f1:.3f}", between, *ratios, *counts))
    return rows


def _confidence_rows(system: SystemReport) -> Rows:
    rows: Rows = []
    if system.uncalibrated is not None:
        rows.append(_confidence_row("before calibration", system.uncalibrated))
    rows.append(_confidence_row("as predicted", system.confidence))
    return rows


def _confidence_row(name: str, confidence: Confidence) -> tuple[str, ...]:
    null = confidence.null
    values = (
        confidence.ece,
        None if null is None else null.mean,
        None if null is None else null.p95,
        confidence.brier,
    )
    return (name, *("" if value is None else f"{value:.4f}" for value in values))


def _comparison_rows(comparison: Comparison) -> Rows:
    rows: Rows = []
    tested = {"micro": comparison.difference, **comparison.labels}
    figures = {"micro": comparison.against.micro, **comparison.against.labels}
    for name, row in tested.items():
        if row is not None:
            difference = row.difference
            rows.append(
                (
                    name,
                    f"{figures[name].score.f1:.3f}",
                    f"{difference.f1:+.3f}",
                    f"{difference.low:+.3f} to {difference.high:+.3f}",
                    f"{row.p:.4f}",
                    f"{row.p_holm:.4f}",
                )
            )
    return rows


def _table(heads: Sequence[str], rows: Rows) -> list[str]:
    aligns = ["---", *("---:" for _ in heads[1:])]
    lines = [heads, aligns, *(tuple(map(_cell, row)) for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
