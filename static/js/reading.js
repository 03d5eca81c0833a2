// Finding one's way in a note: what is in view, and going to a place in it.

import { blockAt, rangeOf } from "./offsets.js";

const BEHIND_BAR = 72;

// The first block whose bottom lies below a height of the window; the last at the end.
function blockBelow(text, top) {
  const blocks = text.children;
  let low = 0;
  let high = blocks.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (blocks[middle].getBoundingClientRect().bottom > top) high = middle;
    else low = middle + 1;
  }
  return blocks[low];
}

// About which code point stands at a height of the window.
export function charAtHeight(text, top) {
  const block = blockBelow(text, top);
  const box = block.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (top - box.top) / (box.height || 1)));
  const [start, end] = [Number(block.dataset.start), Number(block.dataset.end)];
  return Math.round(start + share * (end - start));
}

// What is in view, as code points.
export function charsInView(text) {
  return [charAtHeight(text, BEHIND_BAR), charAtHeight(text, window.innerHeight - BEHIND_BAR)];
}

// Bring a code point to the upper part of the window; returns its block.
export function goToChar(text, char) {
  const block = blockAt(text, char);
  block.classList.add("is-open");
  block.scrollIntoView({ block: "start" });
  const last = Number(text.lastElementChild.dataset.end);
  const box = rangeOf(text, char, Math.min(char + 1, last)).getBoundingClientRect();
  window.scrollBy({ top: box.top - BEHIND_BAR - 48, behavior: "instant" });
  return block;
}

// Call back once a frame while the window scrolls or changes its size.
export function onView(callback) {
  let isWaiting = false;
  function later() {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      callback();
    });
  }
  window.addEventListener("scroll", later, { passive: true });
  window.addEventListener("resize", later, { passive: true });
  later();
}
