// Time spent on the note: seconds in which the page is in sight and in use.

const IDLE_MS = 60000;

export function minutesAndSeconds(seconds) {
  const two = (n) => String(n).padStart(2, "0");
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

export function startClock(place, before) {
  let total = before;
  let unsent = 0;
  let usedAt = Date.now();
  const used = () => {
    usedAt = Date.now();
  };
  for (const name of ["keydown", "pointerdown", "pointermove", "wheel"]) {
    document.addEventListener(name, used, { passive: true });
  }
  const show = () => {
    place.textContent = minutesAndSeconds(total);
  };
  setInterval(() => {
    if (document.hidden || Date.now() - usedAt > IDLE_MS) return;
    total += 1;
    unsent += 1;
    show();
  }, 1000);
  show();
  return {
    // The seconds since they were last asked for.
    take() {
      const seconds = unsent;
      unsent = 0;
      return seconds;
    },
  };
}
