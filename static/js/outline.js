// The outline beside a note: a click goes to a section, the current one is marked.

import { charAtHeight, goToChar, onView } from "./reading.js";

const READING_LINE = 200;

function initOutline(nav, text) {
  const links = [...nav.querySelectorAll("[data-char]")];
  const toggle = nav.querySelector("[aria-expanded]");

  function showCurrent() {
    const char = charAtHeight(text, READING_LINE);
    const current = links.findLast((link) => Number(link.dataset.char) <= char);
    for (const link of links) {
      if (link === current) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
    // The list scrolls by itself, never the page.
    const list = nav.querySelector("ol");
    if (current && list.scrollHeight > list.clientHeight) {
      list.scrollTop = current.offsetTop - list.clientHeight / 2;
    }
  }

  function show(isOpen) {
    toggle.setAttribute("aria-expanded", String(isOpen));
    nav.classList.toggle("is-open", isOpen);
  }

  nav.addEventListener("click", (event) => {
    const link = event.target.closest("[data-char]");
    if (!link) return;
    event.preventDefault();
    show(false);
    const block = goToChar(text, Number(link.dataset.char));
    // Who goes on with the keyboard goes on from there.
    block.tabIndex = -1;
    block.focus({ preventScroll: true });
  });
  toggle.addEventListener("click", () => show(toggle.getAttribute("aria-expanded") !== "true"));
  nav.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !nav.classList.contains("is-open")) return;
    event.stopPropagation();
    show(false);
    toggle.focus();
  });
  onView(showCurrent);
}

const nav = document.getElementById("outline");
const text = document.getElementById("note-text");
if (nav && text) initOutline(nav, text);
