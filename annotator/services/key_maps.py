"""Each person's keys of the review page: the defaults with what they changed.

A key is written as the page hears it: ``a``, ``Shift+z``, ``Alt+[``, ``ArrowLeft``.
Letters and signs are what is typed; brackets are the two keys to the right of P on any
keyboard. The digits 1 to 9 are the labels' own, Escape and Tab the browser's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotator.exceptions import InvalidValues
from annotator.models import User

KeyMap = dict[str, str]

# command: (key, what it does), in the order of the page that changes them
COMMANDS: dict[str, tuple[str, str | Promise]] = {
    "next-undecided": ("j", gettext_lazy("next undecided")),
    "previous-undecided": ("k", gettext_lazy("previous undecided")),
    "next": ("ArrowRight", gettext_lazy("next mark")),
    "previous": ("ArrowLeft", gettext_lazy("previous mark")),
    "accept": ("a", gettext_lazy("accept and go on")),
    "reject": ("x", gettext_lazy("not an entity; delete")),
    "accept-several": ("Shift+a", gettext_lazy("accept several")),
    "propagate": ("g", gettext_lazy("decide the same mention everywhere")),
    "undo": ("z", gettext_lazy("undo")),
    "redo": ("Shift+z", gettext_lazy("redo")),
    "negated": ("n", gettext_lazy("negated")),
    "hypothetical": ("h", gettext_lazy("hypothetical")),
    "family": ("f", gettext_lazy("of the family")),
    "historical": ("p", gettext_lazy("historical (past)")),
    "start-left": ("[", gettext_lazy("start one word earlier")),
    "start-right": ("Shift+[", gettext_lazy("start one word later")),
    "end-right": ("]", gettext_lazy("end one word later")),
    "end-left": ("Shift+]", gettext_lazy("end one word earlier")),
    "start-left-char": ("Alt+[", gettext_lazy("start one letter earlier")),
    "start-right-char": ("Alt+Shift+[", gettext_lazy("start one letter later")),
    "end-right-char": ("Alt+]", gettext_lazy("end one letter later")),
    "end-left-char": ("Alt+Shift+]", gettext_lazy("end one letter earlier")),
    "split": ("d", gettext_lazy("divide in two")),
    "merge": ("m", gettext_lazy("merge with its neighbour")),
    "select": ("e", gettext_lazy("select words by keyboard")),
    "next-turn": ("t", gettext_lazy("next turn of a dialogue")),
    "previous-turn": ("Shift+t", gettext_lazy("previous turn of a dialogue")),
    "patient-only": ("Shift+p", gettext_lazy("show what the patient says")),
    "comment": ("c", gettext_lazy("comment")),
    "flag": ("Shift+f", gettext_lazy("flag the note")),
    "skip": ("s", gettext_lazy("skip the note")),
    "submit": ("Enter", gettext_lazy("submit and next")),
    "help": ("?", gettext_lazy("show the keys")),
}

_NAMED = "Arrow(?:Left|Right|Up|Down)|Enter|Space|Home|End|PageUp|PageDown|F[2-9]"
_SHAPE = re.compile(rf"(?P<alt>Alt\+)?(?P<shift>Shift\+)?(?P<base>{_NAMED}|.)")
_SIGNS = {
    "ArrowLeft": "←",
    "ArrowRight": "→",
    "ArrowUp": "↑",
    "ArrowDown": "↓",
    "Enter": "↵",
    "Shift": "⇧",
}


def key_map_of(user: User) -> KeyMap:
    """Return the key of every command."""
    own = user.key_map
    return {name: own.get(name, key) for name, (key, _text) in COMMANDS.items()}


def change_key_map(*, user: User, keys: Mapping[str, str]) -> KeyMap:
    """Store the keys that differ from the defaults; commands left out keep theirs.

    Keys that cannot be used, and a key for two commands, are refused whole.
    """
    unknown = set(keys) - set(COMMANDS)
    wanted = key_map_of(user) | {k: v.strip() for k, v in keys.items()}
    problems = {name: [_("There is no such command.")] for name in sorted(unknown)}
    holder: dict[str, str] = {}
    for name in COMMANDS:
        key = wanted[name]
        if not is_usable(key):
            problems[name] = [_("This key cannot be used.")]
        elif key in holder:
            problems[name] = [
                _("This key is taken: “%(what)s”.") % {"what": COMMANDS[holder[key]][1]}
            ]
        else:
            holder[key] = name
    if problems:
        raise InvalidValues(problems)
    _store(user, {k: v for k, v in wanted.items() if v != COMMANDS[k][0]})
    return key_map_of(user)


def reset_key_map(*, user: User) -> KeyMap:
    """Go back to the defaults."""
    _store(user, {})
    return key_map_of(user)


def is_usable(key: str) -> bool:
    """Tell whether the page can hear the key and nothing else needs it."""
    shape = _SHAPE.fullmatch(key)
    if shape is None:
        return False
    base = shape["base"]
    if len(base) > 1:
        return True
    if base.isdigit() or base.isspace() or not base.isprintable():
        return False
    if base.isalpha():
        return base == base.lower()
    # Shift is part of typing any other sign: "?" and not "Shift+?".
    return base in "[]" or not shape["shift"]


def shown_key(key: str) -> str:
    """Write a key as the page prints it."""
    *modifiers, base = key.split("+") if len(key) > 1 else [key]
    parts = [_SIGNS.get(modifier, modifier) for modifier in modifiers]
    named = _SIGNS.get(base, base.upper() if len(base) == 1 else base)
    return " ".join([*parts, named])


def _store(user: User, own: KeyMap) -> None:
    user.key_map = own
    user.save(update_fields=["key_map"])
