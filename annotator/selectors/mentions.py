"""Where the same mention stands again: folded by case, accents and number.

Pure computations over text; no query. "Same" is meant as a reader means it: *Fiebres*
is *fiebre*, *cancer* is *cáncer*, but in Spanish *ano* is not *año*.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

TokenRow = Sequence[int]

_COMBINING = re.compile("[\u0300-\u036f]")
_PARTS = re.compile(r"\w+|\s+|[^\w\s]")
# Words shorter than this have no number worth guessing: "es", "os", "mas".
_MIN_STEM = 3
_FIRST_FOLDED, _LAST_FOLDED = 0x41, 0x24F
_QUOTES = {0x2019: "'", 0x2018: "'", 0x2010: "-", 0x2011: "-", 0x2013: "-"}
_SIBILANTS = ("s", "x", "z", "ch", "sh")


def find_same(
    text: str, tokens: Sequence[TokenRow], mention: str, language: str
) -> list[tuple[int, int]]:
    """Return every range of whole tokens that reads as the mention, in order."""
    pattern = _pattern(mention, language)
    if pattern is None:
        return []
    folded, places = _fold(text, language)
    found: list[tuple[int, int]] = []
    for match in pattern.finditer(folded):
        start, end = match.start(), match.end()
        if places is not None:
            start, end = places[start], places[end]
        if on_token_edges(tokens, start, end):
            found.append((start, end))
    return found


def may_hold(text: str, mention: str, language: str) -> bool:
    """Tell whether the mention stands in the text, token edges aside."""
    pattern = _pattern(mention, language)
    return pattern is not None and bool(pattern.search(_fold(text, language)[0]))


def is_same(surface: str, mention: str, language: str) -> bool:
    """Tell whether the surface reads as the mention."""
    pattern = _pattern(mention, language)
    return pattern is not None and bool(pattern.fullmatch(_fold(surface, language)[0]))


def on_token_edges(tokens: Sequence[TokenRow], start: int, end: int) -> bool:
    """Tell whether the range begins where a token does and ends where one does."""
    first = bisect_left(tokens, start, key=lambda token: token[0])
    last = bisect_left(tokens, end, key=lambda token: token[1])
    return (
        first < len(tokens)
        and last < len(tokens)
        and (tokens[first][0] == start and tokens[last][1] == end)
    )


def word_forms(word: str, language: str) -> set[str]:
    """Return the folded word in singular and plural, as far as simple rules know."""
    if len(word) < _MIN_STEM or not word.isalpha():
        return {word}
    plurals, singulars = _RULES.get(language, _RULES["es"])
    stems = {word} | {stem for stem in singulars(word) if len(stem) >= _MIN_STEM}
    return stems | {form for stem in stems for form in plurals(stem)}


@lru_cache(maxsize=64)
def _pattern(mention: str, language: str) -> re.Pattern[str] | None:
    """Compile what the mention looks like in a folded text; None for a blank one."""
    folded = _fold(mention.strip(), language)[0]
    if not folded:
        return None
    parts = [
        r"\s+"
        if part.isspace()
        else "(?:" + "|".join(map(re.escape, _longest_first(part, language))) + ")"
        for part in _PARTS.findall(folded)
    ]
    return re.compile(rf"(?<!\w){''.join(parts)}(?!\w)")


def _longest_first(part: str, language: str) -> list[str]:
    return sorted(word_forms(part, language), key=lambda form: (-len(form), form))


def _fold(text: str, language: str) -> tuple[str, list[int] | None]:
    """Fold a text; the list maps its offsets back, None stands for "unchanged"."""
    table = _table(language)
    if not _COMBINING.search(text):
        return text.translate(table), None
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        if _COMBINING.match(letter):
            if language == "es" and letter == "\u0303" and letters[-1:] == ["n"]:
                letters[-1] = "ñ"
            continue
        letters.append(letter.translate(table))
        places.append(place)
    places.append(len(text))
    return "".join(letters), places


@lru_cache(maxsize=8)
def _table(language: str) -> dict[int, str]:
    """Return a letter-for-letter table: case and accents gone, ñ kept in Spanish."""
    table = dict(_QUOTES)
    for code in range(_FIRST_FOLDED, _LAST_FOLDED + 1):
        letter = chr(code)
        lower = letter.lower()
        if language == "es" and lower == "ñ":
            table[code] = "ñ"
            continue
        base = unicodedata.normalize("NFD", lower)[0]
        if base != letter:
            table[code] = base
    return table


def _spanish_singulars(word: str) -> Iterator[str]:
    if word.endswith("ces"):
        yield f"{word[:-3]}z"
    if word.endswith("es"):
        yield word[:-2]
    if word.endswith("s"):
        yield word[:-1]


def _spanish_plurals(word: str) -> Iterator[str]:
    if word.endswith("z"):
        yield f"{word[:-1]}ces"
    elif word[-1] in "aeiou":
        yield f"{word}s"
    else:
        yield f"{word}es"


def _french_singulars(word: str) -> Iterator[str]:
    if word.endswith("aux"):
        yield f"{word[:-3]}al"
    if word.endswith(("aux", "eux", "oux", "s")):
        yield word[:-1]


def _french_plurals(word: str) -> Iterator[str]:
    if word.endswith("al"):
        yield f"{word[:-2]}aux"
    if word.endswith(("au", "eu", "ou")):
        yield f"{word}x"
    if word[-1] not in "sxz":
        yield f"{word}s"


def _english_singulars(word: str) -> Iterator[str]:
    if word.endswith("ies"):
        yield f"{word[:-3]}y"
    if word.endswith("es") and word[:-2].endswith(_SIBILANTS):
        yield word[:-2]
    if word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]


def _english_plurals(word: str) -> Iterator[str]:
    if word.endswith("y"):
        yield f"{word[:-1]}ies"
    yield f"{word}es" if word.endswith(_SIBILANTS) else f"{word}s"


_Rule = Callable[[str], Iterable[str]]
# language: (plurals of a stem, possible stems of a word), on folded words
_RULES: dict[str, tuple[_Rule, _Rule]] = {
    "es": (_spanish_plurals, _spanish_singulars),
    "fr": (_french_plurals, _french_singulars),
    "en": (_english_plurals, _english_singulars),
}
