// The page of one's keys: a field takes the key that is pressed in it.

import { comboOf } from "./keys.js";

const LEFT_ALONE = ["Tab", "Escape", "Shift", "Alt", "Control", "Meta", "AltGraph", "Dead"];

function fields(form) {
  return [...form.querySelectorAll("[data-key]")];
}

// Say at once which fields have the same key; the server refuses them, too.
function showTwins(form) {
  const all = fields(form);
  for (const field of all) {
    const isTwin = all.some((other) => other !== field && other.value === field.value);
    field.closest(".key-row").classList.toggle("key-row--wrong", isTwin);
    field.setAttribute("aria-invalid", String(isTwin));
  }
}

const form = document.getElementById("key-map");
form.addEventListener("keydown", (event) => {
  const field = event.target.closest("[data-key]");
  if (!field || event.isComposing || event.ctrlKey || event.metaKey) return;
  if (LEFT_ALONE.includes(event.key)) return;
  event.preventDefault();
  field.value = comboOf(event);
  showTwins(form);
});
form.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-key]")) event.target.select();
});
