"""How gold annotation of other schemes is brought to the starter's conventions.

What is no sign of illness is no finding; a dose that holds its frequency is two spans;
a length of time goes without its preposition. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from ner_engine.data.pattern_matcher import fold
from ner_engine.data.patterns import PATTERN_LABELS, find_pattern_spans
from ner_engine.types import Document, Span

Rule = Callable[[Document], Document]

# SympTEMIST and MACCROBAT mark normal results and habits too; the scheme's FINDING is a
# sign, symptom, disease or abnormal result.
_NO_FINDING = re.compile(
    r"^(?:sin|no|without)\b|\b(?:normal(?:es|mente|idad|ly)?|conservad\w+|afebrile?"
    r"|apiretic\w+|asintomatic\w+|anodin\w+|negativ\w+|buen estado\b.*"
    r"|normocolore\w+|normohidrat\w+|eupneic\w+"
    r"|normoperfund\w+|orientad\w+|estable(?:mente)?|asymptomatic|unremarkable"
    r"|within normal limits)\b",
    re.IGNORECASE,
)
_BEFORE_LENGTH = re.compile(
    r"^(?:for|over|after|during|since|within|from|of|in|lasted|the|course|period|a|"
    r"following)\s",
    re.IGNORECASE,
)
_AFTER_LENGTH = re.compile(
    r"\s(?:history|course|period|duration|prior|ago|after|later|before|of\s.*)$",
    re.IGNORECASE,
)
_HOW_OFTEN = re.compile(
    r"\d|\b(?:every|per|daily|weekly|monthly|once|twice|a (?:day|week|month))\b",
    re.IGNORECASE,
)


def drop_normal_findings(document: Document) -> Document:
    """Leave out findings whose words say that nothing is wrong."""
    kept = (
        span
        for span in document.spans or ()
        if span.label != "FINDING"
        or _NO_FINDING.search(fold(span.mention(document.text))) is None
    )
    return replace(document, spans=tuple(kept))


def add_silver(document: Document) -> Document:
    """Mark doses, frequencies and durations by the patterns, as exhaustive."""
    gold = [s for s in document.spans or () if s.label not in PATTERN_LABELS]
    silver = find_pattern_spans(document.text, document.language)
    return replace(
        document,
        spans=tuple(sorted((*gold, *silver))),
        exhaustive_for=(document.exhaustive_for or frozenset()) | set(PATTERN_LABELS),
    )


def keep_labels(*labels: str) -> Rule:
    """Return a rule that leaves out every other label, exhaustive or not."""

    def rule(document: Document) -> Document:
        spans = tuple(s for s in document.spans or () if s.label in labels)
        exhaustive = (document.exhaustive_for or frozenset()) & set(labels)
        return replace(document, spans=spans, exhaustive_for=exhaustive)

    return rule


def refit_maccrobat(document: Document) -> Document:
    """Split MACCROBAT's doses from their frequencies and trim its durations.

    The patterns decide wherever they find something; gold spans that they miss stay
    when they fit the conventions.
    """
    silver = find_pattern_spans(document.text, document.language)
    gold = [span for span in document.spans or () if span.label not in PATTERN_LABELS]
    kept = [
        refitted
        for span in document.spans or ()
        if span.label in ("FREQUENCY", "DURATION")
        if (refitted := _refit(span, document.text)) is not None
        if not any(refitted.overlaps(other) for other in silver)
    ]
    return replace(document, spans=tuple(sorted({*gold, *silver, *kept})))


def _refit(span: Span, text: str) -> Span | None:
    if span.label == "FREQUENCY":
        return span if _HOW_OFTEN.search(span.mention(text)) else None
    start_char, end_char = span.start_char, span.end_char
    while (before := _BEFORE_LENGTH.match(text[start_char:end_char])) is not None:
        start_char += before.end()
    while (after := _AFTER_LENGTH.search(text[start_char:end_char])) is not None:
        end_char = start_char + after.start()
    if not re.search(r"\d|year|month|week|day|hour|minute", text[start_char:end_char]):
        return None
    return Span(start_char, end_char, span.label)


def apply_rules(document: Document, rules: Iterable[Rule]) -> Document:
    """Apply rules one after another."""
    for rule in rules:
        document = rule(document)
    return document
