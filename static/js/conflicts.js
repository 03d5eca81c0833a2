// Gestures that came too late, against what was saved meanwhile: which of them touch
// other marks and simply follow, which came to the same, and which contradict it.
// Pure functions over gestures and the server's `changes` (selectors/conflicts.py).

import { newId } from "./ids.js";

// They name no single mark: the server does what is still possible of them.
const BULK = ["accept_all", "propagate", "flag"];

function isSameRange(place, [start, end]) {
  return place.start_char === start && place.end_char === end;
}

// The changes that are about what the gesture is about, oldest first.
export function rivalsOf(gesture, changes) {
  if (BULK.includes(gesture.action)) return [];
  const { span_id: span, other_span_id: otherSpan } = gesture;
  const suggestions = [gesture.suggestion_id, gesture.other_suggestion_id];
  return changes.filter((change) => {
    if (change.suggestion_id !== null && suggestions.includes(change.suggestion_id)) return true;
    if (change.span_id !== null && [span, otherSpan].includes(change.span_id)) return true;
    const isNew = gesture.action === "create" && change.after;
    return Boolean(isNew) && isSameRange(change.after, [gesture.start_char, gesture.end_char]);
  });
}

// What the gestures on one mark want of it: a place, null for none, and what is sent
// as it is besides.
function wishOf(gestures, rivals) {
  const started = rivals[0].before || rivals[0].suggested;
  let place = started && { ...started };
  const besides = [];
  for (const gesture of gestures) {
    const { action, start_char: start, end_char: end, label } = gesture;
    if (action === "reject" || action === "delete") place = null;
    else if (action === "create") place = { start_char: start, end_char: end, label };
    else if (action === "relabel") place = { ...place, label };
    else if (action === "rebound") place = { ...place, start_char: start, end_char: end };
    else if (action !== "accept") besides.push(gesture);
  }
  return [place, besides];
}

// The fields of the gestures that make the wish true now; none when it is true already.
export function keepMine(gestures, rivals, surfaceOf) {
  const theirs = rivals.at(-1).after;
  const [place, besides] = wishOf(gestures, rivals);
  const own = gestures[0].span_id || newId();
  const fields = [];
  if (!place) {
    if (theirs) fields.push({ action: "delete", span_id: theirs.id });
    return fields;
  }
  const { start_char: start, end_char: end, label } = place;
  const words = { start_char: start, end_char: end, surface: surfaceOf(start, end) };
  if (!theirs) {
    fields.push({ action: "create", span_id: own, label, ...words });
  } else {
    if (!isSameRange(theirs, [start, end])) fields.push({ action: "rebound", span_id: theirs.id, ...words });
    if (theirs.label !== label) fields.push({ action: "relabel", span_id: theirs.id, label });
  }
  for (const gesture of besides) {
    const { client_event_id: _id, base_revision: _base, suggestion_id: _from, ...rest } = gesture;
    fields.push({ ...rest, span_id: theirs ? theirs.id : own });
  }
  return fields;
}

// Sort items ({gesture, range}) into `free` (they follow), `done` (said already) and
// `groups` ({items, rivals}) of which the person chooses. An undo goes with what it
// takes back.
export function sortOut(items, changes, surfaceOf) {
  const free = [];
  const done = [];
  const groups = [];
  const agreed = new Set();
  const names = new Map();
  const past = [];
  const future = [];

  function rename({ gesture, ...rest }) {
    const span = names.get(gesture.span_id);
    return { ...rest, gesture: span ? { ...gesture, span_id: span } : gesture };
  }

  function groupOf({ span_id: span, other_span_id: other, suggestion_id: from }) {
    if (from) return undefined;
    return groups.find(({ items: own }) =>
      own.some(({ gesture }) => gesture.span_id && [span, other].includes(gesture.span_id)),
    );
  }

  function place(item) {
    const chain = groupOf(item.gesture);
    if (chain) {
      chain.items.push(item);
      return chain;
    }
    const rivals = rivalsOf(item.gesture, changes).filter((change) => !agreed.has(change));
    if (!rivals.length) {
      free.push(item);
      return null;
    }
    const theirs = rivals.at(-1).after;
    if (!keepMine([item.gesture], rivals, surfaceOf).length) {
      rivals.forEach((change) => agreed.add(change));
      if (theirs && item.gesture.span_id) names.set(item.gesture.span_id, theirs.id);
      done.push(item);
      return "done";
    }
    const group = { items: [item], rivals };
    groups.push(group);
    return group;
  }

  function stepBack(item, from, to) {
    const last = from.pop();
    if (!last) {
      // It would take back, or do again, what was done elsewhere.
      if (changes.length) groups.push({ items: [item], rivals: [changes.at(-1)], isStep: true });
      else free.push(item);
    } else if (last.where === null) {
      free.push(item);
      to.push(last);
    } else if (last.where === "done") {
      done.push(item);
    } else {
      last.where.items.splice(last.where.items.indexOf(last.item), 1);
      done.push(item, last.item);
    }
  }

  for (const each of items) {
    const item = rename(each);
    const { action } = item.gesture;
    if (action === "undo") stepBack(item, past, future);
    else if (action === "redo") stepBack(item, future, past);
    else {
      past.push({ item, where: place(item) });
      future.length = 0;
    }
  }
  return { free, done, groups: groups.filter((group) => group.items.length) };
}
