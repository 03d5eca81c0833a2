"""What is measured in the browser: opening a note, one edit, the memory of a page."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from notes import LAST_WORD
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

from annotator.models import Note
from tests.browser import log_in

READY = '#review[data-ready="true"]'
# Put into each page before its own scripts. `ready`: all blocks are in the document,
# the keys are heard, and the frame that shows it has been handed over.
_WATCH = """
window.bench = {ready: 0, edits: []};
const afterFrame = (done) => requestAnimationFrame(() => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => done(performance.now());
  channel.port2.postMessage(0);
});
new MutationObserver((_, observer) => {
  const root = document.getElementById("review");
  if (!root || root.dataset.ready !== "true") return;
  observer.disconnect();
  afterFrame((now) => { window.bench.ready = now; });
}).observe(document, {
  subtree: true, childList: true, attributes: true, attributeFilter: ["data-ready"],
});
// One edit: from the key's own time to the frame that shows the block as the server
// answered it, and to the first frame after the key.
window.bench.expect = () => {
  const edit = {from: 0, first: 0, painted: 0};
  window.bench.edit = edit;
  window.addEventListener("keydown", (event) => {
    edit.from = event.timeStamp;
    afterFrame((now) => { edit.first = now - edit.from; });
  }, {capture: true, once: true});
  const seen = new MutationObserver((changes) => {
    const isSwap = changes.some(({target}) => target.matches(".block, .copied"));
    if (!isSwap) return;
    seen.disconnect();
    afterFrame((now) => { edit.painted = now - edit.from; });
  });
  seen.observe(document.getElementById("note-text"), {subtree: true, childList: true});
};
window.bench.answer = () => {
  const edit = window.bench.edit;
  const sent = performance.getEntriesByType("resource")
    .filter(({name, startTime}) =>
      name.endsWith("/gestures/") && startTime >= edit.from - 1);
  const entry = sent.at(-1);
  const cost = Object.fromEntries(
    entry.serverTiming.map(({name, duration}) => [name, duration]));
  return {...edit, acknowledged: entry.responseEnd - edit.from, ...cost};
};
"""


@dataclass
class Traffic:
    """What came over the network since it was cleared, by the browser's own count."""

    n_requests: int = 0
    n_bytes: int = 0

    def watch(self, client: CDPSession) -> None:
        client.send("Network.enable")
        client.on("Network.requestWillBeSent", self._sent)
        client.on("Network.loadingFinished", self._finished)

    def _sent(self, event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith("http"):
            self.n_requests += 1
            self.n_bytes += len(event["request"].get("postData", ""))

    def _finished(self, event: dict[str, Any]) -> None:
        self.n_bytes += int(event["encodedDataLength"])


def new_context(browser: Browser, address: str, session: str) -> BrowserContext:
    """Return a window with an empty cache, logged in."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(60_000)
    log_in(context, address, session)
    context.add_init_script(_WATCH)
    return context


def open_once(
    browser: Browser, address: str, session: str, note: Note
) -> dict[str, Any]:
    """Open a note with a cold cache; milliseconds, bytes and requests."""
    context = new_context(browser, address, session)
    page = context.new_page()
    client = context.new_cdp_session(page)
    traffic = Traffic()
    traffic.watch(client)
    page.goto(f"{address}/notes/{note.pk}/", wait_until="commit")
    _wait(page, "window.bench.ready > 0")
    page.wait_for_load_state("load")
    result = {
        "ready_ms": page.evaluate("window.bench.ready"),
        "n_marks": page.locator(".mark.is-first").count(),
        "received": traffic.n_bytes,
        "n_requests": traffic.n_requests,
    }
    timing = page.evaluate(
        """() => {
          const [entry] = performance.getEntriesByType("navigation");
          return [entry.responseStart, entry.responseEnd,
            ...entry.serverTiming.map(({duration}) => duration)];
        }"""
    )
    names = ("first_byte_ms", "html_ms", "app_ms", "cpu_ms", "db_ms", "queries")
    result |= dict(zip(names, timing, strict=True))
    before = page.locator("#hand [name=target]").input_value()
    page.keyboard.press("ArrowRight")
    result["keys_alive"] = before != page.locator("#hand [name=target]").input_value()
    context.close()
    return result


def heap_mb(client: CDPSession) -> float:
    """Return the page's live heap in MiB: scripts, document and buffers."""
    for _ in range(3):
        client.send("HeapProfiler.collectGarbage")
    usage = client.send("Runtime.getHeapUsage")
    parts = ("usedSize", "embedderHeapUsedSize", "backingStorageSize")
    return sum(float(usage.get(part, 0)) for part in parts) / 2**20


def heap_and_find(
    browser: Browser, address: str, session: str, note: Note
) -> dict[str, Any]:
    """Return the heap of an open note, and whether find reaches its last word."""
    context = new_context(browser, address, session)
    page = open_page(context, address, note)
    client = context.new_cdp_session(page)
    heap = heap_mb(client)
    counters = client.send("Memory.getDOMCounters")
    found = page.evaluate(
        """(word) => {
          const isFound = window.find(word);
          const range = isFound && getSelection().getRangeAt(0);
          const box = range && range.getBoundingClientRect();
          return Boolean(box && range.toString() === word && box.height > 0
            && box.top >= 0 && box.bottom <= innerHeight
            && document.getElementById("note-text").contains(range.startContainer));
        }""",
        LAST_WORD,
    )
    context.close()
    return {"heap_mb": heap, "dom_nodes": counters["nodes"], "find_reaches_end": found}


def open_page(context: BrowserContext, address: str, note: Note) -> Page:
    page = context.new_page()
    page.goto(f"{address}/notes/{note.pk}/")
    page.wait_for_selector(READY)
    page.wait_for_timeout(900)  # the first sign of presence is behind us
    return page


# A round of edits as an annotator makes them: (keys before, the key measured, keys
# behind). What stands in the first and the last place sends nothing.
ROUND: Sequence[tuple[str, Sequence[str], str, Sequence[str]]] = (
    ("accept", (), "a", ()),
    ("relabel", (), "5", ()),
    ("boundary", (), "BracketRight", ("j",)),
    ("reject", (), "x", ()),
    ("create", ("e",), "5", ("j",)),
    ("undo", (), "z", ("j",)),
)


def edits(
    browser: Browser, address: str, session: str, note: Note, *, n_rounds: int
) -> list[dict[str, Any]]:
    """Make rounds of edits in a note; what each cost."""
    context = new_context(browser, address, session)
    page = open_page(context, address, note)
    client = context.new_cdp_session(page)
    traffic = Traffic()
    traffic.watch(client)
    made: list[dict[str, Any]] = []
    for _ in range(n_rounds):
        for action, before, key, behind in ROUND:
            for other in before:
                page.keyboard.press(other)
            traffic.n_bytes = traffic.n_requests = 0
            page.evaluate("window.bench.expect()")
            page.keyboard.press(key)
            _wait(page, "window.bench.edit.painted > 0")
            saved(page)
            cost = page.evaluate("window.bench.answer()")
            page.wait_for_timeout(20)  # the browser's own count comes a little later
            cost |= {"n_requests": traffic.n_requests, "n_bytes": traffic.n_bytes}
            made.append({"action": action, **cost})
            for other in behind:
                page.keyboard.press(other)
    context.close()
    return made


def saved(page: Page) -> None:
    page.wait_for_selector('#save-state[data-state="saved"]')


def _wait(page: Page, condition: str) -> None:
    """Ask until it holds; the page's policy forbids Playwright's own way."""
    for _ in range(2_000):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(20)
    raise TimeoutError(condition)


def median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 1)


def p95(values: Sequence[float]) -> float:
    """Return the smallest value that at least 95 % do not exceed."""
    ordered = sorted(values)
    index = -(-95 * len(ordered) // 100) - 1
    return round(ordered[index], 1)
