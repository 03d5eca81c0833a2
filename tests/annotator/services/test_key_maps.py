"""Keys: the defaults fit together, changes are kept, what cannot work is refused."""

from __future__ import annotations

import pytest

from annotator.exceptions import InvalidValues
from annotator.services.key_maps import (
    COMMANDS,
    change_key_map,
    is_usable,
    key_map_of,
    reset_key_map,
    shown_key,
)
from tests.annotator.factories import make_user

pytestmark = pytest.mark.django_db


def test_defaults_are_usable_and_all_different():
    keys = [key for key, _ in COMMANDS.values()]
    assert len(set(keys)) == len(keys)
    assert [key for key in keys if not is_usable(key)] == []


@pytest.mark.parametrize(
    "key", ["ñ", "?", "Alt+Shift+[", "F4", "Space", "Shift+ç", "-"]
)
def test_keys_that_can_be_used(key):
    assert is_usable(key)


@pytest.mark.parametrize(
    "key",
    ["", "1", "A", "Escape", "Tab", "Shift+?", "Ctrl+a", "ab", " ", "Shift+", "F1"],
)
def test_keys_that_cannot_be_used(key):
    assert not is_usable(key)


def test_change_is_stored_as_the_difference_and_reset():
    user = make_user()
    change_key_map(user=user, keys={"accept": "q", "reject": "x"})
    user.refresh_from_db()
    assert user.key_map == {"accept": "q"}
    assert key_map_of(user)["accept"] == "q"
    # Two commands may change places in one go.
    change_key_map(user=user, keys={"accept": "x", "reject": "a"})
    assert user.key_map == {"accept": "x", "reject": "a"}
    assert reset_key_map(user=user)["accept"] == "a"
    user.refresh_from_db()
    assert user.key_map == {}


def test_twins_wrong_keys_and_unknown_commands_are_refused_whole():
    user = make_user()
    sent = {"accept": "x", "skip": "Escape", "fly": "q", "undo": "u"}
    with pytest.raises(InvalidValues) as refused:
        change_key_map(user=user, keys=sent)
    assert set(refused.value.fields) == {"reject", "skip", "fly"}
    user.refresh_from_db()
    assert user.key_map == {}


@pytest.mark.parametrize(
    ("key", "shown"),
    [("a", "A"), ("Shift+z", "⇧ Z"), ("ArrowLeft", "←"), ("?", "?"), ("+", "+")],
)
def test_keys_are_written_for_people(key, shown):
    assert shown_key(key) == shown
