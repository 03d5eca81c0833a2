// The bar of labels at a selection. With a mouse it stands above the words; under a
// finger at the bottom of the window, where the system's own menu does not cover it.

export function showBar(bar, range) {
  bar.hidden = false;
  const isTouch = window.matchMedia("(pointer: coarse)").matches;
  bar.classList.toggle("label-bar--docked", isTouch);
  if (isTouch) {
    bar.style.left = "";
    bar.style.top = "";
    return;
  }
  const boxes = [...range.getClientRects()].filter((box) => box.width > 0);
  const box = boxes[0] || range.getBoundingClientRect();
  const width = document.documentElement.clientWidth;
  const left = Math.min(box.left, width - bar.offsetWidth - 12);
  const above = box.top - bar.offsetHeight - 8;
  const top = above > 64 ? above : (boxes.at(-1) || box).bottom + 8;
  bar.style.left = `${Math.max(12, left) + window.scrollX}px`;
  bar.style.top = `${top + window.scrollY}px`;
}

export function hideBar(bar) {
  bar.hidden = true;
}

// Hear when words are selected with mouse or finger, and when no longer.
export function watchSelection(text, { selected, cleared }) {
  let timer = 0;
  let isDown = false;
  const report = () => (window.getSelection().isCollapsed ? cleared() : selected());
  text.addEventListener("pointerdown", (event) => {
    isDown = event.pointerType === "mouse";
  });
  document.addEventListener("pointerup", (event) => {
    if (!isDown || event.pointerType !== "mouse") return;
    isDown = false;
    // The browser settles a double click's selection behind this event.
    setTimeout(report, 0);
  });
  document.addEventListener("selectionchange", () => {
    if (isDown || !window.matchMedia("(pointer: coarse)").matches) return;
    clearTimeout(timer);
    timer = setTimeout(report, 250);
  });
}
