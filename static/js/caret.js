// The words selected to become a span, by mouse, finger or keyboard: always whole
// tokens, always shown as the browser's own selection.

import { hideBar, showBar, watchSelection } from "./label_bar.js";
import { clearSelection, moveEdge, select, selectedRange, snap, tokenAfter, tokenBefore, tokenOnLine } from "./selection.js";

// Code point at the top of what is in view.
function firstInView(text) {
  for (const block of text.children) {
    if (block.getBoundingClientRect().bottom > 96) return Number(block.dataset.start);
  }
  return 0;
}

export function makeCaret({ text, bar, changed }) {
  let range = null;
  // The token that extending starts from; the other edge moves.
  let anchor = null;

  function show(wanted, { keepsNative = false } = {}) {
    range = wanted;
    // Under a finger the system's handles own the selection: it is left as it is.
    const shown = keepsNative ? window.getSelection().getRangeAt(0) : select(text, range);
    showBar(bar, shown);
    changed();
  }

  function clear() {
    if (!range) return;
    range = null;
    anchor = null;
    hideBar(bar);
    clearSelection();
    changed();
  }

  function place(token) {
    if (!token) return;
    anchor = token;
    show(token);
    const end = window.getSelection().getRangeAt(0).getBoundingClientRect();
    if (end.top < 96 || end.bottom > window.innerHeight - 96) {
      window.scrollBy({ top: end.top - window.innerHeight / 2 });
      show(token);
    }
  }

  function extend(direction) {
    const isRight = direction === "right";
    const shrinks = isRight ? range[0] < anchor[0] : range[1] > anchor[1];
    const edge = isRight === shrinks ? "start" : "end";
    const wider = moveEdge(text, range, edge, direction);
    if (wider) show(wider);
  }

  // Take over what the browser has selected in the note, if anything.
  function adopt() {
    const found = selectedRange(text);
    if (!found) return;
    anchor = snap(text, found[0], found[0] + 1);
    const isTouch = window.matchMedia("(pointer: coarse)").matches;
    show(found, { keepsNative: isTouch });
  }

  watchSelection(text, {
    selected: adopt,
    cleared() {
      if (range) clear();
    },
  });
  // A press on the bar must not take the selection away before the click comes.
  bar.addEventListener("pointerdown", (event) => event.preventDefault());
  bar.addEventListener("mousedown", (event) => event.preventDefault());

  const commands = {
    "token-right": () => place(tokenAfter(text, range[1])),
    "token-left": () => place(tokenBefore(text, range[0])),
    "line-up": () => place(tokenOnLine(text, range[0], -1)),
    "line-down": () => place(tokenOnLine(text, range[0], 1)),
    "extend-token-right": () => extend("right"),
    "extend-token-left": () => extend("left"),
    "extend-line-up": () => extend("left"),
    "extend-line-down": () => extend("right"),
  };

  return {
    get range() {
      return range;
    },
    clear,
    adopt,
    start(from) {
      if (range) return;
      const char = from ? from[1] : firstInView(text);
      place(tokenAfter(text, char) || tokenBefore(text, char));
    },
    // Select this token, to move on from it.
    startAt: place,
    move(edge, direction) {
      const moved = moveEdge(text, range, edge, direction);
      if (moved) show(moved);
    },
    run(command) {
      if (!range || !commands[command]) return false;
      return commands[command]();
    },
  };
}
