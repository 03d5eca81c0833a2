// From a key press to the name of a command. Letters by what they type, digits and
// brackets by where they are, so that Spanish and French keyboards work as they are.
// Which key does what is the person's own: the page brings it along.

// Not to be changed: the browser's own keys, and the arrows while words are selected.
const ALWAYS = { Delete: "reject", Backspace: "reject", Escape: "leave" };
const SELECTING = {
  ArrowRight: "token-right",
  ArrowLeft: "token-left",
  ArrowUp: "line-up",
  ArrowDown: "line-down",
};
const BRACKETS = { BracketLeft: "[", BracketRight: "]" };

function baseOf(event) {
  const bracket = BRACKETS[event.code] || (["[", "]"].includes(event.key) && event.key);
  if (bracket) return bracket;
  if (event.key === " ") return "Space";
  // With Alt a Mac types another sign; the key itself still has its letter.
  const letter = event.altKey && /^Key([A-Z])$/.exec(event.code || "");
  if (letter) return letter[1].toLowerCase();
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

// The key as the list of keys writes it: "a", "Shift+z", "Alt+[", "?".
export function comboOf(event) {
  const base = baseOf(event);
  const isAlt = event.altKey && !(event.getModifierState && event.getModifierState("AltGraph"));
  // Shift is part of typing any other sign.
  const hasShift = base.length > 1 || /[\p{L}[\]]/u.test(base);
  return `${isAlt ? "Alt+" : ""}${event.shiftKey && hasShift ? "Shift+" : ""}${base}`;
}

// The command of a key event, or null. `isSelecting`: words are selected. `bindings`:
// the command of each key.
export function commandOf(event, isSelecting, bindings) {
  const key = event.key;
  if (event.ctrlKey || event.metaKey) {
    const letter = key.toLowerCase();
    if (letter === "z" && !event.altKey) return event.shiftKey ? "redo" : "undo";
    return letter === "y" && !event.altKey ? "redo" : null;
  }
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code || "");
  // AltGr types other characters with the digits; a typed digit counts wherever it is.
  if (digit && !event.altKey && !event.shiftKey) return `label-${digit[1]}`;
  if (/^[1-9]$/.test(key)) return `label-${key}`;
  if (isSelecting && SELECTING[key] && !event.altKey) {
    return event.shiftKey ? `extend-${SELECTING[key]}` : SELECTING[key];
  }
  return bindings[comboOf(event)] || (event.altKey ? null : ALWAYS[key] || null);
}

// Whether the page must leave the key to the element that has the focus.
export function isForElement(event, command) {
  const target = event.target;
  // A dialog that has just closed keeps the focus until the next frame.
  if (target.closest("dialog:not([open])")) return false;
  if (target.closest("input, textarea, select, dialog, [contenteditable]")) return true;
  if (document.querySelector("dialog[open]")) return true;
  const isControl = target.closest("button, a, summary");
  return Boolean(isControl) && (command === "submit" || event.key === " ");
}

// Esc leaves a field beside the text; in a dialog it closes the dialog.
function leaveField(event) {
  const field = event.target.closest("input, textarea, select");
  if (event.key !== "Escape" || !field || field.closest("dialog")) return false;
  field.blur();
  return true;
}

// `keys`: the key of each command, as the server stores it.
export function init(root, { keys, isSelecting, run }) {
  const bindings = Object.fromEntries(Object.entries(keys).map(([command, key]) => [key, command]));
  root.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || leaveField(event)) return;
    const command = commandOf(event, isSelecting(), bindings);
    if (!command || isForElement(event, command)) return;
    if (run(command) !== false) event.preventDefault();
  });
}
