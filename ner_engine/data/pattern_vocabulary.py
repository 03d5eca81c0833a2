"""Words that the patterns of doses, frequencies and durations are composed from.

Each language's table stands in ``lexicon/patterns.LANGUAGE.toml``. Each string is a
regular expression over *folded* text (``pattern_matcher.fold``): no accents, ASCII
dashes and quotes, plain blanks. Matching ignores case except inside ``(?-i:...)``.
``<n>`` stands for a number or number word, ``<period>`` for a unit of time. Standard
library only.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

PATTERN_LANGUAGES = ("es", "fr", "en")

# Units of mass, activity and volume are written alike in the three languages.
MASS_UNITS = (
    r"mgrs?", r"mg", r"mcgr?", r"ug", r"microgr?", r"grs?", r"gms?", r"g", r"U\.I\.",
    r"I\.U\.", r"UI", r"IU", r"MUI", r"MU", r"kUI", r"mUI", r"(?-i:U)", r"mEq",
    r"mmol", r"mL", r"cc", r"cm3",
)  # fmt: skip

# Latin and English abbreviations seen in the orders of all three languages.
SHARED_FREQUENCIES = (
    r"(?-i:QD|BID|TID|QID|QHS|QOD|PRN|SOS|bid|tid|qid|qhs|qod|prn)(?!\.\w)",
    r"q\.\s?d\.|[btq]\.\s?i\.\s?d\.?|p\.\s?r\.\s?n\.?",
    r"q\s?\d{1,2}(?:-\d{1,2})?\s?(?:h|hrs?|hours?|d|days?|w|wk|weeks?|min)",
    r"c/\s?\d{1,2}(?:-\d{1,2})?\s?(?:hs?|hrs?|horas?|d|dias?|sem(?:anas?)?|mes(?:es)?)?",
    r"c/\s?(?:dia|noche|manana|semana|mes)",
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of one language, each entry an alternative of a regular expression.

    ``forms`` are countable dosage forms; ``dose_phrases`` doses told in words;
    ``frequencies`` whole frequency expressions; ``per_periods`` frequencies that need a
    number shortly before them ("al día"); ``duration_quantities`` vague quantities;
    ``duration_heads`` adjectives before or behind the number ("últimos"),
    ``duration_tails`` behind the unit ("previos").
    ``duration_before`` and ``duration_after`` are cues that make a length of time out
    of "un día" or "40 años", ``bare_before`` and ``bare_after`` of a plural unit alone;
    ``age_before``, ``age_after`` and, for years only, ``age_before_years`` make it an
    age; ``not_duration_before`` and
    ``not_duration_after`` mark other readings (weeks of pregnancy, 24-hour recordings);
    ``measured_before`` and ``measured_after`` an amount that is measured in the
    patient, not given; ``given_nearby`` fluids and oxygen, whose litres are doses.
    """

    number_words: tuple[str, ...]
    one_words: tuple[str, ...]
    forms: tuple[str, ...]
    mass_words: tuple[str, ...]
    dose_phrases: tuple[str, ...]
    periods: tuple[str, ...]
    years: str
    clock: str
    frequencies: tuple[str, ...]
    per_periods: tuple[str, ...]
    frequency_not_before: tuple[str, ...]
    approximators: tuple[str, ...]
    articles: tuple[str, ...]
    duration_quantities: tuple[str, ...]
    duration_heads: tuple[str, ...]
    duration_phrases: tuple[str, ...]
    duration_before: tuple[str, ...]
    duration_after: tuple[str, ...]
    age_before: tuple[str, ...]
    age_before_years: tuple[str, ...]
    age_after: tuple[str, ...]
    not_duration_before: tuple[str, ...]
    not_duration_after: tuple[str, ...]
    measured_before: tuple[str, ...]
    measured_after: tuple[str, ...]
    given_nearby: tuple[str, ...]
    range_words: tuple[str, ...]
    bare_before: str
    bare_after: str
    duration_tails: tuple[str, ...]


@lru_cache(maxsize=len(PATTERN_LANGUAGES))
def load_vocabulary(language: str) -> Vocabulary:
    """Return the table of a language.

    Raises
    ------
    ValueError
        For a language without patterns.
    """
    if language not in PATTERN_LANGUAGES:
        raise ValueError(f"no patterns for language {language!r}")
    source = files("ner_engine.data") / "lexicon" / f"patterns.{language}.toml"
    table = tomllib.loads(source.read_text(encoding="utf-8"))
    entries: dict[str, Any] = {
        name: entry if isinstance(entry, str) else tuple(entry)
        for name, entry in table.items()
    }
    return Vocabulary(**entries)
