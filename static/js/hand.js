// The mark in hand: which one it is, how to get to the next, and the inspector.

// All marks in the order of the text: each by its first segment. Those whose gesture is
// under way come back with the answer.
function marksOf(text) {
  return [...text.querySelectorAll(".is-first:not(.is-sent)")];
}

function isWaiting(mark) {
  return mark.classList.contains("is-suggestion");
}

function placeOf(mark) {
  return [Number(mark.dataset.from), Number(mark.dataset.to)];
}

// The mark `step` further on; undecided ones only if asked and if there are any.
function neighbour(marks, key, from, step, onlyWaiting) {
  const waiting = onlyWaiting ? marks.filter(isWaiting) : [];
  const among = waiting.length ? waiting : marks;
  if (!among.length) return null;
  const index = among.findIndex((mark) => mark.dataset.key === key);
  if (index >= 0) return among[(index + step + among.length) % among.length];
  const later = among.findIndex((mark) => Number(mark.dataset.from) >= from);
  if (step > 0) return among[later < 0 ? 0 : later];
  return among[later <= 0 ? among.length - 1 : later - 1];
}

function mentionOf(text, key) {
  const parts = text.querySelectorAll(`.mark[data-key="${CSS.escape(key)}"]`);
  return [...parts].map((part) => part.textContent).join("").replace(/\s+/g, " ");
}

function attributesOf(mark) {
  return mark.dataset.attributes ? mark.dataset.attributes.split(" ") : [];
}

function showAttributes(form, names) {
  for (const button of form.querySelectorAll("[data-attribute]")) {
    button.setAttribute("aria-pressed", String(names.includes(button.value)));
  }
}

// Show the mark in the inspector; null empties it.
function fillHand(form, text, mark) {
  form.dataset.kind = !mark ? "none" : isWaiting(mark) ? "suggestion" : "annotation";
  form.elements.target.value = mark ? mark.dataset.key : "";
  if (!mark) return;
  const part = (name) => form.querySelector(`[data-hand="${name}"]`);
  const { key, shown, slot, sure, how, label } = mark.dataset;
  part("mention").textContent = mentionOf(text, key);
  part("label").textContent = shown;
  part("label").className = `hand__label label-${slot}`;
  part("percent").textContent = sure ? `${sure} %` : "";
  part("how").textContent = how || "";
  for (const button of form.querySelectorAll(".label-choice")) {
    button.setAttribute("aria-pressed", String(button.value === label));
  }
  showAttributes(form, attributesOf(mark));
}

// Paint which mark is in hand, in the text and in the list.
function showCurrent(text, lists, key) {
  for (const old of text.querySelectorAll(".is-current")) {
    old.classList.remove("is-current");
    if (old.classList.contains("is-first")) old.tabIndex = -1;
  }
  for (const old of lists.querySelectorAll("[aria-current]")) {
    old.removeAttribute("aria-current");
  }
  if (!key) return null;
  const name = CSS.escape(key);
  const parts = text.querySelectorAll(`.mark[data-key="${name}"]`);
  for (const part of parts) part.classList.add("is-current");
  const entry = lists.querySelector(`[data-go="${name}"]`);
  if (entry) entry.setAttribute("aria-current", "true");
  const first = [...parts].find((part) => part.classList.contains("is-first"));
  if (first) first.tabIndex = 0;
  return first || null;
}

// Bring the mark into the middle part of the window if it is not there.
function reveal(mark, covers) {
  const box = mark.getBoundingClientRect();
  const over = covers.filter((cover) => getComputedStyle(cover).position !== "static");
  const fixed = over.filter((cover) => cover.getBoundingClientRect().width > window.innerWidth / 2);
  const bottom = Math.min(window.innerHeight, ...fixed.map((cover) => cover.getBoundingClientRect().top));
  if (box.top < 96 || box.bottom > bottom - 48) {
    const middle = (96 + bottom) / 2;
    window.scrollBy({ top: (box.top + box.bottom) / 2 - middle, behavior: "instant" });
  }
}

// Bring the entry into view inside its own scrolling list, without moving the page.
function revealEntry(lists, key) {
  const entry = lists.querySelector(`[data-go="${CSS.escape(key)}"]`);
  const box = lists.closest(".all-marks");
  if (!entry || getComputedStyle(box).overflowY === "visible") return;
  // The list alone: scrollIntoView would move what holds the list too, and with it the
  // mark that is being decided.
  const seen = box.getBoundingClientRect();
  const { top, bottom } = entry.getBoundingClientRect();
  if (top < seen.top) box.scrollTop -= seen.top - top;
  else if (bottom > seen.bottom) box.scrollTop += bottom - seen.bottom;
}

// What is in hand: {key, range, waiting, label, attributes} or null. It may be ahead of what is painted,
// when a gesture is under way. `changed` hears of each change.
export function makeHand({ text, lists, form, foot, changed }) {
  let held = null;

  function take(mark, { follow = true, focus = true } = {}) {
    held = mark && {
      key: mark.dataset.key,
      range: placeOf(mark),
      waiting: isWaiting(mark),
      label: mark.dataset.label,
      attributes: attributesOf(mark),
    };
    const first = showCurrent(text, lists, held && held.key);
    fillHand(form, text, first);
    changed();
    if (!first) return;
    if (follow) reveal(first, [foot, form]);
    revealEntry(lists, held.key);
    // Whoever works with the buttons of the inspector keeps the focus there.
    const active = document.activeElement;
    if (focus && (!active || active === document.body || text.contains(active))) {
      first.focus({ preventScroll: true });
    }
  }

  return {
    take,
    get held() {
      return held;
    },
    // Hold an annotation that the server is only being told of.
    holdNew(spanId, range, { label, attributes = [] } = {}) {
      held = { key: `a${spanId}`, range, waiting: false, label: label || (held && held.label), attributes };
      showAttributes(form, attributes);
      changed();
    },
    // The name of its label, as the page writes it.
    get shown() {
      return form.querySelector('[data-hand="label"]').textContent;
    },
    find: (key) => text.querySelector(`.is-first[data-key="${CSS.escape(key)}"]`),
    go(step, onlyWaiting) {
      const from = held ? held.range[0] : 0;
      take(neighbour(marksOf(text), held && held.key, from, step, onlyWaiting));
    },
    // The next undecided mark; false when all are decided.
    advance() {
      const waiting = marksOf(text).filter(isWaiting);
      const next = neighbour(waiting, null, held ? held.range[0] : 0, 1, true);
      take(next);
      return Boolean(next);
    },
    // Paint a mark as one whose gesture is under way, so that nothing goes to it twice.
    markSent(key) {
      for (const part of text.querySelectorAll(`.mark[data-key="${CSS.escape(key)}"]`)) {
        part.classList.add("is-sent");
      }
    },
    // What the page opens with: the mark the address names, else the first undecided.
    takeFirst() {
      const named = text.querySelector(".is-first.is-current");
      const first = named || marksOf(text).find(isWaiting) || null;
      take(first, { follow: Boolean(named), focus: false });
    },
  };
}
