// The two versions of a mark side by side, and the choice between them. Nothing is
// dropped before the person has chosen.

function timeOf(at) {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

// `say` puts a gesture into words, `show` a label; `choose(group, isMine)` does it.
export function makeConflictBox({ box, row, words, surfaceOf, say, show, choose }) {
  const part = (name) => box.querySelector(`[data-conflict="${name}"]`);
  const open = new Map();

  function placeOf({ items, rivals }) {
    const known = items.map(({ range }) => range).find(Boolean);
    const rival = rivals.at(-1);
    const place = rival && (rival.after || rival.before || rival.suggested);
    return known || (place && [place.start_char, place.end_char]);
  }

  function theirsOf({ rivals }) {
    const rival = rivals.at(-1);
    if (!rival) return words.gone;
    const { after } = rival;
    if (!after) return words.noEntity;
    return `${show(after.label)}: «${surfaceOf(after.start_char, after.end_char)}»`;
  }

  function settle(group, isMine) {
    const element = open.get(group);
    const next = element.nextElementSibling || element.previousElementSibling;
    open.delete(group);
    element.remove();
    choose(group, isMine);
    if (next) next.querySelector("button:not([hidden])").focus();
    else {
      box.hidden = true;
      document.getElementById("main").focus({ preventScroll: true });
    }
  }

  function rowOf(group) {
    const entry = row.content.firstElementChild.cloneNode(true);
    const side = (name) => entry.querySelector(`[data-side="${name}"]`);
    const range = placeOf(group);
    const rival = group.rivals.at(-1);
    side("mention").textContent = range ? surfaceOf(...range) : "";
    side("mine").textContent = group.items.map(say).join(" · ");
    side("theirs").textContent = theirsOf(group);
    side("when").textContent = rival ? timeOf(rival.at) : "";
    const [mine, theirs] = ["mine", "theirs"].map((name) => entry.querySelector(`[data-keep="${name}"]`));
    mine.hidden = Boolean(group.isGone);
    mine.addEventListener("click", () => settle(group, true));
    theirs.addEventListener("click", () => settle(group, false));
    return entry;
  }

  part("mine").addEventListener("click", () => [...open.keys()].forEach((group) => settle(group, !group.isGone)));
  part("theirs").addEventListener("click", () => [...open.keys()].forEach((group) => settle(group, false)));

  return {
    show(groups) {
      if (!groups.length) return;
      for (const group of groups) {
        const entry = rowOf(group);
        open.set(group, entry);
        part("list").append(entry);
      }
      part("all").hidden = open.size < 2;
      box.hidden = false;
      this.point();
    },
    // Bring it before the eyes and under the keys.
    point() {
      box.scrollIntoView({ block: "nearest" });
      part("list").querySelector("button:not([hidden])").focus({ preventScroll: true });
    },
  };
}

// What was made here and can no longer be applied from this page: to be read, and kept.
export function showStranded(box, message, items, say) {
  const part = (name) => box.querySelector(`[data-stranded="${name}"]`);
  part("message").textContent = message;
  part("list").append(
    ...items.map((item) => {
      const entry = document.createElement("li");
      entry.textContent = say(item);
      return entry;
    }),
  );
  part("reload").onclick = () => window.location.reload();
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
  part("reload").focus({ preventScroll: true });
}
