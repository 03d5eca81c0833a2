// Gestures beyond deciding one mark: context, splitting, merging, several at once, the
// same mention everywhere, boundaries by letter.

import { announce, tell } from "./answers.js";
import { newId } from "./ids.js";
import { surfaceOf } from "./offsets.js";
import { moveEdgeByLetter, tokenAfter, tokensIn } from "./selection.js";

const MAX_GAP = 3;
export const ATTRIBUTES = ["negated", "hypothetical", "family", "historical"];

function markOf(element) {
  const { key, from, to, label, attributes } = element.dataset;
  return {
    key,
    label,
    range: [Number(from), Number(to)],
    waiting: element.classList.contains("is-suggestion"),
    attributes: attributes ? attributes.split(" ") : [],
  };
}

function allMarks(text) {
  return [...text.querySelectorAll(".is-first:not(.is-sent)")].map(markOf);
}

// The fields that name a mark; a suggestion becomes the span `spanId`.
export function fieldsOf(mark, spanId) {
  if (!mark.waiting) return { span_id: mark.key.slice(1) };
  return { suggestion_id: Number(mark.key.slice(1)), span_id: spanId };
}

function placeOf(text, [start, end]) {
  return { start_char: start, end_char: end, surface: surfaceOf(text, start, end) };
}

// The mark beside this one that is one mention with it: same label, overlapping or with
// no word between. What lies behind comes first.
export function neighbourToMerge(text, held) {
  const beside = allMarks(text).filter((mark) => {
    if (mark.key === held.key || mark.label !== held.label) return false;
    const [first, second] = mark.range[0] < held.range[0] ? [mark, held] : [held, mark];
    const gap = [first.range[1], second.range[0]];
    if (gap[0] >= gap[1]) return true;
    return gap[1] - gap[0] <= MAX_GAP && !/[\p{L}\p{N}]/u.test(surfaceOf(text, ...gap));
  });
  return beside.find((mark) => mark.range[0] >= held.range[0]) || beside.at(-1) || null;
}

export function makeWorkbench({ text, hand, caret, send, words }) {
  function hold(mark, spanId, range, more = {}) {
    if (mark.waiting) hand.markSent(mark.key);
    hand.holdNew(spanId, range, { label: mark.label, attributes: mark.attributes, ...more });
  }

  function attribute(name) {
    const mark = hand.held;
    if (!mark) return;
    const held = ATTRIBUTES.filter((one) => mark.attributes.includes(one) !== (one === name));
    const spanId = mark.waiting ? newId() : mark.key.slice(1);
    send("attribute", { ...fieldsOf(mark, spanId), attributes: held }, mark.range);
    hold(mark, spanId, mark.range, { attributes: held });
  }

  function markAround([start, end]) {
    const covers = ({ range }) => range[0] <= start && range[1] >= end;
    if (hand.held && covers(hand.held)) return hand.held;
    return allMarks(text).findLast(covers) || null;
  }

  // Whether the selected words lie inside a mark of several words.
  function canSplit() {
    const mark = caret.range && markAround(caret.range);
    return Boolean(mark) && tokensIn(text, mark.range).length > 1;
  }

  // Before the selected words; without a selection the caret asks where.
  function split() {
    const mark = caret.range ? markAround(caret.range) : hand.held;
    const tokens = mark ? tokensIn(text, mark.range) : [];
    if (tokens.length < 2) {
      tell(words.noSplit);
      return;
    }
    let [at] = tokens[1];
    if (caret.range) {
      const isStart = caret.range[0] <= mark.range[0];
      const cut = isStart ? tokenAfter(text, caret.range[1]) : caret.range;
      at = cut && cut[0] < mark.range[1] ? cut[0] : at;
    } else if (tokens.length > 2) {
      caret.startAt(tokens[1]);
      announce(words.splitWhere);
      return;
    }
    const spanId = mark.waiting ? newId() : mark.key.slice(1);
    const fields = { ...fieldsOf(mark, spanId), other_span_id: newId(), at_char: at };
    send("split", { ...fields, ...placeOf(text, mark.range) }, mark.range);
    caret.clear();
    hand.markSent(mark.key);
    hold(mark, spanId, [mark.range[0], tokens.findLast(([start]) => start < at)[1]]);
  }

  function merge() {
    const mark = hand.held;
    const other = mark && neighbourToMerge(text, mark);
    if (!other) {
      tell(words.noMerge);
      return;
    }
    const range = [Math.min(mark.range[0], other.range[0]), Math.max(mark.range[1], other.range[1])];
    const spanId = mark.waiting ? newId() : mark.key.slice(1);
    const named = other.waiting
      ? { other_suggestion_id: Number(other.key.slice(1)) }
      : { other_span_id: other.key.slice(1) };
    send("merge", { ...fieldsOf(mark, spanId), ...named, ...placeOf(text, range) }, range);
    hand.markSent(mark.key);
    hand.markSent(other.key);
    hold(mark, spanId, range);
  }

  // "start-left-char": one edge by one letter as a reader counts letters.
  function moveByLetter(command) {
    const mark = hand.held;
    const [edge, direction] = command.split("-");
    const range = mark && moveEdgeByLetter(text, mark.range, edge, direction);
    if (!range) {
      if (mark) tell(words.noRoom);
      return;
    }
    const spanId = mark.waiting ? newId() : mark.key.slice(1);
    send("rebound", { ...fieldsOf(mark, spanId), ...placeOf(text, range), exact: true }, range);
    hand.markSent(mark.key);
    hold(mark, spanId, range);
  }

  const contexts = ATTRIBUTES.map((name) => [name, () => attribute(name)]);
  return {
    moveByLetter,
    canSplit,
    commands: { ...Object.fromEntries(contexts), split, merge, flag: () => send("flag", {}) },
  };
}
