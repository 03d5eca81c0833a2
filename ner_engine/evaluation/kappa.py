"""Chance-corrected agreement on the labels of tokens. Standard library only.

Kappa needs a set of items that everybody judged: tokens are one, spans are not. Most
tokens are outside and agreed on, so read it beside pairwise span F1, not instead of it
(`ner_engine.evaluation.agreement`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ner_engine.tagging import OUTSIDE, TokenIndex
from ner_engine.types import Span, Token


def token_categories(tokens: Sequence[Token], spans: Iterable[Span]) -> list[str]:
    """Return what lies over each token: its labels joined by ``+``, ``O`` for none."""
    labels: list[set[str]] = [set() for _ in tokens]
    index = TokenIndex(tokens)
    for span in spans:
        token_start, token_end = index.cover(span.start_char, span.end_char)
        for position in range(token_start, token_end):
            labels[position].add(span.label)
    return ["+".join(sorted(names)) or OUTSIDE for names in labels]


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Return the agreement of two annotators on the categories of items.

    Parameters
    ----------
    first, second : sequence of str, (item,)

    Returns
    -------
    float or None
        1 for full agreement, 0 for what chance gives; None where chance alone agrees
        on everything (one category only, or no items).

    Raises
    ------
    ValueError
        When the sequences differ in length.

    Source: Cohen (1960), "A coefficient of agreement for nominal scales".
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} items do not pair")
    n_items = len(first)
    if n_items == 0:
        return None
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / n_items
    ours, theirs = Counter(first), Counter(second)
    expected = sum(ours[name] * theirs[name] for name in ours) / n_items**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def fleiss_kappa(ratings: Sequence[Sequence[str]]) -> float | None:
    """Return the agreement of several annotators on the categories of items.

    Parameters
    ----------
    ratings : sequence of sequence of str, (item, annotator)
        As many on every item, at least two; whose is whose does not matter.

    Returns
    -------
    float or None
        As `cohen_kappa`.

    Raises
    ------
    ValueError
        When items differ in the number of annotators, or it is below two.

    Source: Fleiss (1971), "Measuring nominal scale agreement among many raters".
    """
    if not ratings:
        return None
    n_raters = len(ratings[0])
    if n_raters < 2 or any(len(row) != n_raters for row in ratings):
        raise ValueError("every item needs the same number of annotators, at least two")
    totals: Counter[str] = Counter()
    n_agreeing = 0  # ordered pairs of annotators who agree
    for row in ratings:
        counts = Counter(row)
        totals.update(counts)
        n_agreeing += sum(count * (count - 1) for count in counts.values())
    observed = n_agreeing / (len(ratings) * n_raters * (n_raters - 1))
    n_ratings = len(ratings) * n_raters
    expected = sum((count / n_ratings) ** 2 for count in totals.values())
    return None if expected == 1 else (observed - expected) / (1 - expected)
