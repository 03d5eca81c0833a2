"""The sentences of the engine's readers, in the language of the person who reads them.

The engine speaks English and knows nothing of Django. Each template below is one of its
sentences: it finds the sentence, and its translation says it.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext, gettext_noop

# %(name)d stands for a whole number, %(name)s for anything, %(what)s for words that
# are translated on their own: the kind of a value, what another library says.
_TEMPLATES = (
    # Any file
    gettext_noop("cannot be read: %(what)s"),
    gettext_noop("not %(encoding)s at byte %(byte)d"),
    gettext_noop(
        "not %(encoding)s at byte %(byte)d; if Windows wrote it, name the encoding"
        " cp1252"
    ),
    gettext_noop("the encoding is none of %(names)s"),
    gettext_noop("the format is none of %(names)s"),
    gettext_noop("the suffix is none of %(names)s; name the format"),
    gettext_noop("the suffix tells no known format"),
    gettext_noop("document id %(id)s comes in another file too"),
    gettext_noop("document id %(id)s comes twice"),
    gettext_noop("document id %(id)s comes twice, first on line %(line)d"),
    # Any document
    gettext_noop("the text is empty"),
    gettext_noop("the text holds a NUL character at %(at)d"),
    gettext_noop("the text holds a lone surrogate at %(at)d"),
    gettext_noop("the id is empty"),
    gettext_noop("the id has %(n)d characters, more than %(limit)d"),
    gettext_noop("the id holds a control character or a lone surrogate"),
    gettext_noop("the split is none of %(names)s"),
    gettext_noop(
        "document %(id)s: span [%(start)d, %(end)d) outside a text of %(n)d characters"
    ),
    # Archives
    gettext_noop("not a zip archive, or a damaged one"),
    gettext_noop("%(n)d entries, more than %(limit)d"),
    gettext_noop("unpacks to %(n)d bytes, more than %(limit)d"),
    gettext_noop("an entry is damaged or packed in an unknown way"),
    gettext_noop("an entry has not the size that it claims"),
    gettext_noop("entry %(number)d comes twice"),
    gettext_noop("entry %(number)d lies outside the archive"),
    gettext_noop("entry %(number)d has a name of another system"),
    gettext_noop("entry %(number)d is a link or a device, not a file"),
    gettext_noop("entry %(number)d is encrypted"),
    gettext_noop("entry %(number)d has %(n)d bytes, more than %(limit)d"),
    gettext_noop("entry %(number)d unpacks more than %(limit)d-fold"),
    gettext_noop("unpacks more than %(limit)d-fold"),
    gettext_noop("%(n)d entries; %(limit)d are left for all archives together"),
    gettext_noop(
        "unpacks to %(n)d bytes; %(limit)d are left for all archives together"
    ),
    # Document JSONL
    gettext_noop("the line is not UTF-8 at byte %(byte)d"),
    gettext_noop("not JSON at column %(column)d: %(what)s"),
    gettext_noop("the row is not JSON that can be read"),
    gettext_noop("%(constant)s is not JSON"),
    gettext_noop("the row is %(what)s, not an object"),
    gettext_noop('"%(key)s" is missing'),
    gettext_noop('"%(key)s" is %(what)s, not a string'),
    gettext_noop('"%(key)s" is %(what)s, not a list'),
    gettext_noop('"exhaustive_for" holds something that is not a string'),
    gettext_noop("entity %(number)d is %(what)s, not an object"),
    gettext_noop("entity %(number)d has no label, or one with blanks"),
    gettext_noop("entity %(number)d: the confidence is not a number"),
    gettext_noop("entity %(number)d: the confidence is outside [0, 1]"),
    gettext_noop("entity %(number)d: the attributes are not a list of strings"),
    gettext_noop("entity %(number)d: start and end are not both whole numbers"),
    gettext_noop("turn %(number)d is %(what)s, not an object"),
    gettext_noop("turn %(number)d: start and end are not both whole numbers"),
    gettext_noop("document %(id)s: a turn lies outside the text"),
    gettext_noop("null"),
    gettext_noop("a boolean"),
    gettext_noop("a string"),
    gettext_noop("a number"),
    gettext_noop("a list"),
    gettext_noop("an object"),
    # Python's JSON decoder
    gettext_noop("Expecting value"),
    gettext_noop("Expecting property name enclosed in double quotes"),
    gettext_noop("Expecting '%(char)s' delimiter"),
    gettext_noop("Extra data"),
    gettext_noop("Unterminated string starting at"),
    gettext_noop("Invalid control character at"),
    gettext_noop("Invalid \\escape"),
    gettext_noop("Invalid \\uXXXX escape"),
    gettext_noop("Illegal trailing comma before end of object"),
    gettext_noop("Illegal trailing comma before end of array"),
    # CSV
    gettext_noop("not CSV: %(what)s"),
    gettext_noop('the header names no column "text"'),
    gettext_noop("%(n)d cells under %(limit)d columns"),
    # Python's CSV reader
    gettext_noop("unexpected end of data"),
    gettext_noop("'%(char)s' expected after '%(before)s'"),
    gettext_noop("field larger than field limit (%(limit)d)"),
    # CoNLL
    gettext_noop("document %(id)s: a line holds a token without a tag"),
    gettext_noop("document %(id)s: a tag is neither O nor %(letters)s and a label"),
    # brat
    gettext_noop("no .txt of this name lies beside it"),
    gettext_noop("not a line of brat's form: T1 TAB label start end TAB text"),
    gettext_noop("annotation %(key)s comes twice"),
    gettext_noop(
        "annotation %(key)s: [%(start)d, %(end)d) is empty or outside a text of"
        " %(n)d characters"
    ),
    gettext_noop("annotation %(key)s: the text there is another"),
    gettext_noop("annotation %(key)s: its pieces overlap"),
    # Subtitles and TextGrids
    gettext_noop("nobody says anything in it"),
    gettext_noop("no times of a cue stand here"),
    gettext_noop("the cue ends before it begins"),
    gettext_noop("not a TextGrid"),
    gettext_noop("a TextGrid without tiers"),
    gettext_noop("a tier of an unknown class"),
    gettext_noop("an interval ends before it begins"),
    gettext_noop("a number where words in quotes belong"),
    gettext_noop("words where a number belongs"),
    gettext_noop("a count that is no whole number"),
    gettext_noop("the file ends before its last tier"),
    # The system
    gettext_noop("No such file or directory"),
    gettext_noop("Permission denied"),
    gettext_noop("Is a directory"),
)

_PLACEHOLDER = re.compile(r"%\((\w+)\)([ds])")
_FORMS = {"d": r"-?\d+", "s": ".+"}


def _pattern(template: str) -> re.Pattern[str]:
    """Make the expression that finds the sentences of a template."""
    parts = []
    end = 0
    for match in _PLACEHOLDER.finditer(template):
        parts.append(re.escape(template[end : match.start()]))
        parts.append(f"(?P<{match[1]}>{_FORMS[match[2]]})")
        end = match.end()
    parts.append(re.escape(template[end:]))
    return re.compile("".join(parts), re.DOTALL)


# Long templates first: "…at byte 3; if Windows…" is no encoding called "…".
_PATTERNS = [
    (_pattern(template), template)
    for template in sorted(_TEMPLATES, key=len, reverse=True)
]


def in_readers_language(sentence: str) -> str:
    """Say a reader's sentence in the active language; an unknown one stays English."""
    for pattern, template in _PATTERNS:
        match = pattern.fullmatch(sentence)
        if match is not None:
            return gettext(template) % _values(match, template)
    return sentence


def _values(match: re.Match[str], template: str) -> dict[str, str | int]:
    kinds = dict(_PLACEHOLDER.findall(template))
    values: dict[str, str | int] = {}
    for name, value in match.groupdict().items():
        if name == "what":
            values[name] = in_readers_language(value)
        else:
            values[name] = int(value) if kinds[name] == "d" else value
    return values
