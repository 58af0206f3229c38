import { describe, expect, it } from "vitest";
import { drainDeadLetters } from "../../src/core/engine/reconcile/dead-letters.js";
import { DEFAULT_QUEUE } from "../../src/core/engine/context.js";
import { StoreUnavailableError, WaybillError } from "../../src/core/errors/errors.js";
import { encodeMessage, type PointerMessage } from "../../src/core/job/message.js";
import type { Delivery, Queue, ReceiveRequest } from "../../src/core/ports/queue.js";
import { type Process, world, type World } from "../support/relay-core.js";

interface Letter extends Delivery {
  fate: "acked" | number | null;
}

const fates = (letters: readonly Letter[]) => letters.map((letter) => letter.fate);

function letter(body: string, given: Partial<Delivery> = {}): Letter {
  const made: Letter = {
    body,
    receives: 1,
    sentAt: null,
    fate: null,
    ack: async () => {
      made.fate = "acked";
    },
    release: async (afterMs) => {
      made.fate = afterMs;
    },
    extend: async () => undefined,
    ...given,
  };
  return made;
}

function pointer(id: string, given: Partial<PointerMessage> = {}): string {
  return encodeMessage({ id, kind: "test.work", dispatch: 1, purpose: "run", trace: null, ...given });
}

/** A queue whose dead letters are these; what was neither acknowledged nor given back comes again. */
function queueWith(w: World, letters: readonly Letter[]): Queue {
  return {
    capabilities: w.queue.capabilities,
    send: (messages) => w.queue.send(messages),
    receive: (request) => w.queue.receive(request),
    close: () => w.queue.close(),
    deadLetters: {
      receive: async ({ max }) => letters.filter((each) => each.fate === null).slice(0, max),
    },
  };
}

function drain(w: World, letters: readonly Letter[], given: { budgetMs?: number } = {}) {
  const p = w.process({ queue: queueWith(w, letters) });
  const budget = { left: () => given.budgetMs ?? 1_000, signal: new AbortController().signal };
  return { p, drained: w.run(drainDeadLetters(p.core, p.dispatcher, DEFAULT_QUEUE, budget)) };
}

async function submitted(w: World): Promise<{ p: Process; id: string }> {
  const p = w.process();
  const id = await p.submit();
  w.queue.purge();
  return { p, id };
}

describe("dead letters", () => {
  it("of a job that waits hand it over again, for about a day; at last it is failed", async () => {
    const w = world();
    const { id } = await submitted(w);
    for (let dispatch = 1; dispatch <= 30; dispatch += 1) {
      const dead = letter(pointer(id, { dispatch }));
      expect(await drain(w, [dead]).drained).toEqual({ received: 1, recalled: 1, failed: 0, parked: 0 });
      expect(dead.fate).toBe("acked");
      expect((await w.read(id)).record).toMatchObject({ dispatch: dispatch + 1, redrives: dispatch });
    }
    expect((await drain(w, [letter(pointer(id, { dispatch: 31 }))]).drained).failed).toBe(1);
    expect((await w.read(id)).record.failure?.reason).toBe("dead_lettered");
  });

  it("never end a job that is being run, and old ones are dropped", async () => {
    const w = world();
    const { p, id } = await submitted(w);
    await p.claim(id);
    const letters = [
      letter(pointer(id, { dispatch: 99 })),
      letter(pointer(id)),
      letter(pointer(id, { purpose: "wake" })),
    ];
    expect(await drain(w, letters).drained).toEqual({ received: 3, recalled: 0, failed: 0, parked: 0 });
    expect(fates(letters)).toEqual(["acked", "acked", "acked"]);
    expect((await w.read(id)).record.status).toBe("PROCESSING");
  });

  it("that cannot be read are parked, once, and cut to what the store takes", async () => {
    const w = world();
    const long = "ü".repeat(40_000);
    const letters = [letter("no json"), letter("no json"), letter(long), letter("a\0b")];
    const { p, drained } = drain(w, letters);
    expect((await drained).parked).toBe(4);
    expect(fates(letters)).toEqual(["acked", "acked", "acked", "acked"]);
    expect(p.counted).toEqual(Array<string>(4).fill("message_parked"));
    const { messages } = await w.store.parked({ nowMs: w.clock.now(), limit: 10 });
    expect(messages).toHaveLength(3);
    const sizes = messages.map((message) => new TextEncoder().encode(message.body).length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(64 * 1024);
    expect(Math.max(...sizes)).toBeGreaterThan(64 * 1024 - 8);
    expect(messages.map((message) => message.body)).toContain("a\uFFFDb");
  });

  it("of a newer format wait for a process that knows it", async () => {
    const w = world();
    const newer = letter('{"v":2}');
    expect((await drain(w, [newer]).drained).received).toBe(1);
    expect(newer.fate).toBe(60_000);
  });

  it("of a job that is not there wait for it a while, then are parked", async () => {
    const w = world();
    const now = w.clock.now();
    const letters = [
      letter(pointer("young"), { sentAt: now - 60_000 }),
      letter(pointer("old"), { sentAt: now - 900_000 }),
      letter(pointer("ageless")),
    ];
    expect((await drain(w, letters).drained).parked).toBe(2);
    expect(fates(letters)).toEqual([840_000, "acked", "acked"]);
  });

  it("of a job that is removed at that moment are those of a job that is not there", async () => {
    const w = world((store) => ({
      ...store,
      write: async ({ nowMs, items }) => ({ nowMs, results: items.map(() => ({ status: "gone" })) }),
    }));
    w.queue.faults.breakSends("unknown_lost");
    const id = await w.process().submit();
    expect((await drain(w, [letter(pointer(id))]).drained).parked).toBe(1);
  });

  it("are given back while the store is away: a broker may hide them for as long as we are connected", async () => {
    const w = world();
    const { id } = await submitted(w);
    const dead = letter(pointer(id));
    w.faults.outage("store");
    await expect(drain(w, [dead]).drained).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(dead.fate).toBe(15_000);
  });

  it("that are trouble do not keep the others, nor the drain going round", async () => {
    const w = world((store) => ({
      ...store,
      read: async (request) => {
        if (request.ids.includes("trouble")) throw new RangeError("corrupt");
        return store.read(request);
      },
      park: () => Promise.reject(new RangeError("no")),
    }));
    const { id } = await submitted(w);
    const letters = [letter("no json"), letter(pointer(id))];
    const { p, drained } = drain(w, letters);
    await expect(drained).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(fates(letters)).toEqual([15_000, "acked"]);
    expect(p.warnings).toEqual([]);
  });

  it("that cannot be judged are given back, and said", async () => {
    const w = world();
    const { id } = await submitted(w);
    for (const [error, name] of [
      [new RangeError("odd"), "RangeError"],
      ["text", "not an Error"],
      [new WaybillError("store.corrupt", "A record is odd."), "store.corrupt"],
    ] as const) {
      const dead = letter(pointer(id));
      const { p, drained } = drain(w, [
        {
          ...dead,
          get body(): string {
            // eslint-disable-next-line @typescript-eslint/only-throw-error -- drivers throw anything
            throw error;
          },
        },
      ]);
      expect(await drained).toMatchObject({ received: 1 });
      expect(dead.fate).toBe(15_000);
      expect(p.warnings[0]?.fields).toEqual({ queue: "default", error: name });
    }
  });

  it("are spent once the recall is stored, although the new message could not be sent", async () => {
    const w = world();
    const { id } = await submitted(w);
    const dead = letter(pointer(id));
    const queue: Queue = { ...queueWith(w, [dead]), send: () => Promise.reject(new TypeError("broken")) };
    const p = w.process({ queue });
    const budget = { left: () => 1_000, signal: new AbortController().signal };
    expect(await w.run(drainDeadLetters(p.core, p.dispatcher, DEFAULT_QUEUE, budget))).toMatchObject({
      recalled: 1,
    });
    expect(dead.fate).toBe("acked");
    expect((await w.read(id)).record).toMatchObject({ status: "PENDING", dispatch: 2 });
  });

  it("survive a queue that takes neither acknowledgement nor return", async () => {
    const w = world();
    const refuse = () => Promise.reject(new Error("the receipt is old"));
    const letters = [
      letter('{"v":2}', { release: refuse }),
      letter(pointer("x", { purpose: "wake" }), { ack: refuse }),
    ];
    let left = 3;
    const p = w.process({ queue: queueWith(w, letters) });
    const budget = { left: () => left--, signal: new AbortController().signal };
    expect((await w.run(drainDeadLetters(p.core, p.dispatcher, DEFAULT_QUEUE, budget))).received).toBe(6);
  });

  it("are received within what the queue hands out at once", async () => {
    const w = world();
    const letters = [letter(pointer("x")), letter(pointer("y"))];
    const queue = queueWith(w, letters);
    const asked: number[] = [];
    const receive = async (request: ReceiveRequest) => {
      asked.push(request.max);
      return queue.deadLetters!.receive(request);
    };
    const capabilities = { ...queue.capabilities, maxBatch: 1 };
    const p = w.process({ queue: { ...queue, capabilities, deadLetters: { receive } } });
    const budget = { left: () => 1_000, signal: new AbortController().signal };
    await w.run(drainDeadLetters(p.core, p.dispatcher, DEFAULT_QUEUE, budget));
    expect(new Set(asked)).toEqual(new Set([1]));
  });

  it("are read only where the queue shows them, and while there is time", async () => {
    const w = world();
    const none = w.process({ queue: false });
    const budget = { left: () => 1, signal: AbortSignal.abort() };
    const nothing = { received: 0, recalled: 0, failed: 0, parked: 0 };
    expect(await drainDeadLetters(none.core, none.dispatcher, DEFAULT_QUEUE, budget)).toEqual(nothing);
    expect(await drain(w, [letter("x")], { budgetMs: 0 }).drained).toEqual(nothing);
    const p = w.process({ queue: queueWith(w, [letter("x")]) });
    expect(await drainDeadLetters(p.core, p.dispatcher, DEFAULT_QUEUE, budget)).toEqual(nothing);
  });
});
