"""Tokens of the project's own rules over spaCy blank pipelines.

One regular expression finds the boundaries that clinical spans need; spaCy's rules of
the language decide on words with apostrophes, where languages differ. spaCy is imported
on the first such word only, so most Spanish notes never pay for it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from ner_engine.text.sentences import sentence_starts
from ner_engine.types import Token

# Stored with each note's tokens: raise the number when a rule below changes a boundary.
# spaCy's part changes with its minor version.
TOKENIZER_VERSION = f"glosa-1+spacy-{'.'.join(version('spacy').split('.')[:2])}"

_APOSTROPHES = "'’ʼ"
# A language whose articles elide keeps the apostrophe also before a digit or a blank
# ("d'1 g", "l' hypertension").
_ELISIONS = {
    "fr": "[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu|presqu|quelqu|entr",
    "it": "[cdlmnstv]|un|all|dall|dell|nell|sull|coll|quest|quell|sant",
    "ca": "[dlmnst]",
}
# Scripts written without blanks: a token a character.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# Format characters that separate rather than join: zero-width space, byte order mark.
_SEPARATING = frozenset("\u200b\ufeff")
# A cache of split words holds text of notes: bounded, in memory only.
_WORD_CACHE_SIZE = 8192


def tokenize(text: str, language: str) -> tuple[Token, ...]:
    """Split a text into tokens with sentence starts.

    Parameters
    ----------
    text : str
        Any Unicode string.
    language : str
        ISO 639-1 code (a region such as ``es-MX`` is ignored); an unknown one falls
        back to spaCy's multi-language rules.

    Returns
    -------
    tuple of Token
        In order; every character that is not white space is in exactly one token, and
        no token holds white space, so none crosses a line.

    Examples
    --------
    >>> [t.end_char for t in tokenize("500mg c/8h", "es")]
    [3, 5, 7, 8, 9, 10]
    """
    code = primary_language(language)
    ranges: list[tuple[int, int]] = []
    for match in _pattern(code).finditer(text):
        start_char, end_char = match.span()
        if match.lastindex is None:
            ranges.append((start_char, end_char))
            continue
        for length in _word_lengths(match.group(), code):
            ranges.append((start_char, start_char + length))
            start_char += length
    starts = sentence_starts(text, ranges)
    return tuple(
        Token(start_char, end_char, is_start)
        for (start_char, end_char), is_start in zip(ranges, starts, strict=True)
    )


def primary_language(language: str) -> str:
    """Return the two- or three-letter code of a language tag, ``xx`` when it has none.

    Nothing but letters may pass: spaCy imports a module of this name.
    """
    code = re.split("[-_]", language.strip().lower(), maxsplit=1)[0]
    return code if re.fullmatch("[a-z]{2,3}", code) else "xx"


@lru_cache(maxsize=32)
def _pattern(language: str) -> re.Pattern[str]:
    """Compile the boundaries. The only capturing group marks words for spaCy."""
    extend = _extenders()
    letter = rf"[^\W\d_{_UNSPACED}]"
    word = rf"{letter}[{extend}]*(?:{letter}[{extend}]*)*"
    alternatives = [
        # decimals and thousands stay whole: 0,5  1.000  12.03.2024
        rf"\d+(?:[.,]\d+)*[{extend}]*",
        rf"{word}((?:[{_APOSTROPHES}]{word})+)?",
        rf"[{_UNSPACED}][{extend}]*",
        # runs of one mark are one token: ... +++ ----
        r"\.{2,}|\+{2,}|-{2,}|={2,}|\*{2,}|_{2,}|!{2,}|\?{2,}",
        "[\U0001f1e6-\U0001f1ff]{2}",  # flags
        # any other character, with what modifies it (emoji sequences, keycaps)
        rf"\S(?:\u200d\S|[{extend}])*",
    ]
    if language in _ELISIONS:
        elided = rf"(?i:{_ELISIONS[language]})[{_APOSTROPHES}](?!{letter})"
        alternatives.insert(1, elided)
    return re.compile("|".join(alternatives))


@lru_cache(maxsize=1)
def _extenders() -> str:
    """Return the characters that never start a token, as a regex class body.

    Combining marks and joining format characters of the basic plane, variation
    selectors and emoji modifiers.
    """
    plane = (chr(point) for point in range(0x300, 0x10000))
    marks = [
        char
        for char in plane
        if unicodedata.category(char) in {"Mn", "Mc", "Me", "Cf"}
        and char not in _SEPARATING
    ]
    beyond = "\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\U000e0100-\U000e01ef"
    return "\u00ad" + "".join(map(re.escape, marks)) + beyond


@lru_cache(maxsize=_WORD_CACHE_SIZE)
def _word_lengths(word: str, language: str) -> tuple[int, ...]:
    """Split a word that holds an apostrophe, by spaCy's rules of the language."""
    return tuple(len(piece) for piece in _spacy_tokenizer(language)(word))


@lru_cache(maxsize=32)
def _spacy_tokenizer(language: str) -> Any:  # spaCy is untyped here
    """Return the tokenizer of a blank pipeline, "xx" where spaCy has no plain one.

    Some languages need dictionaries that are not installed (Japanese, Thai) or are
    not rule-based (Chinese): these take the multi-language rules too.
    """
    import spacy
    from spacy.tokenizer import Tokenizer

    try:
        tokenizer = spacy.blank(language).tokenizer
    except ImportError:  # spaCy's answer to an unknown code as to a missing package
        return spacy.blank("xx").tokenizer
    return (
        tokenizer if isinstance(tokenizer, Tokenizer) else spacy.blank("xx").tokenizer
    )
