import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/core/environment/clock.js";
import { HEARTBEAT } from "../../src/core/wire/hints.js";
import { watchLink } from "../../src/core/wire/hints/heartbeat.js";
import { HintListeners } from "../../src/core/wire/hints/listeners.js";
import { postgresFeed } from "../../src/postgres.js";
import { redisFeed, type RedisClient, type RedisSubscriber } from "../../src/redis.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

const FOUND_WITHIN_MS = 45_000;

describe("a link that is watched", () => {
  /** Ends that share one channel. */
  function fleet(count: number) {
    const clock = fakeClock();
    const beats: number[] = [];
    const broken: number[] = [];
    let carries = true;
    const ends = Array.from({ length: count }, (_, index) =>
      watchLink({
        clock,
        random: () => (index + 0.5) / count,
        beat: async () => {
          beats.push(clock.now());
          if (carries) for (const end of ends) end.heard();
        },
        broken: () => broken.push(clock.now()),
      }),
    );
    return { clock, beats, broken, ends, cut: () => (carries = false) };
  }

  it("hears one heartbeat in 15 s at the most, however many listen", async () => {
    const { clock, beats, broken } = fleet(20);
    await clock.advance(300_000);
    expect(beats.length).toBeGreaterThanOrEqual(20);
    expect(beats.length).toBeLessThanOrEqual(25);
    expect(broken).toEqual([]);
  });

  it("needs no heartbeat while anything comes through", async () => {
    const { clock, beats, ends } = fleet(1);
    for (let passed = 0; passed < 100_000; passed += 10_000) {
      await clock.advance(10_000);
      ends[0]!.heard();
    }
    expect(beats).toEqual([]);
  });

  it("is found within 45 s where it carries nothing any more, and again where the next one does not either", async () => {
    const { clock, broken, cut } = fleet(1);
    await clock.advance(60_000);
    cut();
    const cutAt = clock.now();
    await clock.advance(FOUND_WITHIN_MS);
    expect(broken).toHaveLength(1);
    expect(broken[0]! - cutAt).toBeLessThanOrEqual(FOUND_WITHIN_MS);
    await clock.advance(FOUND_WITHIN_MS);
    expect(broken).toHaveLength(2);
  });

  it("leaves no timer behind when it is stopped", () => {
    const { clock, ends } = fleet(1);
    ends[0]!.stop();
    expect(clock.pending()).toBe(0);
  });
});

describe("those who listen", () => {
  it("hear on where one of them throws, and hear of gaps", () => {
    const listeners = new HintListeners();
    const heard: string[] = [];
    const thrower = (): void => {
      throw new Error("mine alone");
    };
    listeners.add(thrower, { onGap: thrower });
    const leave = listeners.add(({ id }) => heard.push(id), { onGap: () => heard.push("gap") });
    listeners.hear('[["a","k",1,null,null]]');
    listeners.gap();
    leave();
    leave();
    listeners.hear('[["b","k",1,null,null]]');
    expect(heard).toEqual(["a", "gap"]);
  });
});

/** A server that carries what is published, until it is cut: then it takes all and carries nothing. */
function redisDouble() {
  const subscribers: { heard: (channel: string, message: string) => void; gone: boolean; cut: boolean }[] =
    [];
  const client = {
    status: "ready",
    publish: async (channel: string, message: string) => {
      for (const each of subscribers) if (!each.gone && !each.cut) each.heard(channel, message);
    },
    duplicate: (): RedisSubscriber => {
      const own = { heard: (() => undefined) as (c: string, m: string) => void, gone: false, cut: false };
      subscribers.push(own);
      return {
        subscribe: async () => undefined,
        unsubscribe: async () => undefined,
        on: (event: string, listener: (...given: never[]) => void) => {
          if (event === "message") own.heard = listener as (c: string, m: string) => void;
        },
        disconnect: () => {
          own.gone = true;
        },
      };
    },
  } as unknown as RedisClient;
  return { client, subscribers };
}

describe("a feed whose link is half open", () => {
  it("on Redis, listens on another connection within 45 s and tells of the gap", async () => {
    const clock = fakeClock();
    const { client, subscribers } = redisDouble();
    const feed = redisFeed({ client, channel: "c", clock });
    const heard: string[] = [];
    await feed.subscribe(({ id }) => heard.push(id), { onGap: () => heard.push("gap") });
    await clock.advance(120_000);
    expect([heard, subscribers.length]).toEqual([[], 1]);
    subscribers[0]!.cut = true;
    await clock.advance(FOUND_WITHIN_MS);
    expect([heard, subscribers.length, subscribers[0]!.gone]).toEqual([["gap"], 2, true]);
    await feed.publish([{ id: "a", kind: "k", version: 1, owner: null, subject: null }]);
    expect(heard).toEqual(["gap", "a"]);
    await feed.close();
    expect(clock.pending()).toBe(0);
  });

  it("on Redis, keeps its connection for a moment when nobody listens, and then lets go of it", async () => {
    const clock = fakeClock();
    const { client, subscribers } = redisDouble();
    const feed = redisFeed({ client, channel: "c", clock });
    await (
      await feed.subscribe(() => undefined)
    )();
    await (
      await feed.subscribe(() => undefined)
    )();
    expect([subscribers.length, subscribers[0]!.gone]).toEqual([1, false]);
    await clock.advance(5_000);
    expect(subscribers[0]!.gone).toBe(true);
    expect(clock.pending()).toBe(0);
  });

  it("on Redis, lets go of its connection when its client has ended, and listens again when that is back", async () => {
    const { client, subscribers } = redisDouble();
    const feed = redisFeed({ client, channel: "c", clock: fakeClock() });
    const heard: string[] = [];
    await feed.subscribe(({ id }) => heard.push(id), { onGap: () => heard.push("gap") });
    Object.assign(client, { status: "end" });
    await expect.poll(() => subscribers.map(({ gone }) => gone)).toEqual([true]);
    Object.assign(client, { status: "ready" });
    await expect.poll(() => subscribers.map(({ gone }) => gone)).toEqual([true, false]);
    await expect.poll(() => heard).toEqual(["gap"]);
    await feed.close();
  });

  /** What listens on Postgres: links that carry until they are cut. */
  function postgresDouble(clock: Clock) {
    const links: { heard: (payload: string) => void; cut: boolean; stopped: boolean }[] = [];
    const feed = postgresFeed({
      clock,
      client: {
        query: async (_text, params = []) => {
          const payloads = JSON.parse(params[1] ?? "[]") as string[];
          for (const link of links)
            for (const payload of payloads) if (!link.cut && !link.stopped) link.heard(payload);
          return { rows: [] };
        },
      },
      listen: {
        listen: async (_channel, heard) => {
          const link = { heard, cut: false, stopped: false };
          links.push(link);
          return async () => {
            link.stopped = true;
          };
        },
      },
    });
    return { feed, links };
  }

  it("on Postgres, listens anew within 45 s and tells of the gap", async () => {
    const clock = fakeClock();
    const { feed, links } = postgresDouble(clock);
    const heard: string[] = [];
    await feed.subscribe(({ id }) => heard.push(id), { onGap: () => heard.push("gap") });
    await clock.advance(120_000);
    expect([heard, links.length]).toEqual([[], 1]);
    links[0]!.cut = true;
    await clock.advance(FOUND_WITHIN_MS);
    expect([heard, links.length, links[0]!.stopped]).toEqual([["gap"], 2, true]);
    await feed.close();
    expect(clock.pending()).toBe(0);
  });

  it("on Postgres, is refused where notifications are swallowed, and then without a statement for ten minutes", async () => {
    const clock = fakeClock();
    let statements = 0;
    let listened = 0;
    const feed = postgresFeed({
      clock,
      client: {
        query: async () => {
          statements += 1;
          return { rows: [] };
        },
      },
      listen: {
        listen: async () => {
          listened += 1;
          return async () => undefined;
        },
      },
    });
    const refused = (): Promise<unknown> =>
      clock.runUntil(
        feed
          .subscribe(() => undefined)
          .then(
            () => null,
            (error: unknown) => error,
          ),
      );
    expect(await refused()).toMatchObject({ code: "feed.unavailable" });
    expect(await refused()).toMatchObject({ code: "feed.unavailable" });
    // Twice within one attempt: a process that stood still for a moment judges no link by one silence.
    expect([statements, listened]).toEqual([2, 1]);
    await clock.advance(600_000);
    await refused();
    expect([statements, listened]).toEqual([4, 2]);
  });
});

it("a heartbeat is a payload without hints", () => {
  expect(JSON.parse(HEARTBEAT)).toEqual([]);
});
