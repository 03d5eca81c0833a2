"""docs/api.md names what the API has: every address and every action."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from annotator.api.serializers.annotations import GESTURE_ACTIONS
from annotator.api.urls import urlpatterns

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "api.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def table(head: str) -> list[str]:
    """Return the first cells of the table under a head."""
    rows = TEXT.split(f"| {head} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [row.split("|")[1] for row in rows]


def test_every_address_is_listed():
    listed: set[str] = set()
    for cell in table("Address"):
        whole = ""
        for name in re.findall(r"`([^`]+)`", cell):
            # what is cut short goes on from the address before it
            if name.startswith("…"):
                listed.add(whole + name.removeprefix("…/"))
                continue
            if not name.startswith("/api/"):
                listed.add(whole.rsplit("/", 2)[0] + "/" + name)
                continue
            whole = name
            listed.add(name)
    routes = {f"/api/{re.sub('<[a-z]+:', '<', str(p.pattern))}" for p in urlpatterns}
    wanted = {re.sub("<[a-z]+_id>", "<id>", route) for route in routes}

    assert wanted - listed - {"/api/schema/"} == set()
    assert "/api/schema/" in TEXT


@pytest.mark.parametrize("action", [str(action) for action in GESTURE_ACTIONS])
def test_every_action_is_listed(action):
    named = {name for cell in table("`action`") for name in re.findall("`(.+?)`", cell)}

    assert action in named
