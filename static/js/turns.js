// The turns of a dialogue: from one to the next, and the patient's alone. Also what
// folds and unfolds paragraphs copied from an earlier note.

import { comboOf, isForElement } from "./keys.js";
import { charAtHeight, goToChar } from "./reading.js";

const READING_LINE = 160;
const DEFAULT_KEYS = { "next-turn": "t", "previous-turn": "Shift+t", "patient-only": "Shift+p" };
const PROFESSIONALS = ".role-doctor, .role-nurse, .role-pharmacist";

function initTurns(box, text) {
  const place = box.querySelector("[data-turn-place]");
  const filter = box.querySelector("[data-turn-filter]");
  let current = null;

  // A long turn is several blocks; the first of them names the speaker.
  function turns() {
    const blocks = [...text.querySelectorAll("[data-turn]")];
    const isFirst = ({ dataset, previousElementSibling: before }) => !before || before.dataset.turn !== dataset.turn;
    const all = blocks.filter(isFirst);
    if (!text.classList.contains("note--patient")) return all;
    return all.filter((block) => !block.matches(PROFESSIONALS));
  }

  function step(by) {
    const all = turns();
    if (!all.length) return;
    let index = all.indexOf(current);
    if (index < 0 || !isInView(current)) {
      const char = charAtHeight(text, READING_LINE);
      index = all.findLastIndex((block) => Number(block.dataset.start) <= char);
      if (by < 0 && index < 0) index = 0;
    }
    current = all[Math.min(all.length - 1, Math.max(0, index + by))];
    for (const old of text.querySelectorAll(".is-turn")) old.classList.remove("is-turn");
    current.classList.add("is-turn");
    goToChar(text, Number(current.dataset.start));
    current.tabIndex = -1;
    current.focus({ preventScroll: true });
    const words = box.dataset.wordsTurn.replace("%(n)s", all.indexOf(current) + 1);
    place.textContent = words.replace("%(all)s", all.length);
  }

  function isInView(block) {
    const { top, bottom } = block.getBoundingClientRect();
    return bottom > 0 && top < window.innerHeight;
  }

  box.addEventListener("click", (event) => {
    const button = event.target.closest("[data-turn-step]");
    if (button) step(Number(button.dataset.turnStep));
  });
  function switchFilter() {
    const isOn = filter.getAttribute("aria-pressed") !== "true";
    filter.setAttribute("aria-pressed", String(isOn));
    const char = charAtHeight(text, READING_LINE);
    text.classList.toggle("note--patient", isOn);
    goToChar(text, char);
  }
  if (filter) filter.addEventListener("click", switchFilter);

  // These keys also serve who may only read, so they are heard here.
  const own = document.getElementById("review").dataset.keys;
  const keys = { ...DEFAULT_KEYS, ...(own ? JSON.parse(own) : {}) };
  const commands = {
    "next-turn": () => step(1),
    "previous-turn": () => step(-1),
    "patient-only": () => filter && switchFilter(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.isComposing) return;
    const combo = comboOf(event);
    const command = Object.keys(commands).find((name) => keys[name] === combo);
    if (!command || isForElement(event, command)) return;
    event.preventDefault();
    commands[command]();
  });
}

function initCopied(text) {
  function show(block, isOpen) {
    block.classList.toggle("is-open", isOpen);
    block.querySelector("[data-fold]").setAttribute("aria-expanded", String(isOpen));
  }
  text.addEventListener("click", (event) => {
    const fold = event.target.closest("[data-fold]");
    if (!fold) return;
    const block = fold.closest(".block");
    show(block, !block.classList.contains("is-open"));
  });
  // The browser's own find opens what it finds.
  text.addEventListener("beforematch", (event) => show(event.target.closest(".block"), true));
}

const text = document.getElementById("note-text");
const box = document.getElementById("turns");
if (text && box) initTurns(box, text);
if (text && text.querySelector("[data-fold]")) initCopied(text);
