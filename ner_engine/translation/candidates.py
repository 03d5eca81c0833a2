"""Candidate places of a mention in a translated sentence, and what speaks for each.

Every contiguous run of target words is a candidate. A linear model over a few features
gives each a score; a softmax over them and "none of them" gives probabilities.
numpy only; the weights are data (`Weights`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ner_engine.translation.alignment import Matrix, mutual_argmax, transport
from ner_engine.translation.cognates import spelling_matrix
from ner_engine.translation.function_words import is_function_word
from ner_engine.translation.lexicon import Lexicon
from ner_engine.translation.mentions import window_agreement

Word = tuple[int, int]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# How the parts of a word's similarity add up, chosen on the dev halves.
TEMPERATURE = 0.03
SPELLING_SHARE = 0.2
LEXICON_SHARE = 0.2
DIAGONAL_SHARE = 0.05

KEPT = 40  # candidates that are looked at closely
_EXTRA_WORDS = 6  # a translation has at most twice the mention's words and these
_FUNCTION_WEIGHT = 0.3  # of a function word beside a word of content
_OPEN, _CLOSE = frozenset("([{«“"), frozenset(")]}»”")

FEATURES = (
    "overlap",  # harmonic mean of the next two
    "coverage",  # share of the mention's alignment that lies inside
    "purity",  # share of the inside's alignment that comes from the mention
    "content_coverage",  # coverage, words of content counting more
    "worst_source",  # coverage of the mention's least covered word of content
    "links",  # share of the mention's mutual links that lie inside
    "link_purity",  # share of the inside's mutual links that come from the mention
    "left_edge",  # purity of the first word
    "right_edge",  # purity of the last word
    "left_outside",  # purity of the word before
    "right_outside",  # purity of the word behind
    "spelling",  # mean similarity of spelling of the mention's words of content
    "length",  # distance of the logarithm of lengths from that of the sentences
    "more_words",  # per word of the mention
    "fewer_words",
    "starts_function",  # starts with a function word where the mention does not
    "ends_function",
    "starts_sign",  # starts with punctuation where the mention does not
    "ends_sign",
    "joined_left",  # cuts a word from what it is written together with
    "joined_right",
    "inner_sign",  # holds a comma, semicolon, colon or stop where the mention has none
    "brackets",  # an opening or closing bracket without its partner
    "same_case",  # starts with a capital where, and only where, the mention does
    "same_surface",
    "lookup",  # agreement with the mention translated alone; 0 without a translator
    "lookup_best",  # ... is the best agreement in the sentence and at least 0.6
    "marked",  # share of characters in common with the backend's mark
    "is_marked",  # is exactly the mark
)


class Side(NamedTuple):
    """One side of a sentence pair: its text, language and words as ranges."""

    text: str
    language: str
    words: tuple[Word, ...]

    @property
    def surfaces(self) -> list[str]:
        """The words' characters."""
        return [self.text[start:end] for start, end in self.words]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of which source word (row) is which target word (column).

    Parameters
    ----------
    soft : Matrix
        In [0, 1], by entropic transport of all kinds of similarity together.
    links : Matrix
        Mutual argmax of the same, 0 or 1.
    spelling : Matrix
    """

    source: Side
    target: Side
    soft: Matrix
    links: Matrix
    spelling: Matrix


@dataclass(frozen=True, slots=True)
class Weights:
    """A linear model: weights in the order of `FEATURES`, and the score of none."""

    features: tuple[float, ...]
    none: float


class Candidate(NamedTuple):
    """A place with the probability that it is the mention's."""

    start_char: int
    end_char: int
    probability: float


def gather_evidence(
    source: Side, target: Side, similarity: Matrix, lexicon: Lexicon
) -> Evidence:
    """Add spelling, lexicon and position to the encoder's cosines and align the words.

    Parameters
    ----------
    source, target : Side
    similarity : Matrix
        Cosines, a row a source word; zeros where no encoder is used.
    lexicon : Lexicon
        `lexicon.EMPTY` where none was learnt.
    """
    spelling = spelling_matrix(source.surfaces, target.surfaces)
    n, m = similarity.shape
    rows = (np.arange(n)[:, None] + 0.5) / max(n, 1)
    columns = (np.arange(m)[None] + 0.5) / max(m, 1)
    together = (
        similarity
        + SPELLING_SHARE * spelling
        + LEXICON_SHARE * lexicon.matrix(source.surfaces, target.surfaces)
        - DIAGONAL_SHARE * np.abs(rows - columns)
    )
    return Evidence(
        source,
        target,
        transport(together, temperature=TEMPERATURE),
        mutual_argmax(together),
        spelling,
    )


def mention_words(side: Side, start_char: int, end_char: int) -> list[int]:
    """Return the numbers of the words that a range touches."""
    return [
        number
        for number, (start, end) in enumerate(side.words)
        if start < end_char and end > start_char
    ]


def best_overlap(evidence: Matrix, rows: Sequence[int]) -> tuple[int, int] | None:
    """Return the run of target words that shares most alignment with source words.

    That is the harmonic mean of coverage and purity; of equals the shorter wins.

    Parameters
    ----------
    evidence : Matrix
        Alignment, a row a source word.
    rows : sequence of int
        The mention's words.

    Returns
    -------
    (int, int) or None
        Half-open range of columns; None when nothing is aligned.
    """
    first, last = _windows(evidence.shape[1], len(rows))
    overlap, _, _ = _shares(evidence, rows, first, last)
    if not len(first) or overlap.max() <= 0:
        return None
    best = int(np.argmax(overlap - 1e-6 * (last - first)))
    return int(first[best]), int(last[best])


def windows(evidence: Evidence, rows: Sequence[int]) -> tuple[Ints, Ints]:
    """Return the `KEPT` most promising runs of target words, half-open ranges."""
    first, last = _windows(evidence.soft.shape[1], len(rows))
    overlap, _, _ = _shares(evidence.soft, rows, first, last)
    links, _, _ = _shares(evidence.links, rows, first, last)
    order = np.argsort(-(overlap + 0.2 * links), kind="stable")[:KEPT]
    return first[order], last[order]


def features(
    evidence: Evidence,
    rows: Sequence[int],
    first: Ints,
    last: Ints,
    *,
    alone: Sequence[str] = (),
    marks: Sequence[tuple[int, int]] = (),
) -> Floats:
    """Return what speaks for and against windows of target words.

    Parameters
    ----------
    evidence : Evidence
    rows : sequence of int
        The mention's words; at least one.
    first, last : arrays of shape (windows,)
        Half-open ranges of target words.
    alone : sequence of str
        Words of the mention's translation out of context; empty when there is none.
    marks : sequence of (int, int)
        Ranges in the target text where the backend's marks of the mention's label lie.

    Returns
    -------
    array of shape (windows, len(FEATURES))
    """
    columns = [
        *_alignment_features(evidence, rows, first, last),
        *_form_features(evidence, rows, first, last),
        *_agreement_features(evidence.target, first, last, alone, marks),
    ]
    return np.stack(columns, axis=1)


def probabilities(values: Floats, weights: Weights) -> Floats:
    """Return the probability of each window and, last, of none of them."""
    scores = np.append(values @ np.array(weights.features), weights.none)
    shifted: Floats = np.exp(scores - scores.max())
    shares: Floats = shifted / shifted.sum()
    return shares


def _windows(n_words: int, n_rows: int) -> tuple[Ints, Ints]:
    longest = min(n_words, 2 * n_rows + _EXTRA_WORDS)
    ranges = [
        (first, first + length)
        for length in range(1, longest + 1)
        for first in range(n_words - length + 1)
    ]
    both = np.array(ranges, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _shares(
    alignment: Matrix, rows: Sequence[int], first: Ints, last: Ints
) -> tuple[Floats, Floats, Floats]:
    """Overlap, coverage and purity of windows."""
    inside = _sums(alignment[list(rows)].sum(axis=0), first, last)
    ours = alignment[list(rows)].sum()
    theirs = _sums(alignment.sum(axis=0), first, last)
    # A little a word, so that words which align to nothing are not free.
    overlap = 2 * inside / np.maximum(ours + theirs + 0.02 * (last - first), 1e-9)
    return (
        overlap,
        inside / max(float(ours), 1e-9),
        inside / np.maximum(theirs, 1e-9),
    )


def _sums(values: Floats, first: Ints, last: Ints) -> Floats:
    running = np.append(0.0, np.cumsum(values))
    sums: Floats = running[last] - running[first]
    return sums


def _alignment_features(
    evidence: Evidence, rows: Sequence[int], first: Ints, last: Ints
) -> list[Floats]:
    soft, chosen = evidence.soft, list(rows)
    overlap, coverage, purity = _shares(soft, rows, first, last)
    _, links, link_purity = _shares(evidence.links, rows, first, last)
    weight = _content(evidence.source)[chosen]
    mass = soft[chosen]
    running = np.concatenate([np.zeros((len(chosen), 1)), mass.cumsum(axis=1)], axis=1)
    covered = (running[:, last] - running[:, first]) / np.maximum(
        mass.sum(axis=1, keepdims=True), 1e-9
    )  # (mention's words, windows)
    is_content = weight >= weight.max()
    # A word's share that comes from the mention; words that align to nothing have 0.
    total = soft.sum(axis=0)
    pure = mass.sum(axis=0) / np.maximum(total, 0.05)
    padded = np.concatenate([[0.0], pure, [0.0]])
    spelling = np.array(
        [
            evidence.spelling[chosen, a:b].max(axis=1)[is_content].mean()
            for a, b in zip(first, last, strict=True)
        ]
    ).reshape(len(first))
    return [
        overlap,
        coverage,
        purity,
        (covered * weight[:, None]).sum(axis=0) / weight.sum(),
        covered[is_content].min(axis=0),
        links,
        link_purity,
        pure[first],
        pure[last - 1],
        padded[first],
        padded[last + 1],
        spelling,
    ]


def _content(side: Side) -> Floats:
    return np.array(
        [
            1.0
            if _is_word(word) and not is_function_word(word, side.language)
            else _FUNCTION_WEIGHT
            for word in side.surfaces
        ]
    )


def _is_word(surface: str) -> bool:
    return any(char.isalnum() for char in surface)


def _form_features(
    evidence: Evidence, rows: Sequence[int], first: Ints, last: Ints
) -> list[Floats]:
    source, target = evidence.source, evidence.target
    mention = _Form.of(source, rows[0], rows[-1] + 1)
    ratio = (len(target.text.strip()) + 10) / (len(source.text.strip()) + 10)
    values = []
    for a, b in zip(first.tolist(), last.tolist(), strict=True):
        form = _Form.of(target, a, b)
        more = (form.n_words - mention.n_words) / mention.n_words
        values.append(
            [
                abs(np.log((form.n_chars + 2) / (mention.n_chars * ratio + 2))),
                max(more, 0.0),
                max(-more, 0.0),
                form.starts_function and not mention.starts_function,
                form.ends_function and not mention.ends_function,
                form.starts_sign and not mention.starts_sign,
                form.ends_sign and not mention.ends_sign,
                form.joined_left and not mention.joined_left,
                form.joined_right and not mention.joined_right,
                form.inner_sign and not mention.inner_sign,
                form.is_unbalanced and not mention.is_unbalanced,
                form.is_capital == mention.is_capital,
                form.surface == mention.surface,
            ]
        )
    return list(np.array(values, dtype=np.float64).reshape(len(first), 13).T)


@dataclass(frozen=True, slots=True)
class _Form:
    surface: str
    n_words: int
    n_chars: int
    starts_function: bool
    ends_function: bool
    starts_sign: bool
    ends_sign: bool
    joined_left: bool
    joined_right: bool
    inner_sign: bool
    is_unbalanced: bool
    is_capital: bool

    @classmethod
    def of(cls, side: Side, first: int, last: int) -> _Form:
        text, words = side.text, side.words
        start, end = words[first][0], words[last - 1][1]
        surface = text[start:end]
        head, tail = text[slice(*words[first])], text[slice(*words[last - 1])]
        inner = [text[slice(*word)] for word in words[first + 1 : last - 1]]
        opened = sum(char in _OPEN for char in surface)
        closed = sum(char in _CLOSE for char in surface)
        return cls(
            surface=surface,
            n_words=last - first,
            n_chars=end - start,
            starts_function=is_function_word(head, side.language),
            ends_function=is_function_word(tail, side.language),
            starts_sign=not _is_word(head),
            ends_sign=not _is_word(tail),
            joined_left=_is_joined(text, start),
            joined_right=_is_joined(text, end),
            inner_sign=any(word in {",", ";", ":", "."} for word in inner),
            is_unbalanced=opened != closed,
            is_capital=surface[:1].isupper(),
        )


def _is_joined(text: str, at: int) -> bool:
    """Tell whether a word goes on across a position (letters, digits or a hyphen)."""
    around = text[max(at - 1, 0) : at + 1]
    return len(around) == 2 and all(char.isalnum() or char in "-–" for char in around)


def _agreement_features(
    target: Side,
    first: Ints,
    last: Ints,
    alone: Sequence[str],
    marks: Sequence[tuple[int, int]],
) -> list[Floats]:
    lookup = window_agreement(alone, target.surfaces, first, last)
    best = max(lookup.max(initial=0.0), 0.6)
    shared = np.zeros(len(first))
    for number, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        start, end = target.words[a][0], target.words[b - 1][1]
        shared[number] = max(
            (_jaccard((start, end), mark) for mark in marks), default=0.0
        )
    return [
        lookup,
        (lookup >= best).astype(np.float64),
        shared,
        (shared == 1.0).astype(np.float64),
    ]


def _jaccard(ours: tuple[int, int], theirs: tuple[int, int]) -> float:
    inside = min(ours[1], theirs[1]) - max(ours[0], theirs[0])
    outside = max(ours[1], theirs[1]) - min(ours[0], theirs[0])
    return max(inside, 0) / outside
