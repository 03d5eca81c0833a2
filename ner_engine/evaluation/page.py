"""The report as one HTML page that needs nothing else: no script, font or request.

Note text is left out unless it is asked for: reports are mailed and pinned to issues,
notes are patient data.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from ner_engine.evaluation.breakdowns import Case
from ner_engine.evaluation.error_analysis import find_errors
from ner_engine.evaluation.markdown import Rows, summary, tables
from ner_engine.evaluation.report import EvaluationReport, SystemReport
from ner_engine.evaluation.svg import Bar, bar_chart, reliability_plot
from ner_engine.types import Span

MAX_EXAMPLES = 300
_AROUND = 60  # characters of context on either side of an error

# Nothing may be fetched from anywhere, whatever a label or an id says.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
body{font:15px/1.5 sans-serif;color:#1f2933;max-width:60rem}
body{margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}
th,td{padding:.2rem .7rem;border-bottom:1px solid #c8d0d8;text-align:right}
th:first-child,td:first-child{text-align:left}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
.warning{border-left:4px solid #b3261e;padding:.4rem .8rem;background:#fdecea}
.gold{background:#d7eed9}.predicted{text-decoration:underline 2px #b3261e}
td.text{text-align:left;white-space:pre-wrap}
"""


def to_page(
    report: EvaluationReport, *, title: str, cases: Sequence[Case] | None = None
) -> str:
    """Return the page.

    Parameters
    ----------
    report : EvaluationReport
    title : str
    cases : sequence of Case, optional
        Show the errors of these in the text they stand in, the first `MAX_EXAMPLES`;
        None shows no text of any note.
    """
    parts = [f"<h1>{escape(title)}</h1>"]
    if cases is not None:
        parts.append(
            '<p class="warning">This page holds text of notes: keep it as you keep'
            " the notes.</p>"
        )
    parts += [f"<p>{escape(line)}</p>" for line in summary(report)]
    for heading, heads, rows in tables(report):
        parts.append(f"<h2>{escape(heading)}</h2>")
        plot = _plot(heading, report.system)
        if plot:
            parts.append(f"<figure>{plot}</figure>")
        parts.append(_table(heads, rows))
    if cases is not None:
        parts += ["<h2>Errors in their text</h2>", _examples(cases)]
    return document(title, "\n".join(parts))


def document(title: str, body: str, *, style: str = STYLE) -> str:
    """Return a complete page around *body*, closed against any outside request."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _plot(heading: str, system: SystemReport) -> str:
    if heading == "Confidence":
        return reliability_plot(system.confidence.bins, title="Reliability")
    if heading == "Labels" and system.labels:
        rows = {**system.labels, "micro": system.micro}
        bars = [
            Bar(name, row.score.f1, *(row.interval or (None, None)))
            for name, row in rows.items()
        ]
        return bar_chart(bars, title="F1 by label")
    n_errors = sum(system.errors.values())
    if heading == "Errors" and n_errors:
        bars = [
            Bar(kind.replace("_", " "), count / n_errors)
            for kind, count in system.errors.items()
        ]
        return bar_chart(bars, title="Share of each kind of error")
    return ""


def _table(heads: Sequence[str], rows: Rows) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in heads)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{lines}</tbody></table>"


def _examples(cases: Sequence[Case]) -> str:
    lines: list[str] = []
    for case in cases:
        for error in find_errors(case.gold, case.predicted):
            labels = (
                "" if span is None else span.label
                for span in (error.gold, error.predicted)
            )
            cells = [case.document.id, error.kind.replace("_", " "), *labels]
            shown = _in_text(case.document.text, error.gold, error.predicted)
            lines.append(
                "<tr>"
                + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
                + f'<td class="text">{shown}</td></tr>'
            )
    left_out = len(lines) - MAX_EXAMPLES
    note = f"<p>{left_out} more are not shown.</p>" if left_out > 0 else ""
    return (
        '<p><span class="gold">gold</span>, <span class="predicted">predicted</span>'
        "</p><table><thead><tr><th>document</th><th>error</th><th>gold</th>"
        "<th>predicted</th><th>text</th></tr></thead><tbody>"
        f"{''.join(lines[:MAX_EXAMPLES])}</tbody></table>{note}"
    )


def _in_text(text: str, gold: Span | None, predicted: Span | None) -> str:
    """Mark both spans in the text around them; they may overlap."""
    spans = [span for span in (gold, predicted) if span is not None]
    first = max(0, min(span.start_char for span in spans) - _AROUND)
    last = min(len(text), max(span.end_char for span in spans) + _AROUND)
    edges = {first, last}
    for span in spans:
        edges |= {span.start_char, span.end_char}
    ordered = sorted(edges)
    parts: list[str] = []
    for start, end in pairwise(ordered):
        names = [
            name
            for name, span in (("gold", gold), ("predicted", predicted))
            if span is not None and span.start_char <= start and end <= span.end_char
        ]
        piece = escape(text[start:end])
        parts.append(
            f'<span class="{" ".join(names)}">{piece}</span>' if names else piece
        )
    return "".join(parts)
