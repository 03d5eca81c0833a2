// Selecting words: what the mouse or the keyboard marks, widened to whole tokens.

import { blockAt, codePoints, pointToChar, rangeOf, surfaceOf, tokensOf } from "./offsets.js";

// The first and the last block of the turn that a block belongs to; it alone in a note.
function turnAround(block) {
  const { turn } = block.dataset;
  let [first, last] = [block, block];
  if (turn === undefined) return [first, last];
  while (first.previousElementSibling?.dataset.turn === turn) first = first.previousElementSibling;
  while (last.nextElementSibling?.dataset.turn === turn) last = last.nextElementSibling;
  return [first, last];
}

// Where a mark at a code point may reach, as [from, until]: no mark crosses a turn, nor
// runs from the speaker's name into the words.
function roomAt(root, char) {
  const block = blockAt(root, char);
  if (block.dataset.turn === undefined) {
    const next = root.querySelector("[data-turn]");
    const isBefore = next && char < Number(next.dataset.start);
    return [0, isBefore ? Number(next.dataset.start) : Infinity];
  }
  const [first, last] = turnAround(block);
  const words = first.querySelector(".words [data-at]");
  const from = Number(words ? words.dataset.at : first.dataset.start);
  return char < from ? [Number(first.dataset.start), from] : [from, Number(last.dataset.end)];
}

// Cut [start, end) to the turn it begins in; what begins in a name goes on in its words.
export function withinTurn(root, [start, end]) {
  let [from, until] = roomAt(root, start);
  if (end > until && until < Infinity && blockAt(root, start) === blockAt(root, until)) {
    [from, until] = roomAt(root, until);
  }
  return [Math.max(start, from), Math.min(end, until)];
}

// Widen [start, end) to whole tokens; null when it holds none.
export function snap(root, start, end) {
  let first = null;
  let last = null;
  for (let block = blockAt(root, start); block; block = block.nextElementSibling) {
    if (Number(block.dataset.start) >= end) break;
    for (const token of tokensOf(block)) {
      if (token[1] <= start) continue;
      if (token[0] >= end) break;
      first = first || token;
      last = token;
    }
  }
  return first && [first[0], last[1]];
}

// The token before a code point, in this block or an earlier one.
export function tokenBefore(root, char) {
  for (let block = blockAt(root, char); block; block = block.previousElementSibling) {
    const token = tokensOf(block).findLast((candidate) => candidate[1] <= char);
    if (token) return token;
  }
  return null;
}

// The first token that starts at a code point or behind it.
export function tokenAfter(root, char) {
  for (let block = blockAt(root, char); block; block = block.nextElementSibling) {
    const token = tokensOf(block).find((candidate) => candidate[0] >= char);
    if (token) return token;
  }
  return null;
}

// Shift one edge of [start, end) by a token; null where there is no room.
export function moveEdge(root, range, edge, direction) {
  const moved = shiftEdge(root, range, edge, direction);
  const [from, until] = roomAt(root, range[0]);
  return moved && moved[0] >= from && moved[1] <= until ? moved : null;
}

function shiftEdge(root, [start, end], edge, direction) {
  const inside = snap(root, start, end);
  if (edge === "start" && direction === "left") {
    const token = tokenBefore(root, start);
    return token && [token[0], end];
  }
  if (edge === "end" && direction === "right") {
    const token = tokenAfter(root, end);
    return token && [start, token[1]];
  }
  if (edge === "start") {
    const token = tokenAfter(root, start + 1);
    return token && inside && token[1] <= inside[1] ? [token[0], end] : null;
  }
  const token = tokenBefore(root, end - 1);
  return token && inside && token[0] >= inside[0] ? [start, token[1]] : null;
}

// The tokens inside [start, end).
export function tokensIn(root, [start, end]) {
  const tokens = [];
  for (let token = tokenAfter(root, start); token && token[1] <= end; token = tokenAfter(root, token[1])) {
    tokens.push(token);
  }
  return tokens;
}

// As much text beside an edge as one letter can take: an emoji with all its joiners.
const LETTER_CHARS = 16;

function letterBeside(root, char, isRight) {
  const last = Number(root.lastElementChild.dataset.end);
  const [from, to] = isRight ? [char, Math.min(last, char + LETTER_CHARS)] : [Math.max(0, char - LETTER_CHARS), char];
  if (from >= to) return 0;
  const letters = [...new Intl.Segmenter().segment(surfaceOf(root, from, to))];
  const letter = letters.at(isRight ? 0 : -1).segment;
  return codePoints(letter, letter.length);
}

// Shift one edge of [start, end) by a letter, over blanks; null where there is no room.
export function moveEdgeByLetter(root, [start, end], edge, direction) {
  const isRight = direction === "right";
  const step = letterBeside(root, edge === "start" ? start : end, isRight) * (isRight ? 1 : -1);
  const moved = edge === "start" ? [start + step, end] : [start, end + step];
  if (!step || moved[0] >= moved[1]) return null;
  const within = withinTurn(root, moved);
  if (within[0] !== moved[0] || within[1] !== moved[1]) return null;
  const words = surfaceOf(root, ...moved);
  const isBlank = (edge === "start" ? words.trimStart() : words.trimEnd()) !== words;
  return isBlank ? moveEdgeByLetter(root, moved, edge, direction) : moved;
}

// What is selected in the note, as code points, or null.
export function selectedRange(root) {
  const selection = window.getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  if (!range.intersectsNode(root)) return null;
  const inside = document.createRange();
  inside.selectNodeContents(root);
  const start = pointToChar(root, range.startContainer, range.startOffset);
  const end = pointToChar(root, range.endContainer, range.endOffset);
  const last = Number(root.lastElementChild.dataset.end);
  const snapped = snap(root, start ?? 0, end ?? last);
  return snapped && snap(root, ...withinTurn(root, snapped));
}

// Show [start, end) as the browser's own selection, so that it reads and copies as one.
export function select(root, [start, end]) {
  const range = rangeOf(root, start, end);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  return range;
}

export function clearSelection() {
  window.getSelection().removeAllRanges();
}

// The token one visual line above or below, at about the same place across.
export function tokenOnLine(root, char, direction) {
  const token = tokenAfter(root, char) || tokenBefore(root, char);
  const box = rangeOf(root, ...token).getBoundingClientRect();
  const step = parseFloat(getComputedStyle(root).lineHeight) || box.height * 2;
  for (let n = 1; n <= 4; n += 1) {
    const y = box.top + box.height / 2 + direction * step * n;
    const place = document.caretPositionFromPoint
      ? document.caretPositionFromPoint(box.left + 2, y)
      : null;
    const node = place ? place.offsetNode : null;
    const hit = node ? pointToChar(root, node, place.offset) : null;
    if (hit !== null) {
      const found = snap(root, hit, hit + 1) || tokenBefore(root, hit);
      if (found && found[0] !== token[0]) return found;
    }
  }
  return direction < 0 ? tokenBefore(root, token[0]) : tokenAfter(root, token[1]);
}
