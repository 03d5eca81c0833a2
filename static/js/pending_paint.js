// What waits for the network, painted over the note by the CSS Custom Highlight API: in
// the colour of its label, or struck out. The note's own markup stays the server's.

import { rangeOf } from "./offsets.js";

const GONE = "pending-gone";
const SLOTS = 12;

// The gestures that count: an undo takes the last one away, a redo brings it back.
function standing(items) {
  const done = [];
  const undone = [];
  for (const item of items) {
    const { action } = item.gesture;
    if (action === "undo") undone.push(...done.splice(-1));
    else if (action === "redo") done.push(...undone.splice(-1));
    else {
      done.push(item);
      undone.length = 0;
    }
  }
  return done;
}

// What the gestures make of each mark: [slot, [start, end]] by its key, slot 0 for gone.
export function pendingMarks(items, slotOfMark, slotOfLabel) {
  const marks = new Map();
  for (const { gesture, range } of standing(items)) {
    const { action, span_id: span, suggestion_id: from, label } = gesture;
    if (!range) continue;
    const key = from && action === "reject" ? `s${from}` : `a${span}`;
    const old = marks.get(`a${span}`);
    if (from && action !== "reject") marks.set(`s${from}`, [0, null]);
    const slot = label ? slotOfLabel(label) : old ? old[0] : slotOfMark(from ? `s${from}` : `a${span}`);
    const isGone = action === "reject" || action === "delete";
    marks.set(key, [isGone ? 0 : slot, range]);
  }
  return [...marks.values()].filter(([, range]) => range);
}

export function makePainter(text, bar) {
  const slotOfMark = (key) => {
    const mark = text.querySelector(`.mark[data-key="${CSS.escape(key)}"]`);
    return mark ? Number(mark.dataset.slot) : 1;
  };
  const slotOfLabel = (name) => {
    const button = bar.querySelector(`[data-label="${CSS.escape(name)}"]`);
    const found = button && /label-(\d+)/.exec(button.className);
    return found ? Number(found[1]) : 1;
  };
  let isPainted = false;
  return function paint(items) {
    if (!CSS.highlights || (!items.length && !isPainted)) return;
    isPainted = items.length > 0;
    const ranges = new Map();
    for (const [slot, [start, end]] of pendingMarks(items, slotOfMark, slotOfLabel)) {
      const name = slot ? `pending-${slot}` : GONE;
      ranges.set(name, [...(ranges.get(name) || []), rangeOf(text, start, end)]);
    }
    for (const name of [GONE, ...Array.from({ length: SLOTS }, (_, n) => `pending-${n + 1}`)]) {
      if (ranges.has(name)) CSS.highlights.set(name, new Highlight(...ranges.get(name)));
      else CSS.highlights.delete(name);
    }
  };
}
