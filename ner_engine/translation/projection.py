"""Projects the spans of a document into its translation.

Methods, by name: ``marks`` (what the backend carried), ``lookup`` (the mention
translated alone and found), ``argmax``, ``softmax``, ``transport`` (word alignment by
an encoder), ``lexicon`` (word alignment learnt from the texts) and ``combined``, which
weighs all of these for each place and drops what it does not trust.
``benchmarks/projection/run.py`` measures how good each is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from ner_engine.errors import BadInput
from ner_engine.text.tokens import tokenize
from ner_engine.translation.alignment import ALIGNERS, Matrix, cosine, mutual_argmax
from ner_engine.translation.candidates import (
    Candidate,
    Evidence,
    Side,
    Weights,
    best_overlap,
    features,
    gather_evidence,
    mention_words,
    probabilities,
    windows,
)
from ner_engine.translation.lexicon import EMPTY, Lexicon, learn_lexicon
from ner_engine.translation.mentions import FOUND, window_agreement
from ner_engine.translation.projection_weights import THRESHOLD, WEIGHTS
from ner_engine.translation.sentence_pairs import Block, pair_sentences, words_of
from ner_engine.translation.types import Translation
from ner_engine.translation.word_vectors import WordEncoder
from ner_engine.types import Document, Span

Method = Literal[
    "marks", "lookup", "argmax", "softmax", "transport", "lexicon", "combined"
]
METHODS: tuple[Method, ...] = (
    "marks",
    "lookup",
    "argmax",
    "softmax",
    "transport",
    "lexicon",
    "combined",
)
NEEDS_ENCODER = frozenset({"argmax", "softmax", "transport", "combined"})
# Translates mentions out of context, all of one language, in order.
Alone = Callable[[Sequence[str]], Sequence[str]]
_MAX_PROPOSALS = 8  # places a mention keeps for the case that the best is taken


@dataclass(frozen=True, slots=True)
class Projector:
    """Finds the places of spans in translations.

    Parameters
    ----------
    method : Method
    encoder : WordEncoder, optional
        What the methods of `NEEDS_ENCODER` need; ``combined`` without one relies on
        spelling, position and lexicon alone.
    lexicon : Lexicon
        As `learn_from` returns it.
    alone : mapping of str to str
        A mention -> its translation out of context, as `translate_alone` returns it.
    threshold : float
        ``combined`` drops places that are less probable.
    weights : Weights
        Of ``combined``.

    Raises
    ------
    BadInput
        For an unknown method, or one whose needs are missing.
    """

    method: Method
    encoder: WordEncoder | None = None
    lexicon: Lexicon = EMPTY
    alone: Mapping[str, str] | None = None
    threshold: float = THRESHOLD
    weights: Weights = WEIGHTS

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise BadInput(f"unknown method {self.method}; known: {', '.join(METHODS)}")
        if self.method in ALIGNERS and self.encoder is None:
            raise BadInput(f"method {self.method} needs an encoder")
        if self.method == "lookup" and self.alone is None:
            raise BadInput("method lookup needs mentions translated alone")

    def project(self, translation: Translation) -> tuple[Span | None, ...]:
        """Return the place of each span of the source, in their order.

        Returns
        -------
        tuple of Span or None
            None where no place was found or trusted. ``combined`` sets the confidence
            to its probability.

        Raises
        ------
        BadInput
            For ``marks`` where the backend carried none.
        """
        spans = translation.source.spans or ()
        if self.method == "marks":
            return _carried(translation)
        proposals: list[list[Candidate]] = [[] for _ in spans]
        for view in _views(translation, spans):
            if not view.numbers:
                continue
            found = self._propose(view, translation)
            for number, places in zip(view.numbers, found, strict=True):
                proposals[number] = places
        if self.method in {"lookup", "combined"}:
            is_combined = self.method == "combined"
            return _settle(spans, proposals, keeps_confidence=is_combined)
        return tuple(
            Span(places[0].start_char, places[0].end_char, span.label)
            if places
            else None
            for span, places in zip(spans, proposals, strict=True)
        )

    def document(self, translation: Translation) -> Document:
        """Return the translation as a document that holds the projected spans."""
        found = [span for span in self.project(translation) if span is not None]
        spans = None if translation.source.spans is None else tuple(sorted(set(found)))
        return replace(translation.document(), spans=spans)

    def _propose(self, view: _View, translation: Translation) -> list[list[Candidate]]:
        if not view.target.words:
            return [[] for _ in view.numbers]
        spans = [(translation.source.spans or ())[number] for number in view.numbers]
        if self.method == "lookup":
            return [self._look_up(view, span) for span in spans]
        if self.method != "combined":
            matrix = self._align(view)
            return [_from_alignment(view, matrix, span) for span in spans]
        evidence = gather_evidence(
            view.source, view.target, self._similarity(view), self.lexicon
        )
        carried = translation.carried or ()
        return [self._weigh(view, evidence, span, carried) for span in spans]

    def _similarity(self, view: _View) -> Matrix:
        source, target = view.source, view.target
        if self.encoder is None:
            return np.zeros((len(source.words), len(target.words)))
        return cosine(
            self.encoder.vectors(source.text, source.words),
            self.encoder.vectors(target.text, target.words),
        )

    def _align(self, view: _View) -> Matrix:
        if self.method == "lexicon":
            learnt = self.lexicon.matrix(view.source.surfaces, view.target.surfaces)
            # A word that was never seen has no best partner.
            return mutual_argmax(learnt) * (learnt > 0)
        return ALIGNERS[self.method](self._similarity(view))

    def _weigh(
        self, view: _View, evidence: Evidence, span: Span, carried: Sequence[Span]
    ) -> list[Candidate]:
        rows = view.rows(span)
        if not rows:
            return []
        first, last = windows(evidence, rows)
        values = features(
            evidence,
            rows,
            first,
            last,
            alone=self._words_alone(view, span),
            marks=view.marks(span, carried),
        )
        found = probabilities(values, self.weights)[:-1]
        order = np.argsort(-found, kind="stable")[:_MAX_PROPOSALS]
        return [
            view.place(int(first[at]), int(last[at]), float(found[at]))
            for at in order
            if found[at] >= self.threshold
        ]

    def _look_up(self, view: _View, span: Span) -> list[Candidate]:
        words = self._words_alone(view, span)
        n_words = len(view.target.words)
        ranges = [
            (at, at + size)
            for size in range(1, min(len(words) + 2, n_words) + 1)
            for at in range(n_words - size + 1)
        ]
        first, last = np.array(ranges, dtype=np.int64).reshape(-1, 2).T
        found = window_agreement(words, view.target.surfaces, first, last)
        order = np.argsort(-found, kind="stable")[:_MAX_PROPOSALS]
        return [
            view.place(int(first[at]), int(last[at]), float(found[at]))
            for at in order
            if found[at] >= FOUND
        ]

    def _words_alone(self, view: _View, span: Span) -> list[str]:
        mention = span.mention(view.whole_source)
        alone = (self.alone or {}).get(mention, "")
        tokens = tokenize(alone, view.target.language)
        return [alone[token.start_char : token.end_char] for token in tokens]


def translate_alone(
    translations: Iterable[Translation], translate: Alone
) -> dict[str, str]:
    """Translate each mention of the sources once, out of context."""
    mentions = sorted(
        {
            span.mention(translation.source.text)
            for translation in translations
            for span in translation.source.spans or ()
        }
    )
    return dict(zip(mentions, translate(mentions), strict=True)) if mentions else {}


def learn_from(translations: Iterable[Translation]) -> Lexicon:
    """Learn a lexicon from translations of one direction; their spans are not read."""
    return learn_lexicon(
        [
            (view.source.surfaces, view.target.surfaces)
            for translation in translations
            for view in _views(translation, ())
        ]
    )


def project_documents(
    translations: Iterable[Translation], projector: Projector
) -> Iterator[Document]:
    """Yield each translation as a document with its projected spans, in order."""
    for translation in translations:
        yield projector.document(translation)


class _View(NamedTuple):
    """A pair of blocks with their own offsets, and the spans that lie in it."""

    source: Side
    target: Side
    source_start: int
    target_start: int
    numbers: tuple[int, ...]
    whole_source: str

    def rows(self, span: Span) -> list[int]:
        start = self.source_start
        return mention_words(
            self.source, span.start_char - start, span.end_char - start
        )

    def place(self, first: int, last: int, probability: float) -> Candidate:
        words, start = self.target.words, self.target_start
        return Candidate(
            words[first][0] + start, words[last - 1][1] + start, probability
        )

    def marks(self, span: Span, carried: Sequence[Span]) -> list[tuple[int, int]]:
        start, end = self.target_start, self.target_start + len(self.target.text)
        return [
            (mark.start_char - start, mark.end_char - start)
            for mark in carried
            if mark.label == span.label
            and start <= mark.start_char
            and mark.end_char <= end
        ]


def _carried(translation: Translation) -> tuple[Span | None, ...]:
    """Match marks to spans: of each label in order; lost ones leave the last without.

    Only how many and where matters to callers, not which mark is whose.
    """
    if translation.carried is None:
        if translation.source.spans is None:
            return ()
        raise BadInput(
            f"document {translation.source.id}: the backend carried no marks"
        )
    waiting = list(translation.carried)
    found: list[Span | None] = []
    for span in translation.source.spans or ():
        mark = next((mark for mark in waiting if mark.label == span.label), None)
        if mark is not None:
            waiting.remove(mark)
        found.append(mark)
    return tuple(found)


def _from_alignment(view: _View, matrix: Matrix, span: Span) -> list[Candidate]:
    rows = view.rows(span)
    window = best_overlap(matrix, rows) if rows else None
    return [] if window is None else [view.place(*window, 1.0)]


def _views(translation: Translation, spans: Sequence[Span]) -> Iterator[_View]:
    source = translation.source
    segments = translation.segments or (
        (0, len(source.text), 0, len(translation.target_text)),
    )
    for a, b, c, d in _joined(segments, spans):
        words, starts = words_of(source.text[a:b], source.language)
        others, heads = words_of(
            translation.target_text[c:d], translation.target_language
        )
        whole = Side(source.text[a:b], source.language, words)
        other = Side(translation.target_text[c:d], translation.target_language, others)
        inside = [
            (number, span)
            for number, span in enumerate(spans)
            if a <= span.start_char and span.end_char <= b
        ]
        for block in _merged(
            pair_sentences(whole, other, starts, heads),
            [mention_words(whole, s.start_char - a, s.end_char - a) for _, s in inside],
        ):
            yield _view(whole, other, block, inside, a, c, source.text)


def _view(
    source: Side,
    target: Side,
    block: Block,
    spans: Sequence[tuple[int, Span]],
    source_at: int,
    target_at: int,
    text: str,
) -> _View:
    ours, from_ours = _cut(source, block.source_words)
    theirs, from_theirs = _cut(target, block.target_words)
    start = source_at + from_ours
    numbers = tuple(
        number
        for number, span in spans
        if ours.words
        and span.start_char < start + len(ours.text)
        and span.end_char > start
    )
    return _View(ours, theirs, start, target_at + from_theirs, numbers, text)


def _cut(side: Side, words: tuple[int, int]) -> tuple[Side, int]:
    first, last = words
    if first == last:
        return Side("", side.language, ()), 0
    start, end = side.words[first][0], side.words[last - 1][1]
    ranges = tuple((a - start, b - start) for a, b in side.words[first:last])
    return Side(side.text[start:end], side.language, ranges), start


def _joined(
    segments: Sequence[tuple[int, int, int, int]], spans: Sequence[Span]
) -> list[tuple[int, int, int, int]]:
    """Join neighbouring segments that one span lies across."""
    joined: list[tuple[int, int, int, int]] = []
    for segment in segments:
        is_crossed = joined and any(
            span.start_char < joined[-1][1] and span.end_char > segment[0]
            for span in spans
        )
        if is_crossed:
            a, _, c, _ = joined.pop()
            segment = (a, segment[1], c, segment[3])
        joined.append(segment)
    return joined


def _merged(blocks: Sequence[Block], mentions: Sequence[Sequence[int]]) -> list[Block]:
    """Join neighbouring blocks that one mention lies across."""
    merged: list[Block] = []
    for block in blocks:
        at = block.source_words[0]
        is_crossed = any(rows and rows[0] < at <= rows[-1] for rows in mentions)
        if merged and is_crossed:
            last = merged.pop()
            block = Block(
                (last.source_words[0], block.source_words[1]),
                (last.target_words[0], block.target_words[1]),
            )
        merged.append(block)
    return merged


def _settle(
    spans: Sequence[Span],
    proposals: Sequence[Sequence[Candidate]],
    *,
    keeps_confidence: bool,
) -> tuple[Span | None, ...]:
    """Give out places, the surest first; spans that lie apart get places that do."""
    queue = sorted(
        (
            (-place.probability, number, place)
            for number, places in enumerate(proposals)
            for place in places
        ),
        key=lambda item: item[:2],
    )
    given: dict[int, Span] = {}
    for _, number, place in queue:
        if number in given:
            continue
        found = Span(
            place.start_char,
            place.end_char,
            spans[number].label,
            place.probability if keeps_confidence else None,
        )
        is_free = all(
            spans[number].overlaps(spans[other]) or not found.overlaps(taken)
            for other, taken in given.items()
        )
        if is_free:
            given[number] = found
    return tuple(given.get(number) for number in range(len(spans)))
