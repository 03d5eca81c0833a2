// Logging in again without leaving the note: a small form over it, asked for once when
// the session is over, and by the save line after that.

import { logIn } from "./session.js";

// `done` is called when the same person is logged in again.
export function makeRelogin({ dialog, url, words, done }) {
  const form = dialog.querySelector("form");
  const message = dialog.querySelector("[data-login-message]");
  const button = form.querySelector('[type="submit"]');
  let wasAsked = false;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    message.hidden = true;
    const [isDone, text] = await logIn(url, new FormData(form));
    button.disabled = false;
    form.elements.password.value = "";
    if (isDone) {
      dialog.close();
      done();
      return;
    }
    message.textContent = text || words.noAnswer;
    message.hidden = false;
    form.elements.password.focus();
  });

  return {
    open() {
      wasAsked = true;
      if (!dialog.open) dialog.showModal();
      form.elements.password.focus();
    },
    // The session is over, or back: by this form, or by another tab.
    heard(isOver) {
      if (!isOver) {
        wasAsked = false;
        if (dialog.open) dialog.close();
      } else if (!wasAsked) {
        this.open();
      }
    },
  };
}
