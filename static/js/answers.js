// What the server answered, brought onto the page: blocks, counts, messages.

const MESSAGE_MS = 8000;

// Swap the inside of the blocks that changed; everything else stays where it is.
export function swapBlocks(answer) {
  for (const [index, html] of Object.entries(answer.blocks)) {
    const block = document.getElementById(`block-${index}`);
    (block.querySelector(":scope > .copied") || block).innerHTML = html;
  }
  for (const [index, html] of Object.entries(answer.lists)) {
    document.getElementById(`list-${index}`).innerHTML = html;
  }
}

export function showCounts({ counts, can_undo: canUndo, can_redo: canRedo, revision }) {
  if (!counts) return;
  const total = counts.undecided + counts.spans;
  for (const [name, value] of Object.entries({ ...counts, total })) {
    for (const place of document.querySelectorAll(`[data-count="${name}"]`)) {
      place.textContent = value;
    }
  }
  document.getElementById("no-marks").hidden = total > 0;
  const button = (value) => document.querySelector(`[form="hand"][value="${value}"]`);
  button("undo").disabled = !canUndo;
  button("redo").disabled = !canRedo;
  for (const field of document.querySelectorAll('input[name="base_revision"]')) {
    field.value = revision;
  }
}

export function announce(text) {
  document.getElementById("announce").textContent = text;
}

// A message that floats and goes by itself, or by the function returned.
export function tell(text, stayMs = MESSAGE_MS) {
  const box = document.createElement("div");
  box.className = "notice notice--warning";
  box.textContent = text;
  document.getElementById("alert").replaceChildren(box);
  if (stayMs) setTimeout(() => box.remove(), stayMs);
  return () => box.remove();
}

const WORDS = {
  saved: "saved",
  saving: "saving",
  failed: "failed",
  "logged-out": "loggedOut",
  replaying: "replaying",
  conflict: "conflict",
  stranded: "stranded",
};
const ANNOUNCED = ["failed", "logged-out", "conflict", "stranded"];

// The line that always says where the work is; `count` gestures wait in this browser.
// Only what somebody must know is spoken: not every "Saving" and "Saved".
export function showSaveState(button, state, count, words) {
  const spoken = document.getElementById("save-spoken");
  const before = button.dataset.state;
  const isWaiting = ["failed", "logged-out", "replaying"].includes(state) && count > 0;
  const text = words[WORDS[state]] + (isWaiting ? ` ${words.waiting} ${count}` : "");
  button.dataset.state = state;
  // What waits can be taken back; the server's answer says again what can be.
  if (isWaiting) document.querySelector('[form="hand"][value="undo"]').disabled = false;
  if (button.textContent !== text) button.textContent = text;
  if (before === state) return;
  if (ANNOUNCED.includes(state)) spoken.textContent = text;
  else if (state === "saved" && before !== "saving") spoken.textContent = text;
}
