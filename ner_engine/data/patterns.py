"""Doses, frequencies and durations found by regular expressions, in es, fr and en.

These patterns need no model: they pre-annotate projects that have none, and label
training text silently. They know nothing of drugs and findings. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ner_engine.data.pattern_matcher import Matcher, fold, load_matcher
from ner_engine.types import Span

PATTERN_LABELS = ("DOSAGE", "FREQUENCY", "DURATION")

# How far the guards look around a match: about half a line of a note.
_CONTEXT_CHARS = 60
# Nobody is given more grams than this at once, but newborns and organs weigh them.
_MOST_GRAMS = 100
# From here on a bare number of years is more often an age than a length of time.
_LIKELY_AGE_YEARS = 18
_HOURS_A_DAY = 24


def find_pattern_spans(
    text: str, language: str, labels: Iterable[str] = PATTERN_LABELS
) -> tuple[Span, ...]:
    """Find doses, frequencies and durations in a clinical text.

    Parameters
    ----------
    text : str
        Any length; never changed.
    language : str
        es, fr or en.
    labels : iterable of str
        Which of DOSAGE, FREQUENCY, DURATION to return.

    Returns
    -------
    tuple of Span
        Sorted, without overlaps. A frequency wins over a dose, a dose over a duration:
        "cada 8 horas" is no length of time.

    Raises
    ------
    ValueError
        For a language or label without patterns.

    Notes
    -----
    Laboratory values, weights, ages, clock times and weeks of pregnancy are told apart
    by the words around them, so an unusual wording may be taken for the wrong one.

    >>> text = "amoxicilina 500 mg cada 8 horas durante 7 días"
    >>> [span.mention(text) for span in find_pattern_spans(text, "es")]
    ['500 mg', 'cada 8 horas', '7 días']
    """
    wanted = frozenset(labels)
    if not wanted <= set(PATTERN_LABELS):
        raise ValueError(
            f"no patterns for labels {sorted(wanted - set(PATTERN_LABELS))}"
        )
    matcher = load_matcher(language)
    folded = fold(text)
    taken = bytearray(len(folded))
    spans: list[Span] = []
    finders = (
        ("FREQUENCY", _frequencies),
        ("DOSAGE", _dosages),
        ("DURATION", _durations),
    )
    for label, finder in finders:
        for start_char, end_char in finder(folded, matcher):
            if any(taken[start_char:end_char]):
                continue
            taken[start_char:end_char] = b"\x01" * (end_char - start_char)
            if label in wanted:
                spans.append(Span(start_char, end_char, label))
    return tuple(sorted(spans))


def _around(folded: str, start_char: int, end_char: int) -> tuple[str, str]:
    before = folded[max(0, start_char - _CONTEXT_CHARS) : start_char]
    return before, folded[end_char : end_char + _CONTEXT_CHARS]


def _same_line(before: str) -> str:
    return before.rsplit("\n", 1)[-1]


def _frequencies(folded: str, matcher: Matcher) -> Iterator[tuple[int, int]]:
    for match in matcher.schedule.finditer(folded):
        if _is_schedule(match.group()):
            yield match.span()
    for match in matcher.frequency.finditer(folded):
        before, _ = _around(folded, *match.span())
        if not matcher.frequency_not_before.search(before):
            yield _trim(folded, *match.span())
    for match in matcher.slash_period.finditer(folded):
        before, after = _around(folded, match.start(1), match.end(1))
        if matcher.measured_before.search(_same_line(before)):
            continue
        if not matcher.measured_after.search(after):
            yield match.span(1)
    for match in matcher.per_period.finditer(folded):
        before, _ = _around(folded, *match.span())
        if matcher.number_before.search(_same_line(before)):
            yield match.span()


def _is_schedule(surface: str) -> bool:
    """Tell "1-0-1" and "10-0-8" from dates and scores."""
    parts = [part.strip() for part in re.split(r"(?<!1)/|-|(?<=1)/(?!2|4)", surface)]
    small = all(
        part in {"0", "1", "2", "3", "4", "½", "¼", "1/2", "1/4"}
        or re.fullmatch(r"[0-4][.,]5", part)
        for part in parts
    )
    return small or ("/" not in surface and "0" in parts)


def _dosages(folded: str, matcher: Matcher) -> Iterator[tuple[int, int]]:
    for match in matcher.dosage.finditer(folded):
        before, after = _around(folded, *match.span())
        if _is_given(match.group(), _same_line(before), after, matcher):
            yield _trim(folded, *match.span())
    for pattern in (matcher.oxygen_or_fluid, matcher.percentage):
        for match in pattern.finditer(folded):
            before, after = _around(folded, *match.span())
            near_before = _same_line(before)[-30:]
            near_after = after.split("\n", 1)[0][:25]
            if matcher.percentage is pattern:
                if _is_strength(near_before, near_after):
                    yield match.span()
            elif matcher.measured_after.search(after):
                continue
            elif matcher.given_nearby.search(
                near_before
            ) or matcher.given_nearby.search(near_after):
                yield match.span()


_STRENGTH_AFTER = re.compile(
    r"\s(?:cream|ointment|gel|lotion|drops|solution|saline|dextrose|crema|pomada)\b",
    re.IGNORECASE,
)
_STRENGTH_BEFORE = re.compile(
    r"(?:nacl|d5w|crema|pomada|gel|suero|solucion|colirio|glucosado|salino|fisiologico|unguento"
    r"|creme|pommade|solution|collyre|serum|glucose|lotion|ointment|cream|saline|dextrose"
    r"|drops|[a-z]{3,}(?:caina|caine|azol|azole|sona|sone|ona|one|cina|cine))"
    r"[^.;\n]{0,12}?(?:\s(?:al|a|at))?\s$",
    re.IGNORECASE,
)


def _is_strength(before: str, after: str) -> bool:
    """Tell "suero glucosado al 5%" from an ejection fraction."""
    if _STRENGTH_AFTER.match(after) is not None:
        return True
    return _STRENGTH_BEFORE.search(before) is not None


# Concentrations in body fluids; drug strengths are told in mg/ml or "100 UI/ml".
_LEVEL = re.compile(
    r"(?:ug|U|mUI|MU|mEq|mmol|(?<!100 )(?:UI|IU))\s?/\s?ml$", re.IGNORECASE
)
_VOLUMES = ("ml", "mL", "ML", "cc")
_PER_MINUTE = re.compile(r"\s?/\s?min", re.IGNORECASE)


def _is_given(surface: str, before: str, after: str, matcher: Matcher) -> bool:
    """Tell an amount that is given from one that is measured in the patient."""
    grams = re.fullmatch(
        r"(\d+(?:[., ]\d+)*)\s?(?:g|grs?|gramos|grammes|grams)", surface
    )
    if grams is not None:
        # "1.500" and "1,500" are thousands, "0,125" is not
        figure = re.sub(r"(?<!^0)[., ](?=\d{3}(?!\d))", "", grams.group(1))
        if float(figure.replace(",", ".")) >= _MOST_GRAMS:
            return False
    if _LEVEL.search(surface) or (
        surface.endswith(_VOLUMES) and _PER_MINUTE.match(after)
    ):
        return False
    if matcher.measured_before.search(before):
        return False
    return not matcher.measured_after.search(after)


def _durations(folded: str, matcher: Matcher) -> Iterator[tuple[int, int]]:
    for match in matcher.duration.finditer(folded):
        before, after = _around(folded, *match.span())
        if _is_length(match.group(), _same_line(before), after, matcher):
            yield _trim(folded, *match.span())
    for match in matcher.bare_duration.finditer(folded):
        if not match.group().endswith("s"):
            continue
        before, after = _around(folded, *match.span())
        if matcher.bare_before.search(before) or matcher.bare_after.search(after):
            yield match.span()


def _is_length(surface: str, before: str, after: str, matcher: Matcher) -> bool:
    """Tell a length of time from an age, a clock time or a gestational age."""
    article = matcher.article.search(surface)
    if article is not None:
        before, surface = before + article.group(), surface[article.end() :]
    if matcher.not_duration_before.search(before):
        return False
    if matcher.not_duration_after.search(after) or matcher.age_after.search(after):
        return False
    cued = bool(matcher.duration_before.search(before))
    cued = cued or bool(matcher.duration_after.search(after))
    if matcher.has_head.search(surface):
        return cued or _names_many(surface)
    if cued or matcher.one.search(surface):
        return cued
    return not _is_age_or_clock(surface, before, matcher)


def _names_many(surface: str) -> bool:
    """Tell "los últimos días" from "la semana pasada", which is a point in time."""
    return re.search(r"\d|s\b.*s\b", surface) is not None


def _is_age_or_clock(surface: str, before: str, matcher: Matcher) -> bool:
    hours = re.fullmatch(
        r"(\d{1,2})\s?(?:h|hs|hrs?|horas|heures)", surface, re.IGNORECASE
    )
    is_time = hours is not None and int(hours.group(1)) < _HOURS_A_DAY
    if is_time and matcher.clock.search(before):
        return True
    if matcher.age_before.search(before):
        return True
    if matcher.years.search(surface) is None:
        return False
    if matcher.age_before_years.search(before):
        return True
    figure = re.search(r"\d+", surface)
    return figure is not None and int(figure.group()) >= _LIKELY_AGE_YEARS


def _trim(folded: str, start_char: int, end_char: int) -> tuple[int, int]:
    while start_char < end_char and folded[start_char].isspace():
        start_char += 1
    while end_char > start_char and folded[end_char - 1].isspace():
        end_char -= 1
    return start_char, end_char
