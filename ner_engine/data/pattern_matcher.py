"""Compiles the pattern tables of a language, and folds the text they are matched on.

Standard library only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from ner_engine.data.pattern_vocabulary import (
    MASS_UNITS,
    PATTERN_LANGUAGES,
    SHARED_FREQUENCIES,
    Vocabulary,
    load_vocabulary,
)

_SPECIAL_FOLDS = {
    "’": "'", "‘": "'", "´": "'", "–": "-", "—": "-", "‑": "-", "−": "-", "⁄": "/",
    "µ": "u", "μ": "u", "Μ": "U", "²": "2", "×": "x", "º": "o", "ª": "a",
}  # fmt: skip

_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"

_NUMBER = (
    r"(?:(?:\d{1,3}(?:[. ]\d{3})+(?!\d)|\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:[.,']\d+)?)"
    r"(?:\s?[½¼¾])?|[½¼¾]|[123]/[234](?!\d))"
)


class _Folds(dict[int, str]):
    """Length-preserving map to letters without accents, filled as letters are met."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        folded = _SPECIAL_FOLDS.get(letter, letter)
        if letter.isspace() and letter not in _LINE_ENDS:
            folded = " "
        elif letter.isalpha():
            base = unicodedata.normalize("NFD", folded)[0]
            folded = base if base.isalpha() else folded
        self[code] = folded
        return folded


_FOLDS = _Folds()


def fold(text: str) -> str:
    """Return *text* without accents and typographic variants, of the same length."""
    return text.translate(_FOLDS)


@dataclass(frozen=True, slots=True)
class Matcher:
    """The compiled patterns of one language."""

    dosage: re.Pattern[str]
    oxygen_or_fluid: re.Pattern[str]
    percentage: re.Pattern[str]
    frequency: re.Pattern[str]
    per_period: re.Pattern[str]
    slash_period: re.Pattern[str]
    schedule: re.Pattern[str]
    duration: re.Pattern[str]
    bare_duration: re.Pattern[str]
    years: re.Pattern[str]
    one: re.Pattern[str]
    number_before: re.Pattern[str]
    measured_before: re.Pattern[str]
    measured_after: re.Pattern[str]
    given_nearby: re.Pattern[str]
    frequency_not_before: re.Pattern[str]
    duration_before: re.Pattern[str]
    duration_after: re.Pattern[str]
    bare_before: re.Pattern[str]
    bare_after: re.Pattern[str]
    has_head: re.Pattern[str]
    article: re.Pattern[str]
    age_before: re.Pattern[str]
    age_before_years: re.Pattern[str]
    age_after: re.Pattern[str]
    not_duration_before: re.Pattern[str]
    not_duration_after: re.Pattern[str]
    clock: re.Pattern[str]


def _any(alternatives: Iterable[str]) -> str:
    return "(?:" + "|".join(alternatives) + ")"


def _compile(pattern: str) -> re.Pattern[str]:
    # A span never runs over the end of a line, and folding left plain blanks only.
    return re.compile(pattern.replace(r"\s", "[ ]"), re.IGNORECASE)


def _dosage_pattern(words: Vocabulary, amount: str) -> str:
    """Amounts of mass or volume, counted forms, and doses told in words."""
    unit = _any((*words.mass_words, *MASS_UNITS))
    per_weight = (
        r"(?:\s?/\s?(?:kg|m2|dosis|dose|toma|prise|\d{1,2}\s?ml|ml|inh\w*|puff))?"
    )
    # A rate by weight is one dose ("30 mg/kg/día"), "40 mg/día" a dose and a frequency.
    rate = (
        r"(?:(?:(?<=kg)|(?<=m2))"
        r"\s?/\s?(?:dia|day|jour|dosis|dose|toma|min|hora|hr|h|d|j)(?![\w])"
        r"|(?<!ml)(?<!cc)\s?/\s?(?:min|hora|heure|hour|hr|h)(?![\w])"
        r"|(?<=ml)\s?/\s?(?:hora|heure|hour|hr|h)(?![\w]))?"
    )
    not_a_level = (
        r"(?!\s?/\s?(?:d?l|ml|u?l|mm3?|mmol|100|g|mg|cm\w*|kg|1[.,]73|x|24\s?h\s?de)\b)"
    )
    mass = (
        rf"{amount}(?:\s?(?:{unit})?\s?/\s?{_NUMBER}){{0,2}}\s?-?{unit}(?![\w%])"
        rf"{per_weight}{rate}{not_a_level}"
    )
    forms = rf"{amount}\s?{_any(words.forms)}(?![\w])"
    return (
        rf"(?<![\w/+])(?<!\d[.,-])(?:{mass}|{forms}|{_any(words.dose_phrases)}(?!\w))"
    )


def _duration_pattern(words: Vocabulary, amount: str) -> str:
    article = rf"(?:{_any(words.articles)}\s)?" if words.articles else ""
    head, tail = _any(words.duration_heads), _any(words.duration_tails)
    about = rf"(?:{_any(words.approximators)}\s?)?"
    count = rf"(?:\d{{1,2}}/\d{{1,2}}|{amount}|{_any(words.duration_quantities)})"
    period = rf"{_any(words.periods)}(?!\w)"
    run = r"(?:consecutiv[oa]s\s|consecutive\s)?"
    lengths = (
        *words.duration_phrases,
        rf"{article}{head}\s(?:{count}\s?)?{period}",
        rf"{article}{about}{count}\s{head}\s{period}",
        rf"{article}{about}{count}\s?{run}{period}(?:\s{tail}(?!\w))?",
        rf"{article}{period}\s{tail}(?!\w)",
    )
    return rf"(?<![\w/:+'])(?<!\d[.,-])(?:{'|'.join(lengths)})(?!\w)"


@lru_cache(maxsize=len(PATTERN_LANGUAGES))
def load_matcher(language: str) -> Matcher:
    """Return the compiled patterns of a language, or raise ValueError."""
    words = load_vocabulary(language)
    number = rf"(?:{_NUMBER}|{_any(words.number_words)})"
    amount = rf"(?:{number}(?:(?:\s?-\s?|\s{_any(words.range_words)}\s){number})?)"
    period = rf"{_any(words.periods)}(?!\w)"

    def fill(entries: Iterable[str]) -> str:
        filled = (e.replace("<n>", amount).replace("<period>", period) for e in entries)
        return _any(filled)

    quantity = r"(?:\d{1,2}(?:[.,]5)?|½|¼|1/2|1/4)"
    dash = r"\s?[-/]\s?"
    return Matcher(
        dosage=_compile(_dosage_pattern(words, amount)),
        oxygen_or_fluid=_compile(
            rf"(?<![\w.,/])(?:{amount}\s?(?:l|lts?|litros?|litres?|liters?)"
            r"(?:\s?/\s?min\w*)?"
            r"|(?:\d|1[0-5])(?:[.,]\d)?\s?lpm)(?![\w/])"
        ),
        percentage=_compile(rf"(?<![\w.,]){_NUMBER}\s?%"),
        frequency=_compile(
            rf"(?<![\w/-]){fill((*words.frequencies, *SHARED_FREQUENCIES))}(?![\w])"
        ),
        per_period=_compile(rf"(?<![\w/-]){fill(words.per_periods)}(?!\w)"),
        slash_period=_compile(
            r"(?<=[\w.)])(?<!mol)(?<!cal)\s?(/\s?(?:"
            r"(?:(?<!\d/)\d{1,2}|24|12|8)\s?(?:horas?|heures?|hours?|hrs?|hs|h)"
            r"|(?<!kg/)(?<!kg /)(?<!m2/)(?:dias?|day|jours?|noche|nuit|d|j)"
            r"|semanas?|semaine|week|wk|sem|mes|mois|month)(?!\w))"
        ),
        schedule=_compile(
            rf"(?<![\w/.,-])(?:{quantity}{dash}){{2,3}}{quantity}(?![\w/-]|[.,]\d)"
        ),
        duration=_compile(
            _duration_pattern(words, amount)
            .replace("<n>", amount)
            .replace("<period>", period)
        ),
        bare_duration=_compile(rf"(?<![\w/-]){_any(words.periods)}(?!\w)"),
        years=_compile(rf"{words.years}$"),
        one=_compile(rf"^{_any(words.one_words)}\s"),
        number_before=_compile(
            rf"(?<!\w)(?:{_NUMBER}|{_any(words.number_words)}(?!\w))"
            r"(?:[^.;:\n]|\.(?!\s(?-i:[A-Z]))){0,30}$"
        ),
        measured_before=_compile(rf"\b{_any(words.measured_before)}\b[^.;\n]{{0,24}}$"),
        measured_after=_compile(_any(words.measured_after)),
        given_nearby=_compile(rf"\b{_any(words.given_nearby)}(?!\w)"),
        frequency_not_before=_compile(rf"\b{_any(words.frequency_not_before)}"),
        duration_before=_compile(rf"(?<!\w){_any(words.duration_before)}"),
        duration_after=_compile(_any(words.duration_after)),
        bare_before=_compile(words.bare_before),
        bare_after=_compile(words.bare_after),
        has_head=_compile(
            rf"(?<!\w){_any((*words.duration_heads, *words.duration_tails))}(?!\w)"
        ),
        article=_compile(rf"^{_any(words.articles or ('(?!)',))}\s"),
        age_before=_compile(_any(words.age_before)),
        age_before_years=_compile(_any(words.age_before_years)),
        age_after=_compile(_any(words.age_after)),
        not_duration_before=_compile(_any(words.not_duration_before)),
        not_duration_after=_compile(_any(words.not_duration_after)),
        clock=_compile(words.clock),
    )
