// The map of a note: where suggestions still wait, and which part is in view.

import { charsInView, goToChar, onView } from "./reading.js";

const N_BARS = 50;
const N_DEGREES = 4;
const SVG = "http://www.w3.org/2000/svg";

function bar(className, y, height) {
  const rect = document.createElementNS(SVG, "rect");
  rect.setAttribute("class", className);
  rect.setAttribute("x", "0");
  rect.setAttribute("width", "10");
  rect.setAttribute("y", String(y));
  rect.setAttribute("height", String(height));
  return rect;
}

// How many suggestions begin in each of n equal parts.
function countIn(text, n, nChars) {
  const counts = new Array(n).fill(0);
  for (const mark of text.querySelectorAll(".is-first.is-suggestion:not(.is-sent)")) {
    counts[Math.min(n - 1, Math.floor((n * Number(mark.dataset.from)) / nChars))] += 1;
  }
  return counts;
}

function initMinimap(box, text) {
  const svg = box.querySelector("svg");
  const words = box.querySelector('[data-map="words"]');
  const nChars = Number(text.lastElementChild.dataset.end) || 1;
  const height = 100 / N_BARS;
  const bars = Array.from({ length: N_BARS }, (_, index) => bar("map__bar", index * height, height));
  const view = bar("map__view", 0, 0);
  svg.append(...bars, view);

  function paint() {
    const counts = countIn(text, N_BARS, nChars);
    const most = Math.max(...counts);
    for (const [index, count] of counts.entries()) {
      const degree = count ? Math.ceil((N_DEGREES * count) / most) : 0;
      bars[index].setAttribute("class", `map__bar map__bar--${degree}`);
    }
    words.textContent = box.dataset.words.replace("%s", countIn(text, 4, nChars).join(", "));
  }

  // Answers swap blocks: paint once behind a row of them, never before the text itself.
  let timer = 0;
  function paintSoon() {
    clearTimeout(timer);
    timer = setTimeout(paint, 120);
  }
  const swaps = new MutationObserver(paintSoon);
  swaps.observe(text, { childList: true, subtree: true });

  onView(() => {
    // A note that fits the window needs no map.
    box.classList.toggle("is-idle", text.getBoundingClientRect().height < window.innerHeight);
    const [start, end] = charsInView(text);
    view.setAttribute("y", String((100 * start) / nChars));
    view.setAttribute("height", String(Math.max(1, (100 * (end - start)) / nChars)));
  });

  function goTo(event) {
    const place = svg.getBoundingClientRect();
    const share = Math.min(0.999, Math.max(0, (event.clientY - place.top) / place.height));
    goToChar(text, Math.floor(share * nChars));
  }
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    svg.setPointerCapture(event.pointerId);
    goTo(event);
  });
  svg.addEventListener("pointermove", (event) => {
    if (svg.hasPointerCapture(event.pointerId)) goTo(event);
  });
  paint();
}

const box = document.getElementById("minimap");
const text = document.getElementById("note-text");
if (box && text && text.lastElementChild) initMinimap(box, text);
