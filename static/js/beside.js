// The panels beside the text: marks in another order, the label's guideline, what was
// done here, and remarks. Each is asked for when it is looked at.

import { newId } from "./ids.js";
import { csrfToken } from "./session.js";

const SORTS = {
  label: (a, b) => a.label.localeCompare(b.label) || a.place - b.place,
  // The unsure first: they need eyes. What is decided comes last.
  confidence: (a, b) => a.sure - b.sure || a.place - b.place,
};

function entriesOf(lists) {
  return [...lists.querySelectorAll(".mentions > li")].map((item, place) => {
    const sure = parseInt(item.querySelector(".mention__sure").textContent, 10);
    const label = item.querySelector(".mention__label").textContent;
    return { item, place, label, sure: Number.isNaN(sure) ? 101 : sure };
  });
}

function makeSorting({ choice, lists, sorted }) {
  function show() {
    const order = SORTS[choice.value];
    lists.hidden = Boolean(order);
    sorted.hidden = !order;
    if (!order) return;
    sorted.replaceChildren(...entriesOf(lists).sort(order).map(({ item }) => item.cloneNode(true)));
  }
  choice.addEventListener("change", show);
  // Answers swap the lists of blocks, and the mark in hand changes.
  const watch = new MutationObserver(() => sorted.hidden || show());
  watch.observe(lists, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-current"] });
}

export function initBeside({ root, text, lists, words }) {
  const tabs = [...root.querySelectorAll('[role="tab"]')];
  const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
  const comments = document.getElementById("panel-comments");
  const talk = comments.querySelector("form");
  const query = new URLSearchParams(window.location.search).get("set");
  let held = null;
  let guided = "";

  const current = () => tabs.find((tab) => tab.getAttribute("aria-selected") === "true").dataset.tab;

  async function fill(panel, url, options = {}) {
    const address = new URL(url, window.location.href);
    if (query) address.searchParams.set("set", query);
    let response = null;
    try {
      response = await fetch(address, { credentials: "same-origin", ...options });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    const isRead = response && !response.redirected && (response.ok || response.status === 422);
    if (isRead) panel.innerHTML = await response.text();
    else panel.textContent = words.noAnswer;
    return Boolean(isRead && response.ok);
  }

  function mentionOf(id) {
    const parts = text.querySelectorAll(`.mark[data-key="a${CSS.escape(id)}"]`);
    return [...parts].map((part) => part.textContent).join("");
  }

  function nameSpans() {
    for (const place of comments.querySelectorAll("[data-about]")) {
      const mention = mentionOf(place.dataset.about);
      place.textContent = mention ? `«${mention}»` : "";
    }
  }

  async function say(fields) {
    const headers = { "X-CSRFToken": csrfToken() };
    const options = { method: "POST", headers, body: new URLSearchParams(fields) };
    const isDone = await fill(comments.querySelector("[data-list]"), root.dataset.commentsUrl, options);
    nameSpans();
    return isDone;
  }

  const loaders = {
    marks: () => {},
    guide() {
      if (!held || guided === held.label) return;
      guided = held.label;
      const address = `${root.dataset.guideUrl}?${new URLSearchParams({ label: guided })}`;
      fill(document.getElementById("panel-guide"), address);
    },
    history: () => fill(document.getElementById("panel-history"), root.dataset.historyUrl),
    async comments() {
      await fill(comments.querySelector("[data-list]"), root.dataset.commentsUrl);
      nameSpans();
    },
  };

  function open(name, { focus = false } = {}) {
    for (const tab of tabs) {
      const isOpen = tab.dataset.tab === name;
      tab.setAttribute("aria-selected", String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
      panelOf(tab).hidden = !isOpen;
      if (isOpen && focus) tab.focus();
    }
    loaders[name]();
  }

  function showAbout() {
    const isSpan = held && !held.waiting;
    talk.elements.about.disabled = !isSpan;
    talk.elements.about.checked = Boolean(isSpan);
  }

  root.querySelector('[role="tablist"]').addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) open(tab.dataset.tab);
  });
  root.querySelector('[role="tablist"]').addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const index = tabs.findIndex((tab) => tab.dataset.tab === current());
    open(tabs.at((index + step) % tabs.length).dataset.tab, { focus: true });
  });
  talk.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { body, about } = talk.elements;
    const fields = { body: body.value, comment_id: talk.dataset.next || newId() };
    // The same number until it is stored: a lost answer makes no second remark.
    talk.dataset.next = fields.comment_id;
    if (about.checked && held) fields.span_id = held.key.slice(1);
    if (!(await say(fields))) return;
    body.value = "";
    delete talk.dataset.next;
  });
  comments.addEventListener("click", (event) => {
    const { remove, restore } = event.target.dataset;
    if (remove) say({ remove });
    else if (restore) say({ restore });
  });
  makeSorting({ choice: root.querySelector("[data-sort]"), lists, sorted: document.getElementById("sorted-list") });
  showAbout();

  return {
    held(mark) {
      held = mark;
      showAbout();
      if (current() === "guide") loaders.guide();
    },
    applied() {
      if (current() === "history") loaders.history();
    },
    comment() {
      open("comments");
      talk.elements.body.focus();
    },
  };
}
