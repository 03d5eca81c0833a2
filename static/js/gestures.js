// Sending gestures: one small request each, one at a time, in order, at once.
//
// The interface, for who makes gestures (review.js):
//   sender.send(fields, range)  fields: any JSON object; `client_event_id`, `user` and
//     `base_revision` are added, all else goes out unchanged. Words of the note belong
//     into `surface`, beside start_char and end_char, and nowhere else. range:
//     [start, end] of what it is about, if known: it is painted there while it waits.
//   sender.pending              the gestures that are not answered yet
// and `on` hears of applied(answer, gesture), refused(answer, item), elsewhere(answer)
// (another tab or machine of this person), conflict(groups, answer), stranded(items,
// answer) (nothing more is applied from this page), state(name, count) with "saved",
// "saving", "replaying", "failed", "logged-out", "conflict" or "stranded", and
// waiting(items) with what is not on its way yet, to be painted.
//
// Each gesture is also written to the outbox, beside the request, and removed when it
// is answered. A request without an answer is sent again under the same id, so it is
// applied once whatever was lost. What had to wait goes on only when the session is
// that of the same person.

import { keepMine, sortOut } from "./conflicts.js";
import { newId } from "./ids.js";
import * as outbox from "./outbox.js";
import { joinTabs } from "./outbox_tabs.js";
import { ask, confirmUser, csrfToken } from "./session.js";

const RETRY_MS = [500, 1000, 2000, 4000, 8000, 15000];
const TIMEOUT_MS = 15000;
const CONFLICTS = ["stale_revision", "target_gone"];

// What an answer means for the gesture: kept and sent again, or done with.
export function outcomeOf(status, body) {
  const code = body && body.code;
  if (status === 200 && body) return "applied";
  if (status === 409 && CONFLICTS.includes(code) && body.blocks) return "conflict";
  if (status === 409 && code === "wrong_state") return "stranded";
  // A token that has grown old: the session endpoint hands out another.
  if (status === 401 || code === "csrf_failed") return "logged-out";
  if (code === "other_user") return "stranded";
  const isFinal = body && status >= 400 && status < 500;
  return isFinal ? "refused" : "failed";
}

function post(url, gesture) {
  const headers = {
    "Content-Type": "application/json",
    Accept: "application/json",
    "X-CSRFToken": csrfToken(),
  };
  return ask(url, { method: "POST", headers, body: JSON.stringify(gesture) }, TIMEOUT_MS);
}

// `urls` are those of gestures, session and state; `revision` is what the page shows.
export function makeSender({ urls, user, note, revision, surfaceOf, on }) {
  const tab = newId();
  const tabs = joinTabs({ name: `glosa:${user}:${note}`, tab, hear, gone: () => adopt() });
  let waiting = [];
  // Chosen by the person first: they are stored, but not sent.
  let held = [];
  // The revision that the first gesture waiting was made at, and what the page shows.
  let present = revision;
  let shown = revision;
  // Busy until it is known what earlier pages have left.
  let isBusy = true;
  let isBacklog = false;
  let isStored = true;
  let isStranded = false;
  let isAdopting = false;
  let failures = 0;
  let made = 0;
  let timer = 0;
  // What this page sent: a mark that it did away with itself is no conflict.
  const own = new Set();
  let idle = [];
  // Resolves when what is answered is out of the outbox.
  let dropped = Promise.resolve();

  // The outbox may be unavailable (private windows): then leaving the page warns.
  function write(work) {
    return work.then(() => true, () => {
      isStored = false;
      return false;
    });
  }

  function store(item) {
    const { gesture, range, at } = item;
    const row = { id: gesture.client_event_id, user, note, page: window.location.pathname, tab, at, range };
    item.written = write(outbox.keep({ ...row, gesture: outbox.withoutWords(gesture) }));
  }

  function drop(items) {
    if (!items.length) return;
    const ids = items.map(({ gesture }) => gesture.client_event_id);
    const written = Promise.all([dropped, ...items.map((item) => item.written)]);
    dropped = write(written.then(() => outbox.forget(ids)));
  }

  // Those behind a gesture that was not applied move up; none of them was sent yet.
  function renumber() {
    waiting.forEach((item, index) => {
      if (item.gesture.base_revision === present + index) return;
      item.gesture = { ...item.gesture, base_revision: present + index };
      store(item);
    });
  }

  function say(state) {
    on.state(state, waiting.length);
    on.waiting(isBacklog ? waiting : []);
  }

  function settle() {
    isBacklog = false;
    present = Math.max(present, shown);
    rest();
    if (isStranded) return;
    idle.forEach((resolve) => resolve());
    idle = [];
  }

  function rest() {
    if (isStranded) say("stranded");
    else say(held.length ? "conflict" : "saved");
  }

  function later(state) {
    isBacklog = true;
    say(state);
    timer = setTimeout(run, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
    failures += 1;
  }

  function strand(body) {
    const items = waiting;
    waiting = [];
    isStranded = true;
    on.stranded(items, body);
  }

  async function replay() {
    const who = await confirmUser(urls.session, user);
    if (who === "same") await drain();
    else if (who !== "other-user") later(who);
    else {
      strand(null);
      rest();
    }
  }

  async function drain() {
    while (waiting.length) {
      const answer = post(urls.gestures, waiting[0].gesture);
      say(isBacklog ? "replaying" : "saving");
      const [status, body] = await answer;
      const outcome = isOwnDoing(body) ? "refused" : outcomeOf(status, body);
      if (outcome === "failed" || outcome === "logged-out") {
        later(outcome);
        return;
      }
      failures = 0;
      take(outcome, body);
    }
    settle();
  }

  function isOwnDoing(body) {
    const changes = body && body.code === "target_gone" && body.changes;
    return Boolean(changes && changes.length) && changes.every((change) => own.has(change.client_event_id));
  }

  // The request starts before this returns, unless something had to wait before.
  async function run() {
    if (isBusy || !waiting.length) return;
    clearTimeout(timer);
    isBusy = true;
    try {
      await (isBacklog ? tabs.alone(replay) : drain());
    } finally {
      isBusy = false;
    }
    // Made between the last answer and here.
    if (waiting.length && !isBacklog) run();
  }

  function take(outcome, body) {
    if (outcome === "stranded") {
      strand(body);
      return;
    }
    if (outcome === "conflict") {
      clash(body);
      return;
    }
    const item = waiting.shift();
    drop([item]);
    present = body.revision ?? present;
    shown = Math.max(shown, present);
    if (outcome === "applied") {
      tabs.tell({ answer: body });
      on.applied(body, item.gesture);
    } else {
      renumber();
      on.refused(body, item);
    }
  }

  function clash(body) {
    // Of a mark that is gone only this gesture can be about; the others come after it.
    const isGone = body.code === "target_gone";
    const { free, done, groups } = sortOut(waiting, body.changes || [], surfaceOf);
    if (isGone && free[0] && free[0].gesture.client_event_id === waiting[0].gesture.client_event_id) {
      groups.push({ items: [free.shift()], rivals: (body.changes || []).slice(-1), isGone: true });
    }
    waiting = free;
    present = body.revision;
    shown = present;
    renumber();
    drop(done);
    held.push(...groups);
    on.conflict(groups, body);
  }

  // What another tab has heard from the server; with gestures of our own under way the
  // server's answer to them says the same.
  function hear({ answer }) {
    if (waiting.length || answer.revision <= shown) return;
    if (answer.revision > shown + 1) refresh();
    else show(answer);
  }

  function show(answer) {
    shown = answer.revision;
    present = shown;
    on.elsewhere(answer);
  }

  // Bring the page to the newest state, which it has heard of.
  async function refresh() {
    const headers = { Accept: "application/json" };
    const [status, answer] = await ask(urls.state, { headers }, TIMEOUT_MS);
    if (status !== 200 || !answer || waiting.length || answer.revision <= shown) return;
    show(answer);
  }

  // Take over what tabs that are gone have left, and send it.
  async function adopt() {
    if (isAdopting || waiting.length) return;
    isAdopting = true;
    isBusy = true;
    const isAlive = await tabs.living();
    const rows = await outbox.claim(user, note, tab, isAlive).catch(() => {
      isStored = false;
      return [];
    });
    const items = rows.map((row) => ({ ...row, gesture: outbox.withWords(row.gesture, surfaceOf), written: true }));
    const unfit = rows.filter((row, index) => !items[index].gesture);
    unfit.forEach((row) => on.refused({}, { gesture: row.gesture, range: row.range }));
    outbox.forget(unfit.map((row) => row.id)).catch(() => {});
    const fit = items.filter(({ gesture }) => gesture);
    isBusy = false;
    isAdopting = false;
    if (fit.length) {
      present = fit[0].gesture.base_revision;
      waiting = [...fit, ...waiting];
      fit.forEach(({ gesture }) => own.add(gesture.client_event_id));
      isBacklog = true;
      renumber();
    }
    run();
  }

  adopt();

  const sender = {
    send(fields, range = null) {
      const base = present + waiting.length;
      const gesture = { client_event_id: newId(), user, base_revision: base, ...fields };
      const item = { gesture, range, at: performance.timeOrigin + performance.now() };
      waiting.push(item);
      made += 1;
      own.add(gesture.client_event_id);
      run();
      store(item);
      if (isBacklog) on.waiting(waiting);
    },
    // Try now what waits.
    retry() {
      if (waiting.length) run();
    },
    // The server knows this revision of the person's marks.
    heard(newest) {
      if (newest > shown && !waiting.length) refresh();
    },
    // The person has chosen between the two versions of one mark.
    choose(group, isMine) {
      held = held.filter((other) => other !== group);
      const { items, rivals, isStep } = group;
      if (isMine && isStep) {
        for (const { gesture, range } of items) {
          const { client_event_id: _id, base_revision: _base, ...fields } = gesture;
          sender.send(fields, range);
        }
      } else if (isMine) {
        const gestures = items.map(({ gesture }) => gesture);
        keepMine(gestures, rivals, surfaceOf).forEach((fields) => sender.send(fields, items[0].range));
      }
      drop(items);
      if (!waiting.length) settle();
    },
    // Resolves once everything sent so far is answered and out of the outbox.
    whenIdle() {
      const answered = waiting.length ? new Promise((resolve) => idle.push(resolve)) : null;
      return Promise.resolve(answered).then(() => dropped);
    },
    confirm: () => confirmUser(urls.session, user),
    get revision() {
      return shown;
    },
    get pending() {
      return waiting.map(({ gesture }) => gesture);
    },
    // How many gestures were made on this page.
    get made() {
      return made;
    },
    get isWaiting() {
      return waiting.length > 0;
    },
    get isHeld() {
      return held.length > 0;
    },
    // Whether leaving the page now would lose something or leave it to another day.
    get isAtRisk() {
      return waiting.length > 0 && (isBacklog || !isStored);
    },
  };
  return sender;
}
