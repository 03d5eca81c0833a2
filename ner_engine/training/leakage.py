"""Finds training texts that also stand, or stand translated, in an evaluation set.

Corpora draw on the same case reports: splits that are clean inside each of them may
leak between them. Standard library only.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ner_engine.types import Document

# Twelve words in a row are not shared by chance, and a text of which a fifth of such
# runs stands elsewhere is a copy of it.
_RUN_WORDS = 12
_SHARED_SHARE = 0.2

# Numbers and acronyms survive translation. A match must be good, and clearly better
# than the second best; set by looking at the scores of the Spanish cases and their
# English versions, which fall into two groups with a gap between 0.35 and 0.5.
_LEAST_SIMILARITY = 0.5
_LEAST_LEAD = 1.5
_LENGTH_RATIO = (0.6, 1.5)

_WORD = re.compile(r"\w+")
_SURVIVOR = re.compile(r"\d+(?:[.,]\d+)?|\b[A-Z]{2,}\d*\b")


def copied_ids(
    candidates: Iterable[Document], evaluation: Iterable[Document]
) -> frozenset[str]:
    """Return the ids of candidates of which a fifth stands in the evaluation texts."""
    held_out: set[int] = set()
    for document in evaluation:
        held_out |= _runs(document.text)
    return frozenset(
        document.id
        for document in candidates
        if _share(_runs(document.text), held_out) >= _SHARED_SHARE
    )


def match_translations(
    translated: Sequence[Document], sources: Sequence[Document]
) -> dict[str, str]:
    """Return, by id, the source of each translated document that is beyond doubt.

    Documents are compared by the numbers and acronyms they hold, weighted by rarity.
    """
    profiles = [_profile(document.text) for document in sources]
    n_holding: Counter[str] = Counter()
    for profile in profiles:
        n_holding.update(set(profile))
    rarity = {
        key: math.log((1 + len(profiles)) / (1 + n)) for key, n in n_holding.items()
    }
    norms = [_norm(profile, rarity) for profile in profiles]
    matches: dict[str, str] = {}
    for document in translated:
        profile = _profile(document.text)
        norm = _norm(profile, rarity)
        scores = [
            (_similarity(profile, other, rarity) / math.sqrt(norm * other_norm), source)
            for other, other_norm, source in zip(profiles, norms, sources, strict=True)
            if norm * other_norm > 0 and _alike_in_length(document, source)
        ]
        scores.sort(key=lambda scored: scored[0], reverse=True)
        second = scores[1][0] if len(scores) > 1 else 0.0
        if not scores or scores[0][0] < _LEAST_SIMILARITY:
            continue
        if scores[0][0] >= _LEAST_LEAD * second:
            matches[document.id] = scores[0][1].id
    return matches


def _runs(text: str) -> set[int]:
    words = _WORD.findall(text.lower())
    last = max(1, len(words) - _RUN_WORDS + 1)
    return {hash(" ".join(words[i : i + _RUN_WORDS])) for i in range(last)}


def _share(runs: set[int], held_out: set[int]) -> float:
    return len(runs & held_out) / len(runs)


def _profile(text: str) -> Counter[str]:
    return Counter(_SURVIVOR.findall(text.replace(",", ".")))


def _norm(profile: Counter[str], rarity: dict[str, float]) -> float:
    return sum(rarity.get(key, 0.0) * n for key, n in profile.items())


def _similarity(
    one: Counter[str], other: Counter[str], rarity: dict[str, float]
) -> float:
    return sum(rarity[key] * min(n, other[key]) for key, n in one.items() if other[key])


def _alike_in_length(one: Document, other: Document) -> bool:
    least, most = _LENGTH_RATIO
    return least < len(one.text) / len(other.text) < most
