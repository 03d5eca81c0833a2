"""Keys that forms of one word share: case, accents and plural do not change them.

Standard library only. A key is there to be compared and not to be read: both the term
and the text go through it, so it may cut more than a grammar would.
"""

from __future__ import annotations

from ner_engine.data.pattern_matcher import fold

# Shorter words keep their ending: "mes", "tos", "bus".
_MIN_STEM = 4


def fold_word(word: str, language: str) -> str:
    """Return the key of a word in a language (es, fr, en; others keep the ending).

    Examples
    --------
    >>> fold_word("Dolores", "es") == fold_word("dolor", "es")
    True
    >>> fold_word("ALLERGIES", "en") == fold_word("allergy", "en")
    True
    """
    folded = fold(word).casefold()
    if not folded.isalpha() or len(folded) < _MIN_STEM:
        return folded
    cut = {"es": _cut_spanish, "fr": _cut_french, "en": _cut_english}.get(language)
    return folded if cut is None else cut(folded)


def _cut_spanish(word: str) -> str:
    stem = _without_s(word)
    if len(stem) >= _MIN_STEM and stem.endswith("e"):  # dolor-es, and fiebre like it
        stem = stem[:-1]
    return f"{stem[:-1]}c" if stem.endswith("z") else stem  # lapiz, lapic-es


def _cut_english(word: str) -> str:
    stem = _without_s(word)
    if stem.endswith("ie"):  # allerg-ies
        return stem[:-1]
    if stem.endswith("y"):
        return f"{stem[:-1]}i"
    return stem[:-1] if len(stem) >= _MIN_STEM and stem.endswith("e") else stem


def _cut_french(word: str) -> str:
    if word.endswith("eaux"):  # niv-eaux
        return word[:-1]
    if word.endswith("aux") and len(word) > _MIN_STEM:  # journ-aux
        return f"{word[:-3]}al"
    return word[:-1] if word.endswith(("s", "x")) else word


def _without_s(word: str) -> str:
    """Cut a plural's s, but not that of hepatitis, virus or stress."""
    has_plural = word.endswith("s") and not word.endswith(("is", "us", "ss"))
    return word[:-1] if has_plural else word
