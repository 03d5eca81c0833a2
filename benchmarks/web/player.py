"""Optimal play: thirty suggestions corrected by keyboard, every key press counted.

The person sees what the page shows and knows what is right. Shift held down counts as
a press of its own. Three ways: one mark at a time; with several accepted at once; with
that and the same mention decided everywhere.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from measures import open_page, saved
from notes import PLAIN_WORDS, InventedNote
from playwright.sync_api import BrowserContext, Page

from annotator.models import AnnotationSet, Note

Span = tuple[int, int, str]
N_SUGGESTIONS = 30
# "Accept several" opens with this bound.
SURE = 0.9


@dataclass(frozen=True)
class Task:
    """What the model proposes, with its confidence, and what is right."""

    suggestions: list[tuple[Span, float]]
    gold: set[Span]
    # Of each place that is proposed: what is right there, None for nothing.
    answer: dict[tuple[int, int], Span | None]
    missed: list[Span]

    @property
    def n_handled(self) -> int:
        """Suggestions and missed entities."""
        return len(self.suggestions) + len(self.missed)


def make_task(note: InventedNote, tokens: list[list[int]], *, seed: int = 11) -> Task:
    """Spoil 30 right spans: 2 labels, 2 boundaries, 2 missed, 2 spurious more.

    *note* has 30 spans; two of them are missed and two plain words stand in as spurious
    suggestions. One boundary is off by one word and one by two.
    """
    drawn = random.Random(seed)  # noqa: S311 - a task
    gold = list(note.spans)
    order = list(range(2, len(gold) - 2))
    drawn.shuffle(order)
    wrong_label, missed_at = order[:2], sorted(order[2:4])
    long = [i for i in order[4:] if len(_inside(tokens, gold[i])) >= 3]
    off = long[:2]
    suggestions: list[tuple[Span, float]] = []
    answer: dict[tuple[int, int], Span | None] = {}
    for index, span in enumerate(gold):
        start, end, label = span
        sure = round(drawn.uniform(0.5, 0.85), 2)
        proposed = span
        if index in missed_at:
            continue
        if index in wrong_label:
            proposed = (start, end, "FINDING" if label != "FINDING" else "DOSAGE")
        elif index in off:
            words = _inside(tokens, span)
            proposed = (start, words[-2 - off.index(index)][1], label)
        elif drawn.random() < 0.8:
            sure = round(drawn.uniform(0.9, 0.99), 2)
        suggestions.append((proposed, sure))
        answer[proposed[:2]] = span
    for word in _plain(note, drawn):
        suggestions.append((word, round(drawn.uniform(0.5, 0.85), 2)))
        answer[word[:2]] = None
    missed = [gold[index] for index in missed_at]
    return Task(suggestions, set(gold), answer, missed)


def _inside(tokens: list[list[int]], span: Span) -> list[list[int]]:
    return [t for t in tokens if span[0] <= t[0] and t[1] <= span[1]]


def _plain(note: InventedNote, drawn: random.Random) -> list[Span]:
    places = []
    for word in PLAIN_WORDS:
        start = note.text.find(f" {word}") + 1
        if start:
            places.append((start, start + len(word), "FINDING"))
    return drawn.sample(places, 2)


_WAITING = """() => [
  ...document.querySelectorAll(".is-suggestion.is-first:not(.is-sent)"),
].map(({dataset}) => [Number(dataset.from), Number(dataset.to), dataset.label])"""
# Where the words selected begin, in code points of the note.
_SELECTED = """async () => {
  const {href} = document.querySelector('link[rel="modulepreload"][href*="/offsets"]');
  const {pointToChar} = await import(href);
  const {startContainer, startOffset} = getSelection().getRangeAt(0);
  return pointToChar(document.getElementById("note-text"), startContainer, startOffset);
}"""


@dataclass
class Player:
    """Presses keys in an open note and counts them."""

    page: Page
    task: Task
    tokens: list[list[int]]
    presses: Counter[str] = field(default_factory=Counter)

    def press(self, key: str, why: str, *, times: int = 1) -> None:
        for _ in range(times):
            self.page.keyboard.press(key)
        self.presses[why] += times

    @property
    def held(self) -> tuple[int, int, str] | None:
        """The mark in hand as the page shows it."""
        found = self.page.evaluate(
            """() => {
              const mark = document.querySelector(".mark.is-current.is-first");
              if (!mark || !mark.classList.contains("is-suggestion")) return null;
              const {from, to, label} = mark.dataset;
              return [Number(from), Number(to), label];
            }"""
        )
        return (found[0], found[1], found[2]) if found else None

    def same_as(self, span: Span, text: str) -> list[Span]:
        """Return the suggestions of the same words, if all of them are right."""
        words = text[span[0] : span[1]].casefold()
        n_places = text.casefold().count(words)
        waiting = self.page.evaluate(_WAITING)
        alike = [tuple(w) for w in waiting if text[w[0] : w[1]].casefold() == words]
        is_right = all(one in self.task.gold for one in alike)
        return alike if is_right and n_places == len(alike) else []

    def digit(self, label: str) -> str:
        button = self.page.locator(f'#label-bar [data-label="{label}"]')
        return button.get_attribute("data-hotkey") or ""

    def play(self, text: str, *, bulk: bool = False, alike: bool = False) -> None:
        """Correct the note to the end."""
        if bulk:
            self.press("Shift+A", "bulk")
            self.presses["bulk"] += 1  # Shift itself
            self.press("Enter", "bulk")
            self.page.wait_for_selector("#several-dialog:not([open])", state="attached")
            saved(self.page)
        missed = list(self.task.missed)
        while (held := self.held) is not None:
            nearest = self._nearest(missed, held)
            if nearest is None:
                self._decide(held, text, alike=alike)
            else:
                missed.remove(nearest)
                self._add(nearest, held)
        saved(self.page)

    def _nearest(self, missed: list[Span], held: Span) -> Span | None:
        """Return what is best added from the mark in hand: it lies beside it.

        What lies between this mark and the next is added from the nearer of the two.
        """
        before = [m for m in missed if m[0] < held[0]]
        if before:
            return before[0]
        following = self._next_mark(held)
        for span in missed:
            if following is not None and span[0] > following[0]:
                return None
            if following is None:
                return span
            from_here = self._n_between(held[1], span[0])
            from_there = self._n_between(span[0], following[1])
            return span if from_here <= from_there else None
        return None

    def _n_between(self, start: int, end: int) -> int:
        return sum(start <= token[0] < end for token in self.tokens)

    def _next_mark(self, held: Span) -> tuple[int, int] | None:
        places = self.page.evaluate(_WAITING)
        later = [(start, end) for start, end, _label in places if start > held[0]]
        return min(later) if later else None

    def _add(self, span: Span, held: Span) -> None:
        """Select the first word by keyboard, label it, extend it, and go on."""
        lines, words = self._way(span, held)
        self.press("e", "missed")
        self.press("ArrowDown" if lines > 0 else "ArrowUp", "missed", times=abs(lines))
        self.press(
            "ArrowRight" if words > 0 else "ArrowLeft", "missed", times=abs(words)
        )
        self.press(self.digit(span[2]), "missed")
        n_more = len(_inside(self.tokens, span)) - 1
        self.press("BracketRight", "missed", times=n_more)
        saved(self.page)
        self.press("j", "missed")

    def _way(self, span: Span, held: Span) -> tuple[int, int]:
        """Find the shortest way by lines and words; a reader sees it at once."""
        starts = [token[0] for token in self.tokens]
        wanted = starts.index(span[0])
        ways: list[tuple[int, int]] = []
        step = "ArrowDown" if span[0] >= held[1] else "ArrowUp"
        for n_lines in range(4):
            self.page.keyboard.press("e")
            for _ in range(n_lines):
                self.page.keyboard.press(step)
            at = self.page.evaluate(_SELECTED)
            self.page.keyboard.press("Escape")
            if at not in starts:
                break  # no line further on
            lines = n_lines if step == "ArrowDown" else -n_lines
            ways.append((lines, wanted - starts.index(at)))
        return min(ways, key=lambda way: abs(way[0]) + abs(way[1]))

    def _decide(self, held: Span, text: str, *, alike: bool) -> None:
        right = self.task.answer[held[:2]]
        if right is None:
            self.press("x", "spurious")
        elif right[:2] != held[:2]:
            short = [t for t in self.tokens if held[1] <= t[0] and t[1] <= right[1]]
            self.press("BracketRight", "boundary", times=len(short))
            saved(self.page)
            self.press("j", "boundary")
        elif right[2] != held[2]:
            self.press(self.digit(right[2]), "label")
        elif alike and len(self.same_as(held, text)) >= 3:
            self.press("g", "same")
            self.page.wait_for_selector(
                '#same-dialog[open] [data-same="list"][aria-busy="false"] input'
            )
            self.press("Enter", "same")
            self.page.wait_for_selector("#same-dialog:not([open])", state="attached")
            saved(self.page)
        else:
            self.press("a", "right")


@dataclass(frozen=True)
class Played:
    """What correcting a note took."""

    presses: Counter[str]
    is_right: bool

    @property
    def n_presses(self) -> int:
        return self.presses.total()


def correct(
    context: BrowserContext,
    address: str,
    note: Note,
    task: Task,
    *,
    bulk: bool = False,
    alike: bool = False,
) -> Played:
    """Play a note to the end; press counts, and whether what is stored is right."""
    page = open_page(context, address, note)
    player = Player(page, task, note.tokens)
    player.play(note.text, bulk=bulk, alike=alike)
    layer = AnnotationSet.objects.get(note=note)
    rows = layer.spans.values_list("start_char", "end_char", "label__name")
    stored = {(start, end, label) for start, end, label in rows}
    page.close()
    return Played(player.presses, is_right=stored == task.gold)
