// On a phone the inspector is a sheet over the text. Folded it shows what is in hand and
// the two decisions; label, boundaries and context come at a tap and stay until the next.

export function initSheet(form) {
  const button = form.querySelector("[data-unfold]");
  button.addEventListener("click", () => {
    const isOpen = form.classList.toggle("is-open");
    button.setAttribute("aria-expanded", String(isOpen));
  });
}
