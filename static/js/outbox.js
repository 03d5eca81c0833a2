// The outbox: gestures that the server has not answered, in this browser's IndexedDB.
// It holds offsets and a hash of the words, never the words nor a token, and each row
// names its person and note: one person has one annotation set of a note.

const NAME = "glosa-outbox";
const STORE = "gestures";

// FNV-1a, 32 bits: enough to notice other words, and there on pages without TLS, where
// crypto.subtle is missing.
export function hashOf(words) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < words.length; i += 1) {
    hash = Math.imul(hash ^ words.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

// The gesture as it is stored: `surface` becomes its hash, all else stays as it is.
export function withoutWords({ surface, ...gesture }) {
  return surface === undefined ? gesture : { ...gesture, surface_hash: hashOf(surface) };
}

// The gesture with its words again, read from the note; null when they are others.
export function withWords({ surface_hash: hash, ...gesture }, surfaceOf) {
  if (hash === undefined) return gesture;
  const surface = surfaceOf(gesture.start_char, gesture.end_char);
  return hashOf(surface) === hash ? { ...gesture, surface } : null;
}

let opened = null;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      const store = request.result.createObjectStore(STORE, { keyPath: "id" });
      store.createIndex("place", ["user", "note"]);
      store.createIndex("user", "user");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

// Run `work(store)` in one transaction; what its request found, once all is written.
async function inStore(mode, work, durability = "default") {
  const database = await open();
  const transaction = database.transaction(STORE, mode, { durability });
  const request = work(transaction.objectStore(STORE));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request && request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

function inOrder(rows) {
  return rows.sort((one, other) => one.at - other.at);
}

// A row: {id, user, note, page, tab, at, gesture, range}.
export function keep(row) {
  return inStore("readwrite", (store) => store.put(row), "strict");
}

export function forget(ids) {
  return inStore("readwrite", (store) => {
    ids.forEach((id) => store.delete(id));
  });
}

// All that waits of a person, oldest first.
export async function waitingOf(user) {
  return inOrder(await inStore("readonly", (store) => store.index("user").getAll(user)));
}

// Take over what tabs that are gone have left of this note: in one transaction, so that
// of several tabs one gets each row. Their order is that in which they were made.
export async function claim(user, note, tab, isAlive) {
  const left = [];
  await inStore("readwrite", (store) => {
    const request = store.index("place").getAll([user, note]);
    request.onsuccess = () => {
      for (const row of request.result) {
        if (isAlive(row.tab)) continue;
        store.put({ ...row, tab });
        left.push(row);
      }
    };
  });
  return inOrder(left);
}
