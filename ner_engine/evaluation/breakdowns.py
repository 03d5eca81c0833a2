"""Where a system is right and wrong: the same counts, split by kind of mention.

A kind is read off the text, the span and, where asked for, the training notes, never
off the answer: gold and predicted spans are sorted alike, so every group has a
precision, a recall and an F1 of its own, and the groups of a breakdown add up to the
whole.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ner_engine.evaluation.scorer import Score, score_spans
from ner_engine.tagging import TokenIndex
from ner_engine.text.tokens import primary_language, tokenize
from ner_engine.types import Document, Span

# Words that join the parts of a noun phrase; articles and prepositions only.
_LINKS = {
    "es": "de del la las el los en con por para sin a al y o u e un una",
    "fr": "de du des d' l' la le les en avec par pour sans à au aux et ou un une",
    "en": "of the in with for to by on without and or a an at from",
}
_LONG_PHRASE_WORDS = 4
_DOTTED = re.compile(r"(?:[^\W\d_]{1,3}\.){2,}|[^\W\d_]{1,4}\.")
_MAX_ABBREVIATION = 6


class Case(NamedTuple):
    """A document with the spans of the labels that were scored in it."""

    document: Document
    gold: Sequence[Span]
    predicted: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Context:
    """False positives, and how many lie in sentences without any gold mention.

    The published analysis of the method counted these apart: a mention invented where
    nothing clinical is said is another kind of mistake than a boundary missed.
    """

    n_spurious: int
    n_outside: int
    n_sentences_outside: int

    def to_json(self) -> dict[str, int]:
        """Return the counts as a JSON object."""
        return {
            "n_spurious": self.n_spurious,
            "n_outside": self.n_outside,
            "n_sentences_outside": self.n_sentences_outside,
        }


class TrainingMemory:
    """What a system saw in training: mentions with their labels, and all words."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._labels: dict[str, set[str]] = defaultdict(set)
        self._words: set[str] = set()
        for document in documents:
            for span in document.spans or ():
                self._labels[_fold(span.mention(document.text))].add(span.label)
            for token in tokenize(document.text, document.language):
                surface = document.text[token.start_char : token.end_char]
                self._words.add(surface.casefold())

    def kind_of(self, mention: str, label: str) -> str:
        """Tell whether a mention was seen, with this label or another."""
        labels = self._labels.get(_fold(mention))
        if labels is None:
            return "unseen"
        return "seen" if label in labels else "seen under another label"

    def share_of(self, words: Sequence[str]) -> str:
        """Tell whether all, some or none of the words were seen anywhere."""
        n_known = sum(word.casefold() in self._words for word in words)
        if n_known == len(words):
            return "all words known"
        return "some words unknown" if n_known else "all words unknown"


def break_down(
    cases: Sequence[Case], training: TrainingMemory | None = None
) -> dict[str, dict[str, list[Score]]]:
    """Split exact counts by kind of mention.

    Parameters
    ----------
    cases : sequence of Case
    training : TrainingMemory, optional
        Without it there is no telling seen from unseen.

    Returns
    -------
    dict of str to dict of str to list of Score
        For each breakdown and group, a score a document.
    """
    found: dict[str, dict[str, list[Score]]] = {}
    for row, case in enumerate(cases):
        reader = _Reader(case, training)
        for name, kind_of in reader.kinds.items():
            groups = found.setdefault(name, {})
            for group, score in _count(case, kind_of).items():
                scores = groups.setdefault(group, [Score()] * len(cases))
                scores[row] = score
    return {name: dict(sorted(groups.items())) for name, groups in found.items()}


def context_of_errors(cases: Sequence[Case]) -> Context:
    """Count false positives in sentences that hold no gold mention of any label.

    An unfinished annotation is no proof of a sentence without mentions, so documents
    are taken that are exhaustive for every label only.
    """
    n_spurious = n_outside = n_sentences = 0
    for case in cases:
        document = case.document
        if document.exhaustive_for is not None:
            continue
        tokens = tokenize(document.text, document.language)
        starts = [token.start_char for token in tokens if token.sentence_start]
        clinical = {
            sentence
            for span in document.spans or ()
            for sentence in range(
                bisect_right(starts, span.start_char),
                bisect_right(starts, span.end_char - 1) + 1,
            )
        }
        spurious = set(case.predicted) - set(case.gold)
        n_spurious += len(spurious)
        n_sentences += len(starts) - len(clinical & set(range(1, len(starts) + 1)))
        n_outside += sum(
            bisect_right(starts, span.start_char) not in clinical for span in spurious
        )
    return Context(n_spurious, n_outside, n_sentences)


class _Reader:
    """Tells the kinds of one document's spans."""

    def __init__(self, case: Case, training: TrainingMemory | None) -> None:
        self._text = case.document.text
        self._tokens = tokenize(self._text, case.document.language)
        self._index = TokenIndex(self._tokens)
        links = _LINKS.get(primary_language(case.document.language), "")
        self._links = frozenset(links.split())
        self._first: dict[str, int] = {}
        for span in sorted(case.gold):
            self._first.setdefault(_fold(span.mention(self._text)), span.start_char)
        self.kinds: dict[str, Callable[[Span], str]] = {
            "length": self._length,
            "repetition": self._repetition,
            "abbreviation": self._abbreviation,
            "noun phrase": self._phrase,
        }
        if training is not None:
            self.kinds["training"] = lambda span: training.kind_of(
                span.mention(self._text), span.label
            )
            self.kinds["vocabulary"] = lambda span: training.share_of(self._words(span))

    def _words(self, span: Span) -> list[str]:
        token_start, token_end = self._index.cover(span.start_char, span.end_char)
        covered = self._tokens[token_start:token_end]
        return [self._text[token.start_char : token.end_char] for token in covered]

    def _length(self, span: Span) -> str:
        n_words = len(self._words(span))
        if n_words <= 3:
            return "1 token" if n_words <= 1 else f"{n_words} tokens"
        return "4-5 tokens" if n_words <= 5 else "6 tokens or more"

    def _repetition(self, span: Span) -> str:
        first = self._first.get(_fold(span.mention(self._text)))
        is_repeated = first is not None and first < span.start_char
        return "occurred earlier in the note" if is_repeated else "first in the note"

    def _abbreviation(self, span: Span) -> str:
        is_short = is_abbreviation(span.mention(self._text))
        return "abbreviation" if is_short else "other"

    def _phrase(self, span: Span) -> str:
        words = [word.casefold() for word in self._words(span)]
        is_long = len(words) >= _LONG_PHRASE_WORDS and not self._links.isdisjoint(words)
        return "long noun phrase" if is_long else "other"


def is_abbreviation(mention: str) -> bool:
    """Tell whether a mention is one short word in capitals or with full stops.

    One word of at most six letters, of which at least two are capitals and these are
    half of them or more (HTA, pCO2, IgG), or short parts that each end in a full stop
    (p.o., Dr.).
    """
    if len(mention.split()) != 1:
        return False
    letters = [char for char in mention if char.isalpha()]
    if _DOTTED.fullmatch(mention):
        return True
    n_capitals = sum(char.isupper() for char in letters)
    return len(letters) <= _MAX_ABBREVIATION and 2 <= n_capitals >= len(letters) / 2


def _count(case: Case, kind_of: Callable[[Span], str]) -> dict[str, Score]:
    gold: dict[str, list[Span]] = defaultdict(list)
    predicted: dict[str, list[Span]] = defaultdict(list)
    for span in case.gold:
        gold[kind_of(span)].append(span)
    for span in case.predicted:
        predicted[kind_of(span)].append(span)
    return {
        group: score_spans(gold[group], predicted[group])
        for group in gold.keys() | predicted.keys()
    }


def _fold(mention: str) -> str:
    """Return a mention without regard to capitals and white space."""
    return " ".join(mention.casefold().split())
