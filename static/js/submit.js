// Submitting and skipping: never before the last gesture is answered, and with
// suggestions undecided only after asking once. Also what opens and closes dialogs.

import { tell } from "./answers.js";

const TRY_MS = 2000;

export function initSubmit({ form, sender, clock, announce, words, conflicts, relogin }) {
  const ask = document.getElementById("ask-submit");
  const skip = document.querySelector("#skip-dialog form");
  let isLeaving = false;
  let isWaiting = false;

  // Whether the server has everything and would know who submits. Without a network
  // this waits for it, and says so; whoever goes on with the note submits again.
  async function isReady() {
    if (sender.isHeld) {
      conflicts.point();
      return false;
    }
    const made = sender.made;
    let hide = () => {};
    for (let n = 0; ; n += 1) {
      const said = setTimeout(() => {
        hide();
        hide = tell(words.submitWaits, 0);
      }, n ? 0 : 400);
      await sender.whenIdle();
      const who = sender.isHeld ? "" : await sender.confirm();
      clearTimeout(said);
      if (who === "logged-out") relogin.heard(true);
      const isOver = who === "same" || sender.isHeld || made !== sender.made || who === "other-user";
      if (isOver) {
        hide();
        if (who === "other-user") tell(words.otherUser);
        return who === "same" && made === sender.made;
      }
      await new Promise((resolve) => setTimeout(resolve, TRY_MS));
    }
  }

  async function onlyOnce(work) {
    if (isWaiting) return;
    isWaiting = true;
    try {
      await work();
    } finally {
      isWaiting = false;
    }
  }

  async function leaveBy(leaving) {
    if (await isReady()) go(leaving);
  }

  function go(leaving) {
    if (isLeaving) return;
    isLeaving = true;
    if (form.elements.active_seconds) form.elements.active_seconds.value = clock.take();
    form.elements.base_revision.value = sender.revision;
    leaving.submit();
  }

  function countUndecided() {
    return Number(document.querySelector('#note-foot [data-count="undecided"]').textContent);
  }

  async function submit() {
    // While nothing waits the person is asked at once; leaving makes sure of the rest.
    const isAskedAtOnce = countUndecided() && !sender.isWaiting && !sender.isHeld;
    if (!isAskedAtOnce && !(await isReady())) return;
    if (!countUndecided()) {
      go(form);
      return;
    }
    announce(ask.querySelector("h2").textContent);
    ask.returnValue = "";
    if (!ask.open) ask.showModal();
  }

  ask.addEventListener("close", () => {
    if (ask.returnValue !== "submit") return;
    const confirmed = document.createElement("input");
    confirmed.type = "hidden";
    confirmed.name = "confirmed";
    confirmed.value = "1";
    form.append(confirmed);
    onlyOnce(() => leaveBy(form));
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onlyOnce(submit);
  });
  skip.addEventListener("submit", (event) => {
    event.preventDefault();
    onlyOnce(() => leaveBy(skip));
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) document.getElementById(opener.dataset.open).showModal();
    const closer = event.target.closest("[data-close]");
    if (closer) closer.closest("dialog").close();
  });
  return () => onlyOnce(submit);
}
