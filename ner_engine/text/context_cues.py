"""Cue words of negation, hypothesis, family and history, read from files of data.

Standard library only. A file a language in ``cues/``. The classes of cues are those of
NegEx (Chapman et al. 2001) and ConText (Harkema et al. 2009): what stands before the
mention, what behind it, what only looks like a cue (pseudo), and what ends a cue's
reach (stops).
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("es", "fr", "en")

_AT_WORD = re.compile(r"\w|\(\?:|<")

_FOLDER = Path(__file__).parent / "cues"


@dataclass(frozen=True, slots=True)
class Cues:
    """The cues of one attribute in one language."""

    before: re.Pattern[str]
    after: re.Pattern[str]
    pseudo: re.Pattern[str]
    stops: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Answers:
    """How an answer to a question begins.

    ``none_of_them`` settles several questions in a row; ``affirmed`` stands behind a
    mention and affirms it ("fiebre sí").
    """

    no: re.Pattern[str]
    yes: re.Pattern[str]
    unclear: re.Pattern[str]
    none_of_them: re.Pattern[str]
    affirmed: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Language:
    """All cues of a language: those of each attribute, and those of answers."""

    cues: dict[str, Cues]
    answers: Answers


@lru_cache(maxsize=len(LANGUAGES))
def cues_of(language: str) -> Language:
    """Return the compiled cues of one of ``LANGUAGES``."""
    path = _FOLDER / f"cues.{language}.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    words = {
        name: "(?:" + "|".join(lines.split("\n")).strip("|") + ")"
        for name, lines in data.pop("words").items()
    }
    answers = {key: _compile(lines, {}) for key, lines in data.pop("answers").items()}
    cues = {
        attribute: Cues(**{key: _compile(lines, words) for key, lines in kinds.items()})
        for attribute, kinds in data.items()
    }
    return Language(cues, Answers(**answers))


def _compile(lines: str, words: dict[str, str]) -> re.Pattern[str]:
    """Join cues, a line each, into one pattern: the longest spelling goes first.

    Those that begin with a word share one look for the word's edge: inside of words,
    where most places of a text are, nothing else is tried.
    """
    cues = sorted((line for line in lines.split("\n") if line), key=len, reverse=True)
    at_word = [_pattern(line, words) for line in cues if _AT_WORD.match(line)]
    others = [_pattern(line, words) for line in cues if not _AT_WORD.match(line)]
    parts = [rf"(?<!\w)(?=\w)(?:{'|'.join(at_word)})"] if at_word else []
    parts += [f"(?:{'|'.join(others)})"] if others else []
    return re.compile(f"(?:{'|'.join(parts)})" + r"(?:(?<=\W)|(?!\w))")


def _pattern(line: str, words: dict[str, str]) -> str:
    """Make a cue's pattern: blanks, and letters with or without their accents."""
    for name, alternatives in words.items():
        line = line.replace(f"<{name}>", alternatives)
    pattern = line.replace(" *", r"\s*").replace(" ?", r"\s?").replace(" ", r"\s+")
    # "sí" is not "si", "sé" not "se"; elsewhere notes drop accents freely
    parts = re.split(r"(\bs[íé]\b)", pattern)
    parts[::2] = [
        re.sub("[à-öø-ÿ]", lambda accented: _either(accented.group()), part)
        for part in parts[::2]
    ]
    return "".join(parts)


def _either(letter: str) -> str:
    base = unicodedata.normalize("NFD", letter)[0]
    return letter if base == letter else f"[{base}{letter}]"
