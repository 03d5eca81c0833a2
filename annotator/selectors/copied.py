"""Paragraphs that came over from an earlier note of the same patient."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from annotator.models import Note
from annotator.selectors.blocks import BlockPlan, plan_blocks

# Shorter ones are said again, not copied: "Sin alergias conocidas."
MIN_CHARS = 80
# A long stay copies from day to day: the source is nearly always among the last ones.
_MAX_EARLIER = 20
_MAX_DATE_CHARS = 20
_KINDS = frozenset({"paragraph", "item"})


@dataclass(frozen=True, slots=True)
class Copied:
    """Where a paragraph was before: the latest earlier note that has it.

    ``order`` counts the patient's notes from 1; ``date`` is what the note's own
    metadata say, if anything.
    """

    note_id: int
    name: str
    order: int
    date: str


def find_copied(note: Note, plans: Sequence[BlockPlan]) -> dict[int, Copied]:
    """Return for each block that an earlier note of the patient has too, which one.

    Earlier means imported before, of the same project and the same group key.
    """
    wanted: dict[bytes, list[int]] = {}
    for plan in plans:
        key = _key(note.text, plan)
        if key is not None:
            wanted.setdefault(key, []).append(plan.index)
    if not wanted or not note.group_key:
        return {}
    earlier = Note.objects.filter(
        project_id=note.project_id, group_key=note.group_key, pk__lt=note.pk
    ).order_by("-pk")
    found: dict[int, Copied] = {}
    fields = ("id", "external_id", "title", "metadata", "text", "turns")
    latest = list(earlier.only(*fields)[:_MAX_EARLIER])
    n_earlier = len(latest) if len(latest) < _MAX_EARLIER else earlier.count()
    for back, other in enumerate(latest):
        source = Copied(
            other.pk, other.title or other.external_id, n_earlier - back, _date(other)
        )
        for plan in plan_blocks(other.text, other.turns):
            key = _key(other.text, plan)
            for index in wanted.get(key, ()) if key is not None else ():
                found.setdefault(index, source)
    return found


def _key(text: str, plan: BlockPlan) -> bytes | None:
    """Return the hash of a paragraph, without regard to blanks, case and breaks."""
    if plan.kind not in _KINDS or plan.end_char - plan.start_char < MIN_CHARS:
        return None
    paragraph = unicodedata.normalize("NFC", text[plan.start_char : plan.end_char])
    words = " ".join(paragraph.casefold().split())
    if len(words) < MIN_CHARS:
        return None
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass")).digest()


def _date(note: Note) -> str:
    date = note.metadata.get("date") if isinstance(note.metadata, dict) else None
    return date if isinstance(date, str) and len(date) <= _MAX_DATE_CHARS else ""
