import type { AnyStore, StoreRequest } from "../../src/core/ports/store.js";
import type { FakeClock } from "../../src/testing/fake-clock.js";

/** A store that decides by a clock of its own, as one on a server does: `aheadMs` of the time that passes on `clock`. */
export interface ServerClockStore {
  readonly store: AnyStore;
  /** Its clock. */
  now(): number;
  /** Sets it. */
  step(ms: number): void;
  /** Each call takes so long: to the store, and back with what is added before anybody looks at the reply. */
  delays: { to: number; back: number };
}

export function withServerClock(inner: AnyStore, clock: FakeClock, aheadMs = 0): ServerClockStore {
  const start = clock.now() - clock.monotonic();
  let stepped = aheadMs;
  const delays = { to: 0, back: 0 };
  const now = (): number => Math.floor(start + clock.monotonic() + stepped);
  const pass = (ms: number): Promise<void> =>
    ms === 0 ? Promise.resolve() : new Promise((resolve) => clock.timer(ms, resolve));
  const capabilities = { ...inner.capabilities, clock: "server" as const };
  const store = new Proxy(inner, {
    get(target, name) {
      if (name === "capabilities") return capabilities;
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      const method = value.bind(target) as (request?: StoreRequest) => unknown;
      return async (request?: StoreRequest) => {
        if (typeof request !== "object" || !("nowMs" in request)) return method(request);
        const { to, back } = delays;
        await pass(to);
        const nowMs = now();
        const reply = (await method({ ...request, nowMs })) as object;
        await pass(back);
        return { ...reply, nowMs };
      };
    },
  });
  return {
    store,
    now,
    step(ms) {
      stepped += ms;
    },
    delays,
  };
}
