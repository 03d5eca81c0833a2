// Files dropped on a frame go into the file input inside it, and are listed below it.
// Without this module the input still works: it is a plain field of a plain form.

export function describe(file) {
  const units = ["B", "kB", "MB", "GB"];
  let size = file.size;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || size >= 10 ? 0 : 1;
  return `${file.name} · ${size.toFixed(digits)} ${units[unit]}`;
}

export function accepts(list, name) {
  const lower = name.toLowerCase();
  return list
    .split(",")
    .map((suffix) => suffix.trim().toLowerCase())
    .some((suffix) => suffix !== "" && lower.endsWith(suffix));
}

function showFiles(zone, input) {
  const items = [...input.files].map((file) => {
    const item = document.createElement("li");
    item.textContent = describe(file);
    item.classList.toggle("field__error", !accepts(input.accept, file.name));
    return item;
  });
  zone.querySelector("[data-dropzone-files]").replaceChildren(...items);
}

function takeDrop(zone, input, event) {
  event.preventDefault();
  zone.classList.remove("dropzone--over");
  if (event.dataTransfer.files.length === 0) return;
  const files = new DataTransfer();
  for (const file of [...input.files, ...event.dataTransfer.files]) files.items.add(file);
  input.files = files.files;
  showFiles(zone, input);
}

function hasFiles(event) {
  return [...event.dataTransfer.types].includes("Files");
}

export function init(root) {
  for (const zone of root.querySelectorAll("[data-dropzone]:not([data-dropzone-ready])")) {
    const input = zone.querySelector('input[type="file"]');
    zone.dataset.dropzoneReady = "";
    zone.addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      zone.classList.add("dropzone--over");
    });
    zone.addEventListener("dragleave", (event) => {
      if (!zone.contains(event.relatedTarget)) zone.classList.remove("dropzone--over");
    });
    zone.addEventListener("drop", (event) => takeDrop(zone, input, event));
    input.addEventListener("change", () => showFiles(zone, input));
    showFiles(zone, input);
  }
}

init(document);
