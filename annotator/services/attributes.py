"""The clinical context of a mention: negated, hypothetical, family, historical.

Rules of the engine guess it where a span begins to be one; a person's word is kept.
"""

from __future__ import annotations

from annotator import engine
from annotator.enums import Attribute
from annotator.models import Label, Note

# Labels of the default scheme that say how much, how often, how long: in "si precisa,
# 3 veces" the context is the drug's, and a sign at each of its numbers would be noise.
QUANTITIES = frozenset({"DOSAGE", "FREQUENCY", "DURATION"})


def guess(note: Note, start_char: int, end_char: int, label: Label) -> dict[str, bool]:
    """Return what the words around the mention say of it, as a span holds it."""
    names = guess_in(note.text, start_char, end_char, label.name, note.language)
    return dict.fromkeys(names, True)


def guess_in(
    text: str, start_char: int, end_char: int, label: str, language: str
) -> tuple[str, ...]:
    """Return the same as names in one order, from the text."""
    if label in QUANTITIES:
        return ()
    found = engine.guess_attributes(text, start_char, end_char, language)
    return tuple(name for name in Attribute.values if name in found)
