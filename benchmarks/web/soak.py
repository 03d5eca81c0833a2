"""Many gestures in a row: what the page keeps in memory, and what is stored."""

from __future__ import annotations

import random
from typing import Any

from measures import heap_mb, open_page, saved
from playwright.sync_api import BrowserContext, Page

from annotator.models import AnnotationSet, Note
from tests.e2e.review_page import marks_of, spans_of

# Keys that make a gesture wherever something is in hand; weighted as work is.
_KEYS = ("a", "a", "a", "x", "1", "3", "5", "BracketRight", "BracketLeft", "z", "z")
_WARM_UP = 30


def soak(
    context: BrowserContext, address: str, note: Note, *, n_gestures: int, seed: int = 3
) -> dict[str, Any]:
    """Make random gestures; heap before and after, screen and database compared."""
    page = open_page(context, address, note)
    client = context.new_cdp_session(page)
    drawn = random.Random(seed)  # noqa: S311 - keys
    revision = '#submit-form [name="base_revision"]'

    def play(until: int) -> None:
        while int(page.input_value(revision)) < until:
            if drawn.random() < 0.15:
                page.keyboard.press("e")
                page.keyboard.press(drawn.choice(("ArrowRight", "ArrowDown")))
                page.keyboard.press(drawn.choice("12345"))
            else:
                page.keyboard.press(drawn.choice(_KEYS))
            saved(page)
            if drawn.random() < 0.5:
                page.keyboard.press("j")

    play(_WARM_UP)  # scripts are compiled and caches filled
    _read_through(page)
    before = heap_mb(client)
    nodes = client.send("Memory.getDOMCounters")["nodes"]
    play(_WARM_UP + n_gestures)
    page.wait_for_timeout(9_000)  # messages on the page go by themselves
    _read_through(page)
    after = heap_mb(client)
    layer = AnnotationSet.objects.get(note=note)
    result = {
        "n_gestures": layer.revision - _WARM_UP,
        "heap_before_mb": round(before, 2),
        "heap_after_mb": round(after, 2),
        "heap_ratio": round(after / before, 3),
        "dom_nodes_before": nodes,
        "dom_nodes_after": client.send("Memory.getDOMCounters")["nodes"],
        "n_spans": layer.spans.count(),
        "screen_is_database": marks_of(page) == spans_of(note),
    }
    page.close()
    return result


def _read_through(page: Page) -> None:
    """Scroll to the end and back: blocks are laid out once they come into view."""
    n_pixels = page.evaluate("() => document.documentElement.scrollHeight")
    for top in [*range(0, n_pixels, 600), n_pixels, 0]:
        page.evaluate("(top) => scrollTo(0, top)", top)
        page.wait_for_timeout(30)
    page.wait_for_timeout(300)
