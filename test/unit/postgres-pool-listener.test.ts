import { EventEmitter } from "node:events";
import { expect, it, vi } from "vitest";
import { listenOnPool } from "../../src/adapters/postgres/listen/pool-listener.js";

it("a server that dies in the moment in which a connection is lent ends no process", async () => {
  const released: (boolean | undefined)[] = [];
  const client = Object.assign(new EventEmitter(), {
    query: () => Promise.reject(new Error("Client has encountered a connection error")),
    release: (destroy?: boolean) => released.push(destroy),
  });
  const pool = {
    totalCount: 1,
    options: { max: 5 },
    /** As `pg` does: its callback is called while the bytes of the greeting are read, and the rest of them right after. */
    connect(answered?: (error: Error | undefined, lent: unknown) => unknown): unknown {
      const lent = answered === undefined ? Promise.resolve(client) : answered(undefined, client);
      client.emit("error", new Error("terminating connection due to unexpected postmaster exit"));
      return lent;
    },
  };
  await expect(listenOnPool(pool).listen("jobs", () => undefined)).rejects.toThrow("connection error");
  await new Promise((resolve) => setImmediate(resolve));
  expect(released).toEqual([true]);
});

it("keeps no process alive by waiting: for the end of its pool, and for a connection that is lost", async () => {
  const lends = { count: 0 };
  const client = Object.assign(new EventEmitter(), {
    query: async () => ({ rows: [] }),
    release: () => undefined,
  });
  const pool = {
    totalCount: 1,
    options: { max: 5 },
    connect(answered: (error: Error | undefined, lent: unknown) => unknown): void {
      lends.count += 1;
      answered(undefined, client);
    },
  };
  const timers = [vi.spyOn(globalThis, "setInterval"), vi.spyOn(globalThis, "setTimeout")] as const;
  try {
    const stop = await listenOnPool(pool).listen("jobs", () => undefined);
    client.emit("end");
    const handles = timers.map(({ mock }) => mock.results.map(({ value }) => value as NodeJS.Timeout));
    expect(handles.map((made) => made.map((handle) => handle.hasRef()))).toEqual([[false], [false]]);
    await stop();
    expect(lends.count).toBe(1);
  } finally {
    vi.restoreAllMocks();
  }
});
