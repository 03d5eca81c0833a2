"""Explanations as data and as a heat-map page. The page holds text of the notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from ner_engine.evaluation.page import STYLE, document
from ner_engine.explain.attributions import NEAR_TOKENS, Explanation
from ner_engine.types import Document

_STYLE = (
    STYLE
    + """
.map{white-space:pre-wrap;border:1px solid #c8d0d8;padding:.6rem;margin:.3rem 0 1rem}
.map b{font-weight:normal;outline:2px solid #1f2933}
"""
)
_FOR, _AGAINST, _ATTENTION = "27,108,168", "179,38,30", "196,127,0"
_PREFACE = f"""
<p class="warning">This page holds text of notes: keep it as you keep the notes.</p>
<p>Gradients: blue speaks for the span, red against it; they add up to the score.
Attention: where the span's tokens were read from. The span is framed; near means within
{NEAR_TOKENS} tokens of it.</p>
"""

Explained = tuple[Document, Sequence[Explanation]]


def to_json(documents: Sequence[Explained]) -> dict[str, Any]:
    """Return explanations as JSON values: offsets and numbers, no text."""
    return {
        "documents": [
            {"id": row.id, "spans": [_span_json(item) for item in explanations]}
            for row, explanations in documents
        ]
    }


def to_heat_map(documents: Sequence[Explained], *, title: str) -> str:
    """Return a page with two maps a span: integrated gradients and attention."""
    parts = [f"<h1>{escape(title)}</h1>", _PREFACE]
    for row, explanations in documents:
        parts.append(f"<h2>{escape(row.id)}</h2>")
        parts += [_span_html(row, item) for item in explanations]
        if not explanations:
            parts.append("<p>No span was predicted.</p>")
    return document(title, "\n".join(parts), style=_STYLE)


def _span_json(item: Explanation) -> dict[str, Any]:
    span = item.span
    return {
        "start": span.start_char,
        "end": span.end_char,
        "label": span.label,
        "confidence": span.confidence,
        "score": item.score,
        "baseline_score": item.baseline_score,
        "remainder": item.remainder,
        "gradient_shares": asdict(item.shares(item.gradients)),
        "attention_shares": asdict(item.shares(item.attention)),
        "tokens": [
            {
                "start": token.start_char,
                "end": token.end_char,
                "attention": attention,
                "gradient": gradient,
            }
            for token, attention, gradient in zip(
                item.tokens, item.attention, item.gradients, strict=True
            )
        ],
    }


def _span_html(row: Document, item: Explanation) -> str:
    span = item.span
    sure = "" if span.confidence is None else f", confidence {span.confidence:.2f}"
    gradient, attention = item.shares(item.gradients), item.shares(item.attention)
    lines = "".join(
        f"<tr><td>{name}</td><td>{share.inside:.0%}</td><td>{share.near:.0%}</td>"
        f"<td>{share.far:.0%}</td></tr>"
        for name, share in (("gradients", gradient), ("attention", attention))
    )
    return (
        f"<h3>{escape(span.label)} [{span.start_char}, {span.end_char}){sure}</h3>"
        f"<p>score {item.score:.2f}, of the blanked text {item.baseline_score:.2f}</p>"
        "<table><thead><tr><th>share</th><th>in the span</th><th>near</th><th>far</th>"
        f"</tr></thead><tbody>{lines}</tbody></table>"
        f'<div class="map">{_map(row, item, item.gradients, is_signed=True)}</div>'
        f'<div class="map">{_map(row, item, item.attention, is_signed=False)}</div>'
    )


def _map(
    row: Document, item: Explanation, values: Sequence[float], *, is_signed: bool
) -> str:
    most = max((abs(value) for value in values), default=0.0) or 1.0
    parts: list[str] = []
    reached = item.tokens[0].start_char
    for token, value in zip(item.tokens, values, strict=True):
        parts.append(escape(row.text[reached : token.start_char]))
        colour = _ATTENTION if not is_signed else _FOR if value >= 0 else _AGAINST
        surface = escape(row.text[token.start_char : token.end_char])
        if item.span.start_char < token.end_char <= item.span.end_char:
            surface = f"<b>{surface}</b>"
        parts.append(
            f'<span style="background:rgba({colour},{abs(value) / most * 0.8:.2f})"'
            f' title="{value:.4f}">{surface}</span>'
        )
        reached = token.end_char
    return "".join(parts)
