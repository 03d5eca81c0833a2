"""The review page as the browser tests handle it: its text, its marks, its mouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls import reverse
from playwright.sync_api import Page, expect

from annotator.models import AnnotationSet, Note, User
from tests.annotator.factories import (
    make_suggestion,
)

OpenPage = Callable[..., Page]

# Emoji, accents, combining marks, CRLF and a lone CR: every offset beside a trap.
TEXT = (
    "👩‍⚕️ Varón de 67 años, 🫀 cardiópata.\r\n"
    "Refiere fiebre\u0301 y tos seca.\r\n\r\n"
    "TRATAMIENTO\r\n"
    "- Amoxicilina 1 g cada 8 h 7 días\r\n"
    "- Paracetamol 500 mg si dolor\rFin 😀 del día."
)


def suggest(note: Note, mention: str, label: str, confidence: float = 0.9) -> int:
    start = note.text.index(mention)
    made = make_suggestion(
        note, start, start + len(mention), label, confidence=confidence
    )
    return made.pk


def spans_of(note: Note) -> set[tuple[str, str]]:
    layer = AnnotationSet.objects.filter(note=note).first()
    if layer is None:
        return set()
    rows = layer.spans.values_list("start_char", "end_char", "label__name")
    return {(note.text[start:end], label) for start, end, label in rows}


def marks_of(page: Page) -> set[tuple[str, str]]:
    """Read the annotations as the page paints them."""
    script = """() => [...document.querySelectorAll(".is-annotation.is-first")].map(
        (mark) => [
          [...document.querySelectorAll(`.mark[data-key="${mark.dataset.key}"]`)]
            .map((part) => part.textContent).join(""),
          mark.dataset.label,
        ])"""
    return {(mention, label) for mention, label in page.evaluate(script)}


def open_note(open_page: OpenPage, user: User, note: Note, **options: Any) -> Page:
    page = open_page(user, reverse("note_review", args=[note.pk]), **options)
    expect(page.locator("#review")).to_have_attribute("data-ready", "true")
    return page


def saved(page: Page) -> None:
    """Wait until the page says so, and long enough that it means it."""
    page.wait_for_timeout(50)
    expect(page.locator("#save-state")).to_have_attribute("data-state", "saved")


def box_of(page: Page, mention: str, *, part: int = 0) -> dict[str, float]:
    """Return where a piece of the text is painted, found as a reader would."""
    script = """([mention, part]) => {
      const root = document.getElementById("note-text");
      const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
      let all = ""; const nodes = [];
      while (walker.nextNode()) {
        nodes.push([all.length, walker.currentNode]);
        all += walker.currentNode.data;
      }
      const at = all.indexOf(mention);
      const find = (offset) => nodes.findLast(([start]) => start <= offset);
      const range = document.createRange();
      const [start, node] = find(at);
      range.setStart(node, at - start);
      const [last, lastNode] = find(at + mention.length - 1);
      range.setEnd(lastNode, at + mention.length - last);
      const box = [...range.getClientRects()].at(part);
      return {x: box.x, y: box.y, width: box.width, height: box.height};
    }"""
    box: dict[str, float] = page.evaluate(script, [mention, part])
    return box


def middle(box: dict[str, float]) -> tuple[int, int]:
    return round(box["x"] + box["width"] / 2), round(box["y"] + box["height"] / 2)


def drag(page: Page, first: str, last: str) -> None:
    """Drag from the middle of one piece of text to the middle of another."""
    start, end = box_of(page, first), box_of(page, last)
    # Whole pixels: with fractions Chromium loses the anchor of some drags.
    page.mouse.move(*middle(start))
    page.mouse.down()
    page.mouse.move(*middle(end), steps=4)
    page.mouse.up()
