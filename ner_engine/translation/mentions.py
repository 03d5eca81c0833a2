"""Finds a mention's translation in a text: the cheap published way to project spans.

The mention is translated alone, out of context, and looked for in the translated text.
The search forgives accents, case, order of words and inflection, so that *diabetes
tipos 2* finds *Diabetes tipo 2*.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ner_engine.translation.cognates import fold, spelling_similarity

# Two words are forms of one word from this similarity on.
SAME_WORD = 0.6
# A place counts as found from this share of common words on.
FOUND = 0.6


def word_matches(
    mention: Sequence[str], text: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Return how far each word of the mention (row) is the word of the text (column).

    1 for the same word, accents and case aside; the similarity of their spelling where
    that is at least `SAME_WORD`; else 0.
    """
    values = np.array(
        [[spelling_similarity(ours, theirs) for theirs in text] for ours in mention]
    ).reshape(len(mention), len(text))
    return np.where(values >= SAME_WORD, values, 0.0)


def window_agreement(
    mention: Sequence[str],
    text: Sequence[str],
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Return the agreement of windows of a text with a mention, each in [0, 1].

    Twice the words in common over the words of both; order does not count.

    Parameters
    ----------
    mention, text : sequence of str
        Words.
    first, last : arrays of shape (windows,)
        Half-open ranges of words of *text*.
    """
    if not mention or not len(first):
        return np.zeros(len(first))
    matches = word_matches(mention, text)
    shared = np.array(
        [
            matches[:, a:b].max(axis=1, initial=0.0).sum()
            for a, b in zip(first, last, strict=True)
        ]
    )
    best: npt.NDArray[np.float64] = np.minimum(
        2 * shared / (len(mention) + (last - first)), 1.0
    )
    return best


def is_exact(mention: str, surface: str) -> bool:
    """Tell whether two surfaces are the same but for accents, case and blanks."""
    return fold(mention).split() == fold(surface).split()
