// The review page: joins keys, mouse and touch to gestures, and answers to the page.

import { announce, showCounts, showSaveState, swapBlocks, tell } from "./answers.js";
import { initBeside } from "./beside.js";
import { makeCaret } from "./caret.js";
import { startClock } from "./clock.js";
import { makeConflictBox, showStranded } from "./conflict_box.js";
import { makeSender } from "./gestures.js";
import { makeHand } from "./hand.js";
import { newId } from "./ids.js";
import { init as initKeys } from "./keys.js";
import { surfaceOf } from "./offsets.js";
import { makePainter } from "./pending_paint.js";
import { makeRelogin } from "./relogin.js";
import { moveEdge, snap } from "./selection.js";
import { initSame, initSeveral } from "./several.js";
import { initSheet } from "./sheet.js";
import { initSubmit } from "./submit.js";
import { fieldsOf, makeWorkbench } from "./workbench.js";

// data-words-no-room="…" on the root becomes words.noRoom.
function wordsOf(root) {
  const names = Object.entries(root.dataset).filter(([name]) => name.startsWith("words"));
  return Object.fromEntries(names.map(([name, text]) => [name[5].toLowerCase() + name.slice(6), text]));
}

export function initReview(root) {
  const byId = (id) => document.getElementById(id);
  const [text, lists, form, foot, bar] = ["note-text", "mark-lists", "hand", "note-foot", "label-bar"].map(byId);
  const words = wordsOf(root);
  const clock = startClock(foot.querySelector("[data-clock]"), Number(root.dataset.activeSeconds));
  const caret = makeCaret({ text, bar, changed: showMode });
  const hand = makeHand({ text, lists, form, foot, changed: showMode });
  const wordsAt = (start, end) => surfaceOf(text, start, end);
  const beside = initBeside({ root: byId("beside"), text, lists, words });
  const relogin = makeRelogin({
    dialog: byId("login-again"),
    url: root.dataset.sessionUrl,
    words,
    done: () => sender.retry(),
  });
  const conflicts = makeConflictBox({
    box: byId("conflict"),
    row: byId("conflict-row"),
    words,
    surfaceOf: wordsAt,
    say,
    show: labelShown,
    choose: (group, isMine) => sender.choose(group, isMine),
  });
  const sender = makeSender({
    urls: { gestures: root.dataset.gestureUrl, session: root.dataset.sessionUrl, state: root.dataset.stateUrl },
    user: Number(root.dataset.user),
    note: Number(root.dataset.note),
    revision: Number(root.dataset.revision),
    surfaceOf: wordsAt,
    on: { applied, elsewhere, conflict, refused, stranded, state, waiting },
  });

  // What waits is painted and goes out of the way of the keys.
  const paint = makePainter(text, bar);
  function waiting(items) {
    if (items.length) markPending();
    paint(items);
  }

  function showMode() {
    root.dataset.mode = caret.range ? "selection" : form.dataset.kind;
    foot.dataset.mode = root.dataset.mode;
    // Cutting in two is offered where the selected words lie inside a mark.
    bar.querySelector("[data-split]").hidden = !bench.canSplit();
    beside.held(hand.held);
  }

  function send(action, fields, range) {
    sender.send({ action, active_seconds: clock.take(), ...fields }, range);
  }

  function labelShown(name) {
    const button = bar.querySelector(`[data-label="${CSS.escape(name)}"]`);
    return button ? button.lastChild.textContent.trim() : name;
  }

  // What a gesture does, in words.
  function say({ gesture: { action, label: name }, range }) {
    const said = range ? `${words[action]}: «${wordsAt(...range)}»` : words[action];
    return name ? `${said} ${labelShown(name)}` : said;
  }

  function state(name, count) {
    showSaveState(byId("save-state"), name, count, words);
    if (name === "logged-out") relogin.heard(true);
    else if (name !== "failed") relogin.heard(false);
  }

  // The fields that name the mark in hand; a suggestion becomes the span `spanId`.
  const target = (spanId) => fieldsOf(hand.held, spanId);

  // Send what is said of the mark in hand and go on without waiting for the answer.
  function decide(action, fields = {}) {
    if (!hand.held) return;
    const stays = action === "relabel" && !hand.held.waiting;
    send(action, { ...target(newId()), ...fields }, hand.held.range);
    if (stays) return;
    hand.markSent(hand.held.key);
    if (!hand.advance()) announce(words.allDecided);
  }

  // What is in hand may be gone by the answer, which says what comes to hand instead.
  function takeBack(action) {
    caret.clear();
    hand.take(null);
    send(action, {});
  }

  function go(step, onlyWaiting) {
    caret.clear();
    hand.go(step, onlyWaiting);
  }

  function label(name) {
    // A key may come before the page has heard of the selection.
    if (!caret.range) caret.adopt();
    if (!caret.range) {
      decide("relabel", { label: name });
      return;
    }
    const [start, end] = caret.range;
    const spanId = newId();
    const place = { start_char: start, end_char: end, surface: surfaceOf(text, start, end) };
    send("create", { span_id: spanId, label: name, ...place }, [start, end]);
    caret.clear();
    hand.holdNew(spanId, [start, end]);
  }

  function move(command) {
    const [edge, direction] = command.split("-");
    if (caret.range) caret.move(edge, direction);
    if (caret.range || !hand.held) return;
    const range = moveEdge(text, hand.held.range, edge, direction);
    if (!range) {
      tell(words.noRoom);
      return;
    }
    const { key, waiting } = hand.held;
    const spanId = waiting ? newId() : key.slice(1);
    const [start, end] = range;
    const place = { start_char: start, end_char: end, surface: surfaceOf(text, start, end) };
    // The other edge may lie inside a word since it was moved by letters.
    const [from, to] = snap(text, start, end);
    const exact = from !== start || to !== end;
    send("rebound", { ...target(spanId), ...place, exact }, range);
    hand.markSent(key);
    hand.holdNew(spanId, range);
  }

  // Bring an answer onto the page. Blocks come as the server knows them: what is still
  // under way is painted as such again.
  function repaint(answer) {
    swapBlocks(answer);
    showCounts(answer);
    if ("is_flagged" in answer) byId("flag").setAttribute("aria-pressed", String(answer.is_flagged));
    markPending();
  }

  function markPending() {
    for (const { action, suggestion_id: id, span_id: spanId } of sender.pending) {
      if (id) hand.markSent(`s${id}`);
      else if (action === "delete" || action === "rebound") hand.markSent(`a${spanId}`);
    }
  }

  function applied(answer, { action }) {
    repaint(answer);
    const isUndo = action === "undo" || action === "redo";
    const key = isUndo ? answer.touched[0] : hand.held && hand.held.key;
    // The hand is ahead of an answer that a later gesture on its mark has overtaken.
    const isAhead = !isUndo && sender.pending.some(({ span_id: id }) => `a${id}` === key);
    const mark = key && !isAhead ? hand.find(key) : null;
    if (mark) hand.take(mark, { follow: isUndo || action === "rebound" });
    announce(`${words[action]}. ${answer.counts.undecided} / ${answer.counts.spans}`);
    if (answer.n_elsewhere) tell(`${words[action]}. ${words.elsewhere} ${answer.n_elsewhere}`);
    beside.applied();
  }

  function keepHand() {
    hand.take(hand.held && hand.find(hand.held.key), { follow: false, focus: false });
  }

  // Another tab or machine of this person went on.
  function elsewhere(answer) {
    repaint(answer);
    keepHand();
  }

  function conflict(groups, answer) {
    elsewhere(answer);
    conflicts.show(groups);
  }

  // Nothing more is applied from this page: what was made stays to be read, and waits.
  function stranded(items, answer) {
    if (answer && answer.blocks) elsewhere(answer);
    showStranded(byId("stranded"), answer ? answer.message : words.otherUser, items, say);
  }

  // This one gesture was not done; those behind it go on.
  function refused(answer, item) {
    for (const part of text.querySelectorAll(".is-sent")) part.classList.remove("is-sent");
    repaint({ blocks: {}, lists: {}, ...answer });
    tell(`${say(item)}: ${answer.message || ""}`);
    hand.take(hand.held && hand.find(hand.held.key), { follow: false });
  }

  const bench = makeWorkbench({ text, hand, caret, send, words });
  const same = { dialog: byId("same-dialog"), url: root.dataset.sameUrl, surface: wordsAt, tell };
  const commands = {
    ...bench.commands,
    "accept-several": initSeveral({ dialog: byId("several-dialog"), text, send, hand }),
    propagate: initSame({ ...same, hand, send, words }),
    comment: () => beside.comment(),
    accept: () => (hand.held && hand.held.waiting ? decide("accept") : go(1, true)),
    reject() {
      if (caret.range) caret.clear();
      else if (hand.held) decide(hand.held.waiting ? "reject" : "delete");
    },
    undo: () => takeBack("undo"),
    redo: () => takeBack("redo"),
    next: () => go(1, false),
    previous: () => go(-1, false),
    "next-undecided": () => go(1, true),
    "previous-undecided": () => go(-1, true),
    select: () => caret.start(hand.held && hand.held.range),
    leave: () => (caret.range ? caret.clear() : hand.take(null)),
    submit: initSubmit({ form: byId("submit-form"), sender, clock, announce, words, conflicts, relogin }),
    skip: () => foot.querySelector('[data-open="skip-dialog"]') && byId("skip-dialog").showModal(),
    help: () => byId("help").showModal(),
  };

  function run(command) {
    if (command.startsWith("label-")) {
      const button = bar.querySelector(`[data-hotkey="${command.slice(6)}"]`);
      return button ? label(button.dataset.label) : false;
    }
    if (command.endsWith("-char")) return bench.moveByLetter(command);
    if (/^(start|end)-/.test(command)) return move(command);
    return commands[command] ? commands[command]() : caret.run(command);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { name, value } = event.submitter || {};
    const isByLetter = name === "move" && form.elements.letters.checked;
    if (name === "label") label(value);
    else if (name) run(isByLetter ? `${value}-char` : value);
  });
  text.addEventListener("click", (event) => {
    const mark = event.target.closest(".mark");
    if (mark && !caret.range) hand.take(hand.find(mark.dataset.key), { follow: false });
  });
  byId("beside").addEventListener("click", (event) => {
    const entry = event.target.closest("[data-go]");
    if (!entry) return;
    event.preventDefault();
    caret.clear();
    hand.take(hand.find(entry.dataset.go));
  });
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-run]");
    if (button) run(button.dataset.run);
  });
  bar.addEventListener("click", (event) => {
    if (event.target.closest("[data-split]")) bench.commands.split();
    const button = event.target.closest("[data-label]");
    if (button) label(button.dataset.label);
  });
  byId("save-state").addEventListener("click", ({ currentTarget }) => {
    if (currentTarget.dataset.state === "logged-out") relogin.open();
    else if (sender.isHeld) conflicts.point();
    else sender.retry();
  });
  window.addEventListener("online", sender.retry);
  document.addEventListener("visibilitychange", sender.retry);
  document.addEventListener("note:revision", ({ detail }) => sender.heard(detail));
  window.addEventListener("beforeunload", (event) => sender.isAtRisk && event.preventDefault());
  initKeys(document, { keys: JSON.parse(root.dataset.keys), isSelecting: () => Boolean(caret.range), run });
  initSheet(form);
  hand.takeFirst();
  root.dataset.ready = "true";
}

const root = document.getElementById("review");
if (root && root.dataset.editable === "true") initReview(root);
else if (root) {
  const [text, lists] = ["note-text", "mark-lists"].map((id) => document.getElementById(id));
  initBeside({ root: document.getElementById("beside"), text, lists, words: wordsOf(root) });
}
