"""Random gestures in the browser against a small model of what they should come to.

The model knows spans and suggestions by their place and label. After each gesture that
the page makes, screen and model must agree, and at the end the database, too, also
after a reload.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, expect

from annotator.models import Note, User
from tests.e2e.review_page import OpenPage, open_note, saved, spans_of, suggest

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

N_STEPS = 40
# The labels' keys, as the default scheme has them.
DIGITS = {
    "1": "MEDICATION",
    "2": "DOSAGE",
    "3": "FREQUENCY",
    "4": "DURATION",
    "5": "FINDING",
}
Entry = tuple[int, int, str]


@dataclass
class Model:
    """What should be marked; ``past`` and ``future`` are what undo and redo reach."""

    waiting: frozenset[Entry]
    spans: frozenset[Entry] = frozenset()
    past: list[tuple[frozenset[Entry], frozenset[Entry]]] = field(default_factory=list)
    future: list[tuple[frozenset[Entry], frozenset[Entry]]] = field(
        default_factory=list
    )

    def become(self, waiting: frozenset[Entry], spans: frozenset[Entry]) -> None:
        self.past.append((self.waiting, self.spans))
        self.future.clear()
        self.waiting, self.spans = waiting, spans

    def step(self, source: list, target: list) -> None:
        if not source:
            return
        target.append((self.waiting, self.spans))
        self.waiting, self.spans = source.pop()

    def shown(self) -> frozenset[Entry]:
        """Suggestions that the page shows: none over exactly the range of a span."""
        taken = {entry[:2] for entry in self.spans}
        return frozenset(one for one in self.waiting if one[:2] not in taken)

    def press(self, key: str, held: Entry | None, *, is_waiting: bool) -> None:
        """Do what the key does to the mark in hand."""
        if key == "z":
            self.step(self.past, self.future)
        elif key == "Shift+Z":
            self.step(self.future, self.past)
        elif held is None:
            return
        elif key == "x":
            gone = frozenset({held})
            self.become(self.waiting - gone, self.spans - gone)
        elif is_waiting:
            self.decide(key, held)
        elif key in DIGITS:
            self.relabel(held, DIGITS[key])

    def decide(self, key: str, held: Entry) -> None:
        made = (*held[:2], DIGITS.get(key, held[2]))
        self.become(self.waiting - {held}, self.spans | {made})

    def relabel(self, held: Entry, label: str) -> None:
        made = (*held[:2], label)
        if made not in self.spans:  # a twin is refused
            self.become(self.waiting, (self.spans - {held}) | {made})


def screen_of(page: Page) -> tuple[frozenset[Entry], frozenset[Entry]]:
    """Read the suggestions and annotations as the page paints them."""
    script = """(state) => [...document.querySelectorAll(`.is-first.is-${state}`)].map(
      ({dataset}) => [Number(dataset.from), Number(dataset.to), dataset.label])"""
    waiting, spans = (
        frozenset((a, b, label) for a, b, label in page.evaluate(script, state))
        for state in ("suggestion", "annotation")
    )
    return waiting, spans


def in_hand(page: Page) -> tuple[Entry | None, bool]:
    script = """() => {
      const mark = document.querySelector(".mark.is-current.is-first");
      if (!mark) return null;
      const {from, to, label} = mark.dataset;
      const isWaiting = mark.classList.contains("is-suggestion");
      return [Number(from), Number(to), label, isWaiting];
    }"""
    found = page.evaluate(script)
    if found is None:
        return None, False
    return (found[0], found[1], found[2]), found[3]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_gestures_come_to_what_the_model_says(
    open_page: OpenPage, annotator: User, note: Note, seed: int
) -> None:
    suggest(note, "cardiópata", "FINDING")
    suggest(note, "67 años, 🫀 cardiópata", "DURATION", 0.4)
    suggest(note, "fiebre\u0301 y tos seca", "FINDING")
    suggest(note, "Amoxicilina 1 g", "MEDICATION")
    suggest(note, "1 g", "DOSAGE")
    suggest(note, "cada 8 h", "FREQUENCY")
    suggest(note, "500 mg", "DOSAGE", 0.5)
    page = open_note(open_page, annotator, note, ignore_errors=True)  # refusals log
    model = Model(screen_of(page)[0])
    drawn = random.Random(seed)
    keys = ["a", "a", "x", "z", "z", "Shift+Z", *DIGITS]
    for number in range(N_STEPS):
        for _ in range(drawn.randrange(3)):
            page.keyboard.press(drawn.choice(["ArrowRight", "ArrowLeft", "j"]))
        held, is_waiting = in_hand(page)
        key = drawn.choice(keys)
        if key == "a" and not is_waiting:
            continue  # goes on to the next, which is no gesture
        page.keyboard.press(key)
        saved(page)
        model.press(key, held, is_waiting=is_waiting)
        wanted = (model.shown(), model.spans)
        assert screen_of(page) == wanted, (number, key, held)
    stored = {(note.text[start:end], label) for start, end, label in model.spans}
    assert spans_of(note) == stored
    page.reload()
    expect(page.locator("#review")).to_have_attribute("data-ready", "true")
    assert screen_of(page) == (model.shown(), model.spans)
