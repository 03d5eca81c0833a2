// Who else has this note open: the page says every 20 seconds that it is there, while
// somebody can see it, and hears who else is, and how far this person's marks are.

import { ask, csrfToken } from "./session.js";

const BEAT_MS = 20000;
// After the note has been painted.
const FIRST_MS = 500;

function post(url, body, keepalive = false) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrfToken() };
  return ask(url, { method: "POST", headers, keepalive, body: new URLSearchParams(body) }, BEAT_MS);
}

export function initPresence(place) {
  const { url } = place.dataset;
  const names = place.querySelector("[data-names]");

  async function beat() {
    if (document.hidden) return;
    const [status, answer] = await post(url, {});
    if (status !== 200 || !answer) return;
    const text = answer.others.map(({ name }) => name).join(", ");
    if (names.textContent !== text) names.textContent = text;
    place.hidden = !text;
    if (answer.revision !== undefined) {
      document.dispatchEvent(new CustomEvent("note:revision", { detail: answer.revision }));
    }
  }

  setTimeout(beat, FIRST_MS);
  setInterval(beat, BEAT_MS);
  document.addEventListener("visibilitychange", beat);
  window.addEventListener("pagehide", () => post(url, { leaving: "1" }, true));
}

const place = document.getElementById("presence");
if (place) initPresence(place);
