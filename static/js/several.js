// Two dialogs that decide about many marks in one step: accept several, with the count
// first; and the same mention in the note or the project, with a preview to untick.

import { csrfToken } from "./session.js";

// The suggestions at least this sure, of this label or of any; of one range the surest.
export function chooseSuggestions(text, label, least) {
  const surest = new Map();
  for (const { dataset } of text.querySelectorAll(".is-suggestion.is-first:not(.is-sent)")) {
    if ((label && dataset.label !== label) || Number(dataset.sure) < least) continue;
    const place = `${dataset.from}-${dataset.to}`;
    const best = surest.get(place);
    if (!best || Number(dataset.sure) > Number(best.sure)) surest.set(place, dataset);
  }
  return [...surest.values()].map(({ key }) => Number(key.slice(1)));
}

export function initSeveral({ dialog, text, send, hand }) {
  const form = dialog.querySelector("form");
  const part = (name) => dialog.querySelector(`[data-several="${name}"]`);
  const chosen = () => chooseSuggestions(text, form.elements.label.value, Number(form.elements.least.value));

  function show() {
    const n = chosen().length;
    part("least").textContent = `${form.elements.least.value} %`;
    for (const place of dialog.querySelectorAll('[data-several="n"]')) place.textContent = n;
    part("accept").disabled = n === 0;
  }

  form.addEventListener("input", show);
  dialog.addEventListener("close", () => {
    const ids = chosen();
    if (dialog.returnValue !== "accept" || !ids.length) return;
    send("accept_all", { suggestion_ids: ids });
    ids.forEach((id) => hand.markSent(`s${id}`));
    hand.advance();
  });
  return () => {
    dialog.returnValue = "";
    show();
    dialog.showModal();
  };
}

function ticked(group) {
  return [...group.querySelectorAll("input:checked")].map(({ dataset }) => [Number(dataset.from), Number(dataset.to)]);
}

export function initSame({ dialog, url, hand, send, surface, tell, words }) {
  const form = dialog.querySelector("form");
  const list = dialog.querySelector('[data-same="list"]');
  const apply = dialog.querySelector('[data-same="apply"]');
  let mark = null;
  let asked = 0;

  const label = () => (form.elements.verdict.value === "reject" ? "" : mark.label);

  function count() {
    const n = list.querySelectorAll("input:checked").length;
    dialog.querySelector('[data-same="n"]').textContent = n;
    apply.disabled = n === 0;
  }

  async function look() {
    asked += 1;
    const turn = asked;
    list.replaceChildren();
    list.setAttribute("aria-busy", "true");
    count();
    const [start, end] = mark.range;
    const fields = { start_char: start, end_char: end, label: label(), scope: form.elements.scope.value };
    const headers = { "X-CSRFToken": csrfToken() };
    const sent = { method: "POST", headers, body: new URLSearchParams(fields), credentials: "same-origin" };
    let html = null;
    try {
      const response = await fetch(url, sent);
      html = response.ok && !response.redirected ? await response.text() : null;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    if (turn !== asked) return;
    list.setAttribute("aria-busy", "false");
    if (html === null) list.textContent = words.noAnswer;
    else list.innerHTML = html;
    count();
  }

  function propagate() {
    const groups = [...list.querySelectorAll("[data-note]")];
    const here = groups.filter((group) => "here" in group.dataset).flatMap(ticked);
    const elsewhere = groups
      .filter((group) => !("here" in group.dataset))
      .map((group) => ({ note: Number(group.dataset.note), places: ticked(group) }))
      .filter(({ places }) => places.length);
    const [start, end] = mark.range;
    const place = { start_char: start, end_char: end, surface: surface(start, end) };
    // The mark in hand is decided with its like, unless it is what they become.
    const isDone = !mark.waiting && label() === mark.label;
    const places = isDone ? here : [[start, end], ...here];
    send("propagate", { label: label(), places, elsewhere, ...place }, mark.range);
    if (!isDone) {
      hand.markSent(mark.key);
      hand.advance();
    }
  }

  form.addEventListener("change", (event) => (event.target.name ? look() : count()));
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "apply" && !apply.disabled) propagate();
  });
  return () => {
    if (!hand.held) {
      tell(words.nothingInHand);
      return;
    }
    mark = hand.held;
    dialog.returnValue = "";
    dialog.querySelector('[data-same="mention"]').textContent = surface(...mark.range);
    dialog.querySelector('[data-same="label"]').textContent = hand.shown;
    form.reset();
    look();
    dialog.showModal();
  };
}
