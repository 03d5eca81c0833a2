"""All sources of a project at once: model, dictionaries, shipped patterns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ner_engine.data.pattern_vocabulary import PATTERN_LANGUAGES
from ner_engine.data.patterns import PATTERN_LABELS, find_pattern_spans
from ner_engine.suggesters.matching import PatternMatcher
from ner_engine.suggesters.sources import (
    PATTERN,
    Source,
    SourcedSpan,
    merge_sources,
)
from ner_engine.text.tokens import primary_language
from ner_engine.types import Document, Span

SHIPPED = Source(PATTERN, "doses")


def shipped_spans(document: Document, labels: Collection[str]) -> tuple[Span, ...]:
    """Return the doses, frequencies and durations that the shipped patterns find.

    Nothing for another language than Spanish, French and English, and of the labels
    only those of the project.
    """
    wanted = [label for label in PATTERN_LABELS if label in labels]
    language = primary_language(document.language)
    if not wanted or language not in PATTERN_LANGUAGES:
        return ()
    return find_pattern_spans(document.text, language, wanted)


def suggest(
    document: Document,
    *,
    labels: Collection[str],
    models: Mapping[Source, Iterable[Span]] | None = None,
    matchers: Mapping[Source, PatternMatcher] | None = None,
    has_shipped: bool = True,
    off: Collection[tuple[Source, str]] = (),
) -> tuple[SourcedSpan, ...]:
    """Return the merged suggestions of a note, each with its source.

    Parameters
    ----------
    document : Document
    labels : collection of str
        Of the project; what is found of others is left out.
    models : mapping of Source to spans, optional
        Predictions that were made already, with confidences.
    matchers : mapping of Source to PatternMatcher, optional
    has_shipped : bool
        Whether the shipped patterns take part.
    off : collection of (Source, str)
        Source and label that were switched off, of `off_sources`.
    """
    proposals: list[tuple[Source, Iterable[Span]]] = list((models or {}).items())
    for source, matcher in (matchers or {}).items():
        proposals.append((source, matcher.find(document.text)))
    if has_shipped:
        proposals.append((SHIPPED, shipped_spans(document, labels)))
    return merge_sources(
        (
            source,
            [
                span
                for span in spans
                if span.label in labels and (source, span.label) not in off
            ],
        )
        for source, spans in proposals
    )
