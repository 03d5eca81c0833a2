"""How alike two words of related languages are spelt.

Medical words of Spanish, French and English mostly come from the same Greek and Latin
ones: *hipotiroidismo*, *hypothyroïdie*, *hypothyroidism*. Letters are first reduced to
what the three have in common, then n-grams of characters are counted.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ner_engine.translation.alignment import Matrix

# In order; what is left of a letter group is the same in the three languages.
_REDUCTIONS = (
    ("ph", "f"),
    ("th", "t"),
    ("ch", "c"),
    ("rh", "r"),
    ("qu", "c"),
    ("cc", "c"),
    ("ae", "e"),
    ("oe", "e"),
    ("y", "i"),
    ("k", "c"),
    ("z", "c"),
    ("sc", "c"),
    ("h", ""),
)
_DOUBLED = re.compile(r"([a-z])\1")
_CACHE_SIZE = 16_384  # in memory only: words of notes


@lru_cache(maxsize=_CACHE_SIZE)
def fold(text: str) -> str:
    """Return a text in lower case without accents; its length may differ."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))


@lru_cache(maxsize=_CACHE_SIZE)
def skeleton(word: str) -> str:
    """Return what a word shares with its cognates: folded, Greek spellings reduced."""
    folded = fold(word)
    for group, reduced in _REDUCTIONS:
        folded = folded.replace(group, reduced)
    return _DOUBLED.sub(r"\1", folded)


@lru_cache(maxsize=_CACHE_SIZE)
def _grams(word: str) -> Counter[str]:
    bones = f"^{skeleton(word)}$"
    return Counter(
        bones[at : at + size] for size in (2, 3) for at in range(len(bones) - size + 1)
    )


def spelling_similarity(first: str, second: str) -> float:
    """Return the Dice coefficient of the bigrams and trigrams of two words.

    1.0 for the same skeleton, 0.0 for words without a common bigram. Words with a digit
    and signs count as alike only when they are the same: 5 mg is not 50 mg.
    """
    if fold(first) == fold(second):
        return 1.0
    if not (first.isalpha() and second.isalpha()):
        return 0.0
    ours, theirs = _grams(first), _grams(second)
    shared = sum((ours & theirs).values())
    return 2 * shared / (ours.total() + theirs.total())


def spelling_matrix(source: Sequence[str], target: Sequence[str]) -> Matrix:
    """Return `spelling_similarity` of each source word (row) and target word."""
    return np.array(
        [[spelling_similarity(a, b) for b in target] for a in source], dtype=np.float64
    ).reshape(len(source), len(target))
