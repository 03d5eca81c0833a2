"""Sentence starts over tokens, by rules. Standard library only.

Clinical notes break sentences by lines more than by full stops, and are full of
abbreviations; a statistical splitter trained on news does worse than these few rules.
"""

from __future__ import annotations

from collections.abc import Sequence

# What `str.splitlines` takes for the end of a line.
LINE_BREAKS = frozenset("\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")

_TERMINATORS = frozenset(".!?…。！？")
_CLOSERS = frozenset("\"')]}»”’")
_OPENERS = frozenset("\"'([{«“‘¿¡")

# Words whose full stop does not end a sentence even before a capital, case-folded:
# titles; doses and forms; reference and measure. "etc." is left out on purpose: before
# a capital it nearly always ends one.
_ABBREVIATION_WORDS = """
dr dra drs dras dres sr sra sres sras srta dña lic enf prof profa mme mmes mlle mr mrs
ms mx pr st sta sto ste
comp comps compr cp cps cpr cap caps cáps amp tab tabl tbl gtt gts sol susp iny inj
aprox approx env máx max mín min ej pág págs pag núm num nº tel tél fig figs cf vs hosp
serv dpto depto dept ap ant dcho dcha izq izqda izqdo
"""
ABBREVIATIONS = frozenset(_ABBREVIATION_WORDS.split())
# The French title: only as a capital ("5 m." ends a sentence).
_TITLES_IN_CAPITALS = frozenset({"M", "MM", "D"})
# "hospital.Se": without a blank, only a word this long is taken for a word.
_MIN_GLUED_WORD = 3


def sentence_starts(text: str, ranges: Sequence[tuple[int, int]]) -> list[bool]:
    """Tell for each token whether it starts a sentence.

    Parameters
    ----------
    text : str
    ranges : sequence of (int, int)
        Half-open code-point ranges of the tokens, in order, without overlap.

    Returns
    -------
    list of bool
        True for the first token, for the first after a line break, and for one that
        opens with a capital after ``.``, ``!``, ``?`` unless the full stop belongs to
        an abbreviation or an initial.
    """
    starts: list[bool] = []
    pending = False
    previous_end = -1
    for index, (start_char, end_char) in enumerate(ranges):
        if index == 0 or _breaks_line(text, previous_end, start_char):
            starts.append(True)
            pending = False
        else:
            is_start = pending and _opens_sentence(text, start_char)
            starts.append(is_start)
            if is_start:
                pending = False
        last = text[end_char - 1]
        if last in _TERMINATORS:
            pending = last != "." or _full_stop_ends(text, ranges, starts, index)
        elif last not in _CLOSERS:
            pending = False
        previous_end = end_char
    return starts


def _breaks_line(text: str, gap_start: int, gap_end: int) -> bool:
    """Tell whether a line ends between two tokens."""
    gap = text[gap_start:gap_end]
    return gap not in ("", " ") and not LINE_BREAKS.isdisjoint(gap)


def _opens_sentence(text: str, start_char: int) -> bool:
    """Tell whether a capital stands here, behind opening punctuation if any."""
    for char in text[start_char : start_char + 3]:
        if char.isupper():
            return True
        if char not in _OPENERS:
            return False
    return False


def _full_stop_ends(
    text: str, ranges: Sequence[tuple[int, int]], starts: Sequence[bool], index: int
) -> bool:
    """Tell whether the token *index*, which closes with ".", may end a sentence."""
    start_char, end_char = ranges[index]
    if index == 0 or end_char - start_char > 1:  # an ellipsis, or "." alone
        return True
    word_start, word_end = ranges[index - 1]
    if word_end != start_char:
        return True
    word = text[word_start:word_end]
    if word.casefold() in ABBREVIATIONS or word in _TITLES_IN_CAPITALS:
        return False
    if len(word) == 1 and word.isupper():
        return not _is_initial(text, ranges, starts, index - 1)
    following = text[end_char : end_char + 1]
    if following.isspace() or following in _CLOSERS:
        return True
    return len(word) >= _MIN_GLUED_WORD and word.islower()


def _is_initial(
    text: str, ranges: Sequence[tuple[int, int]], starts: Sequence[bool], index: int
) -> bool:
    """Tell whether a single capital is part of a name ("J. Ruiz", "Dr. J. Ruiz").

    "vitamina K. Se pauta" has a small letter before it; a name has a capital, a title
    or the start of the sentence.
    """
    if starts[index] or index == 0:
        return True
    before_start, before_end = ranges[index - 1]
    if text[before_end - 1] == "." and index > 1:
        before_start, _ = ranges[index - 2]
    return text[before_start].isupper()
