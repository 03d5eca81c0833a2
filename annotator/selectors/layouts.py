"""What never changes of a note's page, computed once a process and kept a while.

A note's text, turns and tokens are fixed at import, so its blocks are, too, as are its
outline and what rules guess around a mention. Keyed by digests, never by a row's id;
bounded by the characters of the notes kept.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from annotator.models import Note
from annotator.selectors.blocks import BlockPlan, encode_tokens, plan_blocks

# About sixteen notes of 120,000 characters, or every note of a clinic's morning: with
# some three bytes a character, 6 MB a process.
_MAX_CHARS = 2_000_000
# A note has fewer suggestions, also over the versions of a model.
_MAX_GUESSES = 20_000

Key = tuple[str, str, str, bytes]
# start_char, end_char, label
Place = tuple[int, int, str]


@dataclass(slots=True)
class Layout:
    """A note's blocks and, once somebody has asked, what was computed from its text.

    ``outline`` is None until it is known. ``guessed`` is filled by whoever paints.
    """

    n_chars: int
    plans: list[BlockPlan]
    outline: list[dict[str, Any]] | None = None
    _guessed: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    _packed: list[str] | None = None

    @property
    def guessed(self) -> dict[Place, tuple[str, ...]]:
        """What rules guess of the context of mentions; emptied when it has grown."""
        if len(self._guessed) > _MAX_GUESSES:
            self._guessed = {}
        return self._guessed

    def packed_tokens(self, note: Note) -> list[str]:
        """Return the tokens of each block as the page unpacks them."""
        if self._packed is None:
            tokens = note.tokens
            self._packed = [
                encode_tokens(tokens, plan.start_char, plan.end_char)
                for plan in self.plans
            ]
        return self._packed


_layouts: OrderedDict[Key, Layout] = OrderedDict()
_lock = Lock()


def layout_of(note: Note) -> Layout:
    """Return the note's layout; its tokens are read only if a line needs it."""
    turns = hashlib.blake2b(repr(note.turns).encode("utf-8", "replace")).digest()
    key = (note.sha256, note.language, note.tokenizer_version, turns)
    with _lock:
        known = _layouts.get(key)
        if known is not None:
            _layouts.move_to_end(key)
            return known
    plans = plan_blocks(note.text, note.turns, lambda: note.tokens)
    made = Layout(note.n_chars, plans)
    with _lock:
        made = _layouts.setdefault(key, made)
        n_chars = sum(layout.n_chars for layout in _layouts.values())
        while n_chars > _MAX_CHARS and len(_layouts) > 1:
            _, oldest = _layouts.popitem(last=False)
            n_chars -= oldest.n_chars
    return made
