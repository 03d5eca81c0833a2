"""What helps to read a note: its outline, its turns, what was copied from before."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any

from annotator import engine
from annotator.models import Note
from annotator.selectors.blocks import BlockPlan
from annotator.selectors.copied import find_copied
from annotator.selectors.layouts import Layout

# Fewer headings are no outline.
_MIN_SECTIONS = 2
_PROFESSIONALS = ("doctor", "nurse", "pharmacist")


def reading_context(note: Note, layout: Layout) -> dict[str, Any]:
    """Return the context of the rail, the bar of turns and the folded paragraphs."""
    plans = layout.plans
    if layout.outline is None:
        layout.outline = [] if note.turns else _outline(note.text, plans)
    roles = Counter(plan.role for plan in plans if plan.turn >= 0)
    n_professional = sum(roles[role] for role in _PROFESSIONALS)
    return {
        "outline": layout.outline,
        "n_turns": len(note.turns),
        "has_patient": 0 < n_professional < roles.total(),
        "copied": find_copied(note, plans),
    }


def _outline(text: str, plans: Sequence[BlockPlan]) -> list[dict[str, Any]]:
    sections = engine.sections_of(text)
    if len(sections) < _MIN_SECTIONS:
        return []
    starts = [plan.start_char for plan in plans]
    return [
        {
            "title": section.title,
            "kind": section.kind,
            "start_char": section.start_char,
            "block": bisect_right(starts, section.start_char) - 1,
        }
        for section in sections
    ]
