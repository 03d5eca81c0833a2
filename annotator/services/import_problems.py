"""Why a document was left out of an import: a code, what it is about, and the words.

The words are English in reports, files and the API, and the reader's on pages, which
put them together from code and values. They name labels, ids, offsets and lengths,
never text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from annotator.services.reader_sentences import in_readers_language

# What the engine's readers report comes as their own sentence, with this code.
UNREADABLE = "unreadable"

REASONS: dict[str, Promise] = {
    "empty": _("the text is empty"),
    "broken_text": _("the text holds a NUL or a broken character at %(at)d"),
    "broken_field": _(
        "a field beside the text holds what cannot be stored: a NUL, a broken"
        " character, an endless number, or lists too deep in each other"
    ),
    "too_long": _("the text has %(n)d characters; at most %(limit)d are allowed"),
    "id_missing": _("the id is missing"),
    "id_too_long": _("the id or group has %(n)d characters; at most %(limit)d"),
    "id_broken": _("the id or group holds a control or a broken character"),
    "unknown_label": _("labels that the project lacks: %(labels)s"),
    "unknown_attribute": _(
        "attributes that are none of negated, hypothetical, family, historical:"
        " %(names)s"
    ),
    "offsets": _("entity [%(start)d, %(end)d) outside a text of %(n)d characters"),
    "split_unknown": _("the split is none of train, dev, test"),
    "split_differs": _(
        "split %(wanted)s, but the patient's other notes are in %(known)s"
    ),
    "text_repeated": _("the text came before, at %(place)s"),
    "id_repeated": _("the id %(id)s came before, at %(place)s"),
    "text_in_project": _("the text is already in the project, as note %(id)s"),
    "id_in_project": _("the id %(id)s is already in the project, with another text"),
    "not_tokenised": _(
        "the engine could not divide the text into words (%(kind)s); “run again” tries"
        " it once more"
    ),
    "unexpected": _("an unexpected error (%(kind)s); it is in the server's log"),
}
DUPLICATES = frozenset(
    {"text_repeated", "id_repeated", "text_in_project", "id_in_project"}
)
# What another run may mend, with the same file.
RETRIABLE = frozenset({"not_tokenised"})


@dataclass(frozen=True, slots=True)
class Problem:
    """A document or file that was left out, and why."""

    file: str
    line: int | None
    code: str
    values: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def unreadable(cls, file: str, line: int | None, sentence: str) -> Problem:
        """Take over what a reader said."""
        return cls(file, line, UNREADABLE, {"sentence": sentence})

    @property
    def reason(self) -> str:
        """The words in English, whatever the reader's language."""
        with override("en"):
            return words_of(self.code, self.values)

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "line": self.line,
            "reason": self.reason,
            "code": self.code,
            "values": self.values,
        }


class Refused(Exception):
    """A document that does not fit; caught where problems are collected."""

    def __init__(self, code: str, **values: Any) -> None:
        self.code = code
        self.values = values
        super().__init__(code)


def words_of(code: str, values: dict[str, Any]) -> str:
    """Return the reason in the active language."""
    if code == UNREADABLE:
        return in_readers_language(str(values["sentence"]))
    return str(REASONS[code]) % values
