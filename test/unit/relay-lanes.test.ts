import { describe, expect, it } from "vitest";
import { memoryNotifier } from "../../src/adapters/memory/notifier.js";
import type { ServerEvent } from "../../src/core/job/event.js";
import { defineNotifier, type Notifier, type PublishResult } from "../../src/core/ports/notifier.js";
import { submit } from "../../src/core/engine/submit/submit.js";
import { unwrap } from "../../src/core/errors/result.js";
import { WORK, world, type World } from "../support/relay-core.js";

const delivered = (events: readonly ServerEvent[]): readonly PublishResult[] =>
  events.map(() => ({ status: "delivered" }));
const forEver = (): Promise<never> => new Promise(() => undefined);
const byOwner = ({ owner }: ServerEvent): string => owner ?? "";

/** Stores jobs without anybody being told, and hands all of them to a relay. */
async function backlog(w: World, notifier: Notifier, owners: readonly string[]) {
  const p = w.process({ notifiers: { ui: notifier }, queue: false, mute: true });
  const submitted = owners.map((owner) => submit(p.core, p.dispatcher, WORK, {}, { owner }));
  const jobs = await w.run(Promise.all(submitted));
  return { p, ids: jobs.map((job) => unwrap(job).id) };
}

describe("reasons", () => {
  it.each<[string, PublishResult, string]>([
    ["retry", { status: "retry", reason: "503 from\nthe \u0007receiver" }, "503 from the receiver"],
    ["held", { status: "held", reason: "429", afterMs: 9_000 }, "429"],
    ["rejected", { status: "rejected", reason: "too large" }, "too large"],
    ["long", { status: "rejected", reason: "é".repeat(300) }, `${"é".repeat(199)}…`],
    [
      "a URL",
      { status: "retry", reason: "POST https://me:p@ss/w@host/x failed" },
      "POST https://host/x failed",
    ],
  ])("of %s reach the cursor, the hook and telemetry", async (_, answer, reason) => {
    const w = world();
    const ui = defineNotifier({ publish: async (events) => events.map(() => answer) });
    const { p, ids } = await backlog(w, ui, ["a"]);
    p.relay.kick(await w.read(ids[0]!));
    await w.clock.settle();
    expect((await w.read(ids[0]!)).cursors["ui"]!.reason).toBe(reason);
    expect(p.attempts[0]).toEqual({
      notifier: "ui",
      lane: "",
      eventId: `${ids[0]!}:1`,
      jobId: ids[0]!,
      attempt: 1,
      outcome: answer.status,
      reason,
      durationMs: 0,
    });
    expect(p.errors.map((error) => (error as Error).message)).toEqual([reason]);
  });

  it("of what is thrown say its name and code, never its text", async () => {
    const w = world();
    const error = Object.assign(new TypeError("the key is s3cret"), { code: "ECONNREFUSED" });
    const ui = defineNotifier({ publish: () => Promise.reject(error) });
    const { p, ids } = await backlog(w, ui, ["a"]);
    p.relay.kick(await w.read(ids[0]!));
    await w.clock.settle();
    expect(p.attempts.map(({ reason }) => reason)).toEqual(
      p.attempts.map(() => "the notifier threw TypeError (ECONNREFUSED)"),
    );
    expect(JSON.stringify([await w.read(ids[0]!), p.warnings])).not.toContain("s3cret");
  });

  it("waits for a held event without using up its time, and no longer than a day", async () => {
    const w = world();
    const ui = defineNotifier({
      giveUpAfterMs: 1,
      publish: async (events) => events.map(() => ({ status: "held", reason: "quota", afterMs: 1e12 })),
    });
    const { p, ids } = await backlog(w, ui, ["a"]);
    for (let day = 0; day < 3; day += 1) {
      await w.run(p.relay.deliver(await w.read(ids[0]!)));
      const cursor = (await w.read(ids[0]!)).cursors["ui"]!;
      expect(cursor).toMatchObject({ upTo: 0, since: null, exhausted: [] });
      expect(cursor.retryAt).toBeLessThanOrEqual(w.clock.now() + 86_400_000);
      await w.clock.advance(86_400_000);
    }
  });

  it("gives up after the notifier's own time, not the policy's", async () => {
    const w = world();
    const ui = memoryNotifier({ giveUpAfterMs: 60_000, maxBatch: 1 });
    ui.failNext("retry", { count: 1_000 });
    const { p, ids } = await backlog(w, ui, ["a"]);
    for (let minute = 0; minute < 10; minute += 1) {
      await w.run(p.relay.deliver(await w.read(ids[0]!)));
      await w.clock.advance(60_000);
    }
    expect((await w.read(ids[0]!)).cursors["ui"]!.exhausted).toContain(1);
    expect(p.attempts.map(({ outcome }) => outcome)).toContain("given_up");
  });
});

describe("lanes", () => {
  it("publishes events of one lane together and of two lanes apart, in turn, two calls each", async () => {
    const w = world();
    const calls: string[][] = [];
    let open = 0;
    let most = 0;
    const ui = defineNotifier({
      maxBatch: 4,
      lane: byOwner,
      publish: async (events) => {
        calls.push(events.map(byOwner));
        open += 1;
        most = Math.max(most, open);
        await new Promise<void>((resolve) => void w.clock.timer(1_000, resolve));
        open -= 1;
        return delivered(events);
      },
    });
    const owners = Array.from({ length: 40 }, (_, index) => (index < 30 ? "a" : "b"));
    const { p, ids } = await backlog(w, ui, owners);
    for (const id of ids) p.relay.kick(await w.read(id));
    await w.clock.settle();
    expect(calls.map(([owner]) => owner).sort()).toEqual(["a", "a", "b", "b"]);
    await w.clock.advance(60_000);
    expect(calls.every((owners) => new Set(owners).size === 1)).toBe(true);
    expect(calls.flat()).toHaveLength(80);
    expect(most).toBe(4);
  });

  it("is not held up by another lane that hangs: 600 jobs behind it, 200 of another owner", async () => {
    const lateness = async (withHanging: boolean): Promise<number> => {
      const w = world();
      const seen: number[] = [];
      const ui = defineNotifier({
        lane: byOwner,
        publish: async (events, { signal }) => {
          if (byOwner(events[0]!) === "hangs") {
            await new Promise<void>((resolve) => {
              signal.addEventListener("abort", () => {
                resolve();
              });
            });
            throw new Error("aborted");
          }
          await new Promise<void>((resolve) => void w.clock.timer(100, resolve));
          for (const _ of events) seen.push(w.clock.now());
          return delivered(events);
        },
      });
      const owners = Array.from({ length: 800 }, (_, index) => (index < 600 ? "hangs" : "well"));
      const { p, ids } = await backlog(w, ui, owners);
      const from = w.clock.now();
      for (const [index, id] of ids.entries())
        if (withHanging || owners[index] === "well") p.relay.kick(await w.read(id));
      await w.clock.advance(600_000);
      expect(seen).toHaveLength(400);
      return seen.sort((a, b) => a - b)[Math.floor(seen.length * 0.99)]! - from;
    };
    expect(await lateness(true)).toBeLessThanOrEqual(2 * (await lateness(false)));
  });

  it("never has more than 20 open calls at a notifier that ignores its signal, and two a lane", async () => {
    const w = world();
    const open = new Map<string, number>();
    const ui = defineNotifier({
      lane: byOwner,
      publish: (events) => {
        const [owner] = events.map(byOwner);
        open.set(owner!, (open.get(owner!) ?? 0) + 1);
        return forEver();
      },
    });
    const owners = Array.from({ length: 120 }, (_, index) => `o${index % 30}`);
    const { p, ids } = await backlog(w, ui, owners);
    for (let minutes = 0; minutes < 20; minutes += 1) {
      for (const id of ids) p.relay.kick(await w.read(id));
      await w.clock.advance(60_000);
    }
    const counts = [...open.values()];
    expect(counts.reduce((sum, each) => sum + each, 0)).toBe(20);
    expect(Math.max(...counts)).toBeLessThanOrEqual(2);
    // Nobody waits for them in vain: the jobs are put back, and a flush ends.
    expect(await w.run(p.relay.flush(1_000))).toBe(true);
    expect((await w.read(ids[0]!)).cursors["ui"]!.reason).toContain("have not ended");
  });

  it("gives an event its lane back when the notifier lets go of a call that it ignored", async () => {
    const w = world();
    const ends: (() => void)[] = [];
    const got: string[] = [];
    const ui = defineNotifier({
      publish: async (events) => {
        if (ends.length < 2) await new Promise<void>((resolve) => ends.push(resolve));
        got.push(...events.map(({ id }) => id));
        return delivered(events);
      },
    });
    const { p, ids } = await backlog(w, ui, ["a", "b", "c"]);
    for (const id of ids.slice(0, 2)) {
      p.relay.kick(await w.read(id));
      await w.clock.settle();
    }
    await w.clock.advance(15_000);
    p.relay.kick(await w.read(ids[2]!));
    await w.clock.advance(10_000);
    expect(got).toEqual([]);
    for (const end of ends) end();
    await w.clock.advance(60_000);
    await p.pass();
    expect(got).toContain(`${ids[2]!}:2`);
  });

  it("tries an event alone only after a call that threw or timed out", async () => {
    const w = world();
    const sizes: number[] = [];
    let answer: "throw" | PublishResult = { status: "retry", reason: "503" };
    const ui = defineNotifier({
      publish: async (events) => {
        sizes.push(events.length);
        if (answer === "throw") throw new Error("broken");
        const given = answer;
        return events.map(() => given);
      },
    });
    const { p, ids } = await backlog(w, ui, ["a", "b"]);
    const again = async () => {
      for (const id of ids) p.relay.kick(await w.read(id));
      await w.clock.settle();
      await w.clock.advance(10_000);
    };
    await again();
    answer = "throw";
    await again();
    answer = { status: "delivered" };
    await again();
    expect(sizes).toEqual([4, 4, 1, 1, 1, 1]);
  });

  it("keeps the events of a job in order across its lanes", async () => {
    const w = world();
    const calls: string[] = [];
    const ui = defineNotifier({
      lane: ({ version }) => (version % 2 === 0 ? "even" : "odd"),
      publish: async (events) => {
        calls.push(events.map(({ version }) => version).join());
        return delivered(events);
      },
    });
    const { p, ids } = await backlog(w, ui, ["a"]);
    await p.complete(await p.claim(ids[0]!));
    p.relay.kick(await w.read(ids[0]!));
    await w.clock.settle();
    expect(calls).toEqual(["1", "2", "3", "4"]);
  });

  it("delivers although the notifier's lane throws or is no text", async () => {
    const w = world();
    const got: ServerEvent[] = [];
    const ui = defineNotifier({
      lane: ({ version }) => {
        if (version === 1) throw new Error("broken");
        return 7 as unknown as string;
      },
      publish: async (events) => {
        got.push(...events);
        return delivered(events);
      },
    });
    const { p, ids } = await backlog(w, ui, ["a"]);
    p.relay.kick(await w.read(ids[0]!));
    await w.clock.settle();
    expect(got.map(({ version }) => version)).toEqual([1, 2]);
    expect(p.attempts.map(({ lane }) => lane)).toEqual(["", ""]);
  });
});
