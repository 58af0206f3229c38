// What fails while the feed of the Postgres store begins to listen or ends: no failure of a store, a queue or a notifier
// leads there.
import { afterEach, describe, expect, it, vi } from "vitest";
import { listenOnPg, type PgListenerClient } from "../../../src/adapters/postgres/listen/pg-listener.js";
import type { Feed } from "../../../src/core/ports/feed.js";
import { type PostgresListener, postgresStore } from "../../../src/postgres.js";

const gone = (): Promise<never> => Promise.reject(new Error("the connection is gone"));

function feedOn(listen: PostgresListener): Feed {
  const client = { query: async () => ({ rows: [] }) };
  return postgresStore({ client, listen }).feed!;
}

/** A promise to be settled from outside. */
function open<T>() {
  let settle: { resolve: (value: T) => void; reject: (error: Error) => void } | null = null;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle! };
}

/** A client of `pg` whose connection is what the test makes of it. */
function clientOf(given: Partial<Pick<PgListenerClient, "connect" | "query" | "end">>) {
  const heard = new Map<string, () => void>();
  const client: PgListenerClient = {
    connect: async () => undefined,
    query: async () => undefined,
    end: async () => undefined,
    on: (event: string, listener: (given: never) => void) => heard.set(event, listener as () => void),
    ...given,
  };
  return { client, lose: () => heard.get("end")?.() };
}

afterEach(() => {
  vi.useRealTimers();
});

describe("the feed of the Postgres store, where its connection fails it", () => {
  it("closes while it begins to listen in vain", async () => {
    const listening = open<() => Promise<void>>();
    const feed = feedOn({ listen: () => listening.promise });
    const subscribed = feed.subscribe(() => undefined);
    const closed = feed.close();
    listening.reject(new Error("no connection"));
    await expect(subscribed).rejects.toMatchObject({ code: "feed.unavailable" });
    await expect(closed).resolves.toBeUndefined();
  });

  it("closes where it cannot say so any more", async () => {
    const stop = vi.fn(gone);
    const feed = feedOn({
      listen: async (_channel, onPayload) => {
        setTimeout(onPayload, 0, "[]");
        return stop;
      },
    });
    await feed.subscribe(() => undefined);
    await expect(feed.close()).resolves.toBeUndefined();
    expect(stop).toHaveBeenCalledOnce();
  });

  it("tells why it could not connect, not that the connection could not be ended either", async () => {
    const end = vi.fn(gone);
    const connect = () => Promise.reject(new Error("no such host"));
    const { client } = clientOf({ connect, end });
    await expect(listenOnPg(() => client).listen("channel", () => undefined)).rejects.toThrow("no such host");
    expect(end).toHaveBeenCalledOnce();
  });

  it("lets go of a connection that comes when nobody listens any more", async () => {
    vi.useFakeTimers();
    const connected = open<null>();
    const end = vi.fn(gone);
    const first = clientOf({});
    const second = clientOf({ connect: () => connected.promise, end });
    const clients = [first.client, second.client];
    const stop = await listenOnPg(() => clients.shift()!).listen("channel", () => undefined);
    first.lose();
    await vi.advanceTimersByTimeAsync(1_000);
    await stop();
    connected.resolve(null);
    await vi.advanceTimersByTimeAsync(0);
    expect(end).toHaveBeenCalledOnce();
  });
});
