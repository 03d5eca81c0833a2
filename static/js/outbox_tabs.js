// The tabs of one person on one note: each holds a lock for as long as it lives, and
// they tell each other what the server answered.

// `hear` gets what another tab tells; `gone` is called when one has closed or crashed:
// its lock, which the others queue for, is free then. Without locks (pages without TLS) every other tab
// counts as gone: a gesture sent twice is applied once, so that costs requests only.
export function joinTabs({ name, tab, hear, gone }) {
  const { locks } = navigator;
  const channel = window.BroadcastChannel ? new BroadcastChannel(name) : null;
  const known = new Set([tab]);
  const ready = new Promise((resolve) => {
    if (!locks) resolve();
    else {
      locks.request(`${name}:${tab}`, () => {
        resolve();
        return new Promise(() => {});
      });
    }
  });

  function greet() {
    if (channel) ready.then(() => channel.postMessage({ from: tab }));
  }

  function meet(id) {
    if (known.has(id)) return;
    known.add(id);
    greet();
    if (locks) locks.request(`${name}:${id}`, () => {}).then(gone);
  }

  if (channel) {
    channel.onmessage = ({ data }) => (data.from ? meet(data.from) : hear(data));
    greet();
  }
  return {
    tell: (data) => channel && channel.postMessage(data),
    // Which tabs live, as a test of a tab's id.
    async living() {
      await ready;
      const found = locks ? (await locks.query()).held : [];
      const names = new Set(found.map((lock) => lock.name));
      return (id) => id === tab || names.has(`${name}:${id}`);
    },
    // Run this alone among the tabs: what waited is replayed by one after the other.
    alone: (work) => (locks ? locks.request(`${name}:replay`, work) : work()),
  };
}
