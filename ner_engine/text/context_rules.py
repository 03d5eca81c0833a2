"""Attributes of a mention by rules: negated, hypothetical, family, historical.

Standard library only. The algorithm is that of NegEx (Chapman et al. 2001, "A simple
algorithm for identifying negated findings and diseases in discharge summaries", J.
Biomed. Inform. 34:301-310) as ConText widened it (Harkema et al. 2009, "ConText: an
algorithm for determining negation, experiencer, and temporal status from clinical
reports", J. Biomed. Inform. 42:839-851): cues before or behind the mention reach
through the sentence until a stop; what only looks like a cue is put aside first.

Ours are the cues of Spanish and French, the reach through lists ("sin fiebre, tos ni
disnea"), and questions, whose answer decides ("¿Fuma usted? — No").
"""

from __future__ import annotations

import re
import unicodedata

from ner_engine.text.context_cues import LANGUAGES, Answers, Cues, cues_of
from ner_engine.text.dialogue import role_of
from ner_engine.text.sentences import ABBREVIATIONS

ATTRIBUTES = ("negated", "hypothetical", "family", "historical")

# How far a sentence is looked for on either side; run-on dictations are longer.
_REACH_CHARS = 600
# Words that a cue reaches across in one item of a list. NegEx takes five in all.
_MAX_WORDS_BEFORE = {"negated": 7, "hypothetical": 8, "family": 14, "historical": 14}
_MAX_WORDS_AFTER = 5
# Behind a conjunction only this near: "VIH y VHC negativos".
_MAX_WORDS_JOINED = 2
# A line at least this long that ends in the middle of a sentence was wrapped.
_MIN_WRAPPED_CHARS = 60

_SENTENCE_END = re.compile(r"[.!?…]+[\"')\]»”]*(?=\s|$)|[\r\n]+")
_LAST_WORD = re.compile(r"[^\W\d_]+\Z")
_GROUP = re.compile(r"\((?! *(?:-|\+|no|non|yes|oui|sí|neg\w*) *\))[^()]*\)")
_JOINED = re.compile(r"\b(?:y|e|et|and)\b")
_QUESTION = re.compile(r"\?[\"')\]»”]*\s*\Z")
_ONE_QUESTION = re.compile(r"\s*[^.!?\r\n]{1,80}\?")
_SPEAKER = re.compile(
    r"\s*(?:\[(?P<bracketed>[^\[\]:]{1,40})\]\s*:?|(?P<plain>[^\W\d_][^:\r\n]{0,39}):)\s*"
)
_LEAD = re.compile(r"[\s\-–—»”\"*]*")
_MAX_QUESTIONED_WORDS = 5  # "¿neumonía?" in a note without an answer


def guess_attributes(
    text: str, start_char: int, end_char: int, language: str
) -> frozenset[str]:
    """Propose the attributes of the mention ``text[start_char:end_char]``.

    Parameters
    ----------
    text : str
        The whole note; only the mention's surroundings are read, so that the cost does
        not grow with the note.
    start_char, end_char : int
        Half-open code-point range of the mention.
    language : str
        ISO 639-1 code, a region is ignored; without rules for it nothing is proposed.

    Returns
    -------
    frozenset of str
        Of ``ATTRIBUTES``. A mention that is said to be possible or suspected counts as
        hypothetical. A question's own words say nothing: its answer affirms or negates,
        and without a clear answer nothing is proposed.

    Raises
    ------
    ValueError
        When the range is empty or outside the text.

    Examples
    --------
    >>> sorted(guess_attributes("Niega fiebre o tos.", 14, 17, "es"))
    ['negated']
    """
    if not 0 <= start_char < end_char <= len(text):
        raise ValueError(
            f"no range of {len(text)} characters: {start_char}, {end_char}"
        )
    code = re.split("[-_]", language.strip().lower(), maxsplit=1)[0]
    if code not in LANGUAGES:
        return frozenset()
    sentence_start, sentence_end = _sentence(text, start_char, end_char)
    left = _plain(text[sentence_start:start_char])
    right = _plain(text[end_char:sentence_end])
    language_cues = cues_of(code)
    found = {
        attribute
        for attribute in ATTRIBUTES
        if _is_reached(attribute, language_cues.cues[attribute], left, right)
    }
    replies = language_cues.answers
    if "negated" in found and replies.affirmed.match(right.lstrip()):
        found.discard("negated")
    if _QUESTION.search(right):
        found -= {"negated", "hypothetical"}
        reply = _reply(text, sentence_end, replies)
        if reply == "no":
            found.add("negated")
        elif reply is None and _is_doubt(text, left, right):
            found.add("hypothetical")
    return frozenset(found)


def _is_reached(attribute: str, rules: Cues, left: str, right: str) -> bool:
    """Tell whether a cue on either side reaches the mention."""
    for match in _cues(rules.before, rules.pseudo, left):
        gap = left[match.end() :]
        # "tos no, fiebre sí": a word before a comma looks back, not ahead
        if attribute == "negated" and gap.lstrip()[:1] in {",", ";", "?", ")"}:
            continue
        if attribute in {"negated", "hypothetical"} and ";" in gap:
            continue
        if rules.stops.search(gap):
            continue
        if _longest_item(gap) <= _MAX_WORDS_BEFORE[attribute]:
            return True
    for match in _cues(rules.after, rules.pseudo, right):
        gap = right[: match.start()]
        if re.search("[,;]", gap) or rules.stops.search(gap):
            continue
        reach = _MAX_WORDS_JOINED if _JOINED.search(gap) else _MAX_WORDS_AFTER
        if len(gap.split()) <= reach:
            return True
    return False


def _cues(
    cues: re.Pattern[str], pseudo: re.Pattern[str], side: str
) -> list[re.Match[str]]:
    """Return the cues that are not part of something longer that only looks so."""
    found = list(cues.finditer(side))
    if not found:
        return found
    false = [match.span() for match in pseudo.finditer(side)]
    return [
        match
        for match in found
        if not any(start <= match.start() < end for start, end in false)
    ]


def _longest_item(gap: str) -> int:
    """Count the words of the longest item of a list."""
    return max(len(item.split()) for item in re.split("[,/;]", gap))


def _sentence(text: str, start_char: int, end_char: int) -> tuple[int, int]:
    """Return the range of the sentence or line around a mention."""
    earliest = max(0, start_char - _REACH_CHARS)
    sentence_start = earliest
    for match in reversed(list(_SENTENCE_END.finditer(text, earliest, start_char))):
        if _ends_sentence(text, match):
            sentence_start = match.end()
            break
    latest = min(len(text), end_char + _REACH_CHARS)
    sentence_end = latest
    for match in _SENTENCE_END.finditer(text, end_char, latest):
        if _ends_sentence(text, match):
            sentence_end = match.end()
            break
    return sentence_start + _prefix_length(text, sentence_start, start_char), (
        sentence_end
    )


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    """Tell an end from an abbreviation's full stop or a wrapped line."""
    if match.group()[0] in "\r\n":
        return not _is_wrapped(text, match)
    if match.group()[0] != "." or match.end() - match.start() > 1:
        return True
    word = _LAST_WORD.search(text, max(0, match.start() - 20), match.start())
    if word is None:
        return True
    return len(word.group()) > 1 and word.group().casefold() not in ABBREVIATIONS


def _is_wrapped(text: str, line_break: re.Match[str]) -> bool:
    """Tell whether a long line without an end goes on with a small letter."""
    if line_break.group() not in {"\n", "\r", "\r\n"}:
        return False
    start = max(text.rfind(mark, 0, line_break.start()) for mark in "\r\n") + 1
    line = text[start : line_break.start()].rstrip()
    following = text[line_break.end() : line_break.end() + 1]
    return (
        len(line) >= _MIN_WRAPPED_CHARS
        and line[-1] not in ".!?:;"
        and following.islower()
    )


def _prefix_length(text: str, line_start: int, start_char: int) -> int:
    """Return the length of a speaker's name, which is no cue ("Madre: tiene fiebre").

    A relative counts as a speaker only beside turns of somebody else: in a note the
    same line tells the family's history.
    """
    match = _SPEAKER.match(text, line_start, start_char)
    if match is None:
        return 0
    role = role_of(match["bracketed"] or match["plain"])
    if role == "other" or (role == "relative" and not _in_dialogue(text, line_start)):
        return 0
    return match.end() - line_start


def _in_dialogue(text: str, line_start: int) -> bool:
    """Tell whether the line before or behind is a turn of a professional or patient."""
    before = text[max(0, line_start - _REACH_CHARS) : line_start].splitlines()
    behind = text[line_start : line_start + _REACH_CHARS].splitlines()[1:]
    near = [line for line in reversed(before) if line.strip()][:1]
    near += [line for line in behind if line.strip()][:1]
    for line in near:
        match = _SPEAKER.match(line)
        if match and role_of(match["bracketed"] or match["plain"]) not in {
            "other",
            "relative",
        }:
            return True
    return False


def _reply(text: str, position: int, replies: Answers) -> str | None:
    """Read the answer behind a question: "no", "yes", "unclear" or None for none.

    Of several questions in a row an answer such as "nada" settles all of them.
    """
    rest = text[position : position + _REACH_CHARS]
    asked_more = False
    while more := _ONE_QUESTION.match(rest):
        asked_more = True
        rest = rest[more.end() :]
    answer = _plain(_without_speaker(rest))
    if asked_more:
        return "no" if replies.none_of_them.match(answer) else "unclear"
    if replies.unclear.match(answer):
        return "unclear"
    if replies.no.match(answer):
        return "no"
    if replies.yes.match(answer):
        return "yes"
    # another turn that begins with something else is an answer that we cannot read
    return "unclear" if rest != answer and answer else None


def _without_speaker(rest: str) -> str:
    """Cut blanks, dashes and, on a line of its own, the name of who answers."""
    lead = _LEAD.match(rest)
    position = lead.end() if lead else 0
    if "\n" in rest[:position] or "\r" in rest[:position]:
        speaker = _SPEAKER.match(rest, position)
        position = speaker.end() if speaker else position
        lead = _LEAD.match(rest, position)
        position = lead.end() if lead else position
    return rest[position:]


def _is_doubt(text: str, left: str, right: str) -> bool:
    """Tell a doubt in a note ("¿TEP?", "neumonía?") from a question to somebody."""
    words = f"{left} {right}".strip(" ¿?\"'()").split()
    return len(words) <= _MAX_QUESTIONED_WORDS and not re.search(
        r"\[\w+\]|^[^\W\d_][^:\r\n]{0,39}:", text[:_REACH_CHARS], re.MULTILINE
    )


def _plain(side: str) -> str:
    """Compose accents, fold case, and drop what stands in brackets of its own."""
    return _GROUP.sub(" ", unicodedata.normalize("NFC", side).lower())
