// Preloaded into the emulator: its time stands still until the test moves it. Nothing of the emulator itself is changed.
let now = Date.now();
Date.now = () => now;

const timers = new Map();
const intervals = new Set();
const realInterval = globalThis.setInterval;

globalThis.setTimeout = (fn, ms = 0, ...args) => {
  // Like Node's, as far as anybody asks of one.
  const handle = { ref: () => handle, unref: () => handle, hasRef: () => true, refresh: () => handle };
  timers.set(handle, { at: now + ms, run: () => fn(...args) });
  return handle;
};
globalThis.clearTimeout = (handle) => {
  timers.delete(handle);
};
globalThis.setInterval = (fn, ...rest) => {
  intervals.add(fn);
  return realInterval(fn, ...rest);
};

function runDue() {
  for (const [handle, { at, run }] of [...timers]) {
    if (at > now || !timers.delete(handle)) continue;
    run();
  }
  for (const look of intervals) look();
}

process.on("message", ({ advanceMs }) => {
  now += advanceMs;
  runDue();
  // Answers that came of it are on their way before this one.
  globalThis.setImmediate(() => globalThis.setImmediate(() => process.send({ now })));
});
process.on("disconnect", () => process.exit());
