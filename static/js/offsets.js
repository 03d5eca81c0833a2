// Offsets. The server counts code points, the browser UTF-16 units: this is the one
// place that knows both. Text leaves carry the code point they start at in data-at.

// How many code points the first `units` UTF-16 units of the text hold.
export function codePoints(text, units) {
  let count = units;
  for (let i = 0; i + 1 < units; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit < 0xdc00 && isLow(text.charCodeAt(i + 1))) {
      count -= 1;
      i += 1;
    }
  }
  return count;
}

// How many UTF-16 units the first `points` code points of the text take.
export function units(text, points) {
  let index = 0;
  for (let n = 0; n < points && index < text.length; n += 1) {
    const unit = text.charCodeAt(index);
    const isPair = unit >= 0xd800 && unit < 0xdc00 && isLow(text.charCodeAt(index + 1));
    index += isPair ? 2 : 1;
  }
  return index;
}

function isLow(unit) {
  return unit >= 0xdc00 && unit < 0xe000;
}

// Unpack the tokens of a block: gaps and lengths in base 36, "z" adds 35 and goes on.
export function unpackTokens(packed, start) {
  const tokens = [];
  let position = start;
  let value = 0;
  let gap = -1;
  for (const digit of packed) {
    if (digit === "z") {
      value += 35;
      continue;
    }
    value += parseInt(digit, 36);
    if (gap < 0) {
      gap = value;
    } else {
      tokens.push([position + gap, position + gap + value]);
      position += gap + value;
      gap = -1;
    }
    value = 0;
  }
  return tokens;
}

const unpacked = new WeakMap();

// The tokens of a block, unpacked once: they never change.
export function tokensOf(block) {
  if (!unpacked.has(block)) {
    const { tokens, start } = block.dataset;
    unpacked.set(block, unpackTokens(tokens, Number(start)));
  }
  return unpacked.get(block);
}

// The block that holds a code point; the last one for the end of the text.
export function blockAt(root, char) {
  const blocks = root.children;
  let low = 0;
  let high = blocks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (Number(blocks[middle].dataset.start) <= char) low = middle;
    else high = middle - 1;
  }
  return blocks[low];
}

// From a place in the document to a code point of the note, or null outside of it.
export function pointToChar(root, node, offset) {
  if (!root.contains(node)) return null;
  const leaf = node.nodeType === Node.TEXT_NODE && node.parentElement.closest("[data-at]");
  if (leaf) return Number(leaf.dataset.at) + codePoints(node.data, offset);
  // Between elements: the first leaf that does not lie before the place.
  const block = node === root ? root.children[offset] : node.closest(".block");
  if (!block) return Number(root.lastElementChild.dataset.end);
  const place = document.createRange();
  place.setStart(node, offset);
  for (const candidate of block.querySelectorAll("[data-at]")) {
    if (place.comparePoint(candidate, 0) >= 0) return Number(candidate.dataset.at);
  }
  return Number(block.dataset.end);
}

// From a code point to a text node and a UTF-16 offset in it. `isEnd` keeps the place
// in the leaf that ends there rather than in the one that begins there.
export function charToPoint(root, char, isEnd = false) {
  const wanted = isEnd ? char - 1 : char;
  const leaves = blockAt(root, wanted).querySelectorAll("[data-at]");
  let found = leaves[0];
  for (const leaf of leaves) {
    if (Number(leaf.dataset.at) > wanted) break;
    found = leaf;
  }
  const text = found.firstChild;
  return [text, units(text.data, char - Number(found.dataset.at))];
}

// The range of the document that shows [start, end).
export function rangeOf(root, start, end) {
  const range = document.createRange();
  range.setStart(...charToPoint(root, start));
  range.setEnd(...charToPoint(root, end, true));
  return range;
}

// The note's text of [start, end), as the browser holds it.
export function surfaceOf(root, start, end) {
  return rangeOf(root, start, end).toString();
}
