// What every page needs of the browser alone: alerts of failed requests, and a corner
// menu that closes like one.

export function showAlert(root, templateId) {
  const template = root.getElementById(templateId);
  root.getElementById("alert").replaceChildren(template.content.cloneNode(true));
}

export function closeMenus(root, except) {
  for (const menu of root.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.open = false;
  }
}

function onClick(event) {
  const dismiss = event.target.closest("[data-dismiss]");
  if (dismiss) document.getElementById("alert").replaceChildren();
  closeMenus(document, event.target.closest("details.menu"));
}

function onKey(event) {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details.menu[open]");
  closeMenus(document, null);
  if (open) open.querySelector("summary").focus();
}

export function init(root) {
  root.addEventListener("click", onClick);
  root.addEventListener("keydown", onKey);
  root.addEventListener("htmx:responseError", () => showAlert(root, "alert-failed"));
  root.addEventListener("htmx:sendError", () => showAlert(root, "alert-offline"));
  root.addEventListener("htmx:timeout", () => showAlert(root, "alert-offline"));
}

init(document);
