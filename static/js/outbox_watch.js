// On every page: what this person's browser still holds for the server, with the way to
// the notes it belongs to; and a warning before they log out with gestures waiting.

import { forget, waitingOf } from "./outbox.js";

const LOOK_MS = 1000;

// [{note, page, ids}] in the order in which the notes come first.
export function byNote(rows) {
  const notes = new Map();
  for (const { id, note, page } of rows) {
    if (!notes.has(note)) notes.set(note, { note, page, ids: [] });
    notes.get(note).ids.push(id);
  }
  return [...notes.values()];
}

// The outbox may be unavailable (private windows): then nothing waits in it.
async function look(user) {
  try {
    return byNote(await waitingOf(user));
  } catch (error) {
    if (error instanceof DOMException) return [];
    throw error;
  }
}

function entryOf(template, { note, page, ids }, changed) {
  const entry = template.content.firstElementChild.cloneNode(true);
  const link = entry.querySelector("a");
  link.href = page;
  entry.querySelector("[data-note]").textContent = note;
  entry.querySelector("[data-n]").textContent = ids.length;
  const discard = entry.querySelector("[data-discard]");
  discard.addEventListener("click", async () => {
    if (!discard.dataset.asked) {
      discard.dataset.asked = "true";
      discard.textContent = discard.dataset.sure;
      return;
    }
    await forget(ids);
    changed();
  });
  return entry;
}

function initStrip(strip, user) {
  const list = strip.querySelector("ul");
  const template = strip.querySelector("template");
  async function show() {
    // The page of a note that can be worked on sends what waits for it by itself.
    const review = document.getElementById("review");
    const own = review && review.dataset.editable === "true" ? Number(review.dataset.note) : null;
    const notes = (await look(user)).filter(({ note }) => note !== own);
    list.replaceChildren(...notes.map((each) => entryOf(template, each, show)));
    strip.hidden = !notes.length;
  }
  show();
}

function initLogout(form, dialog, user) {
  const [count, wait, done] = ["count", "wait", "done"].map((name) => dialog.querySelector(`[data-logout="${name}"]`));
  const leave = dialog.querySelector('[data-logout="leave"]');
  let timer = 0;

  function show(notes) {
    const n = notes.reduce((sum, { ids }) => sum + ids.length, 0);
    count.textContent = n;
    wait.hidden = n === 0;
    done.hidden = n > 0;
    leave.textContent = n ? leave.dataset.waiting : leave.dataset.done;
    return n;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!show(await look(user))) {
      form.submit();
      return;
    }
    form.closest("details").open = false;
    dialog.showModal();
    timer = setInterval(async () => show(await look(user)), LOOK_MS);
  });
  leave.addEventListener("click", () => form.submit());
  dialog.querySelector('[data-logout="stay"]').addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => clearInterval(timer));
}

const strip = document.getElementById("outbox-strip");
if (strip) {
  const user = Number(strip.dataset.user);
  initStrip(strip, user);
  initLogout(document.getElementById("logout-form"), document.getElementById("logout-ask"), user);
}
