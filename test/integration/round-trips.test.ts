import { describe, expect, it } from "vitest";
import { applyCommand } from "../../src/core/engine/store/apply.js";
import { cancel } from "../../src/core/engine/command/commands.js";
import { report } from "../../src/core/engine/command/report.js";
import { get, list } from "../../src/core/engine/read/reads.js";
import { createRuntime } from "../../src/core/engine/compose/runtime.js";
import { submit, submitMany } from "../../src/core/engine/submit/submit.js";
import { watch } from "../../src/core/engine/read/watch.js";
import { createWorker } from "../../src/core/engine/worker/worker.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { refuse } from "../../src/core/decide/change/change.js";
import { countingStore } from "../../src/testing/counting.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { seededIds } from "../../src/testing/seeded-ids.js";
import {
  claimed,
  completed,
  mail,
  mailKind,
  recoverKind,
  submitted,
  tracked,
  type World,
  world,
} from "../support/engine.js";

const methods = (at: World) => at.trips.calls.map(({ method }) => method);

function submits(at: World, count: number) {
  const each = Array.from({ length: count }, (_, index) =>
    submit(at.core, at.dispatcher, mailKind, { to: `p-${index}` }),
  );
  return at.run(Promise.all(each));
}

describe("round trips of submit", () => {
  it("with the store as the queue: 1", async () => {
    const at = world();
    await submits(at, 1);
    expect(methods(at)).toEqual(["create"]);
  });

  it.each([10, 50, 120])("with the store as the queue, %i at once: one for each fifty", async (count) => {
    const at = world();
    await submits(at, count);
    expect(at.trips.counts.create).toBe(Math.ceil(count / 50));
    expect(at.trips.total()).toBe(Math.ceil(count / 50));
  });

  it("through a queue: create 1, send 1, mark 1", async () => {
    const at = world({ queue: true });
    await submits(at, 1);
    expect([methods(at), at.sends.counts.send]).toEqual([["create", "write"], 1]);
  });

  it("through a queue, ten at once: the same three", async () => {
    const at = world({ queue: true });
    await submits(at, 10);
    expect([methods(at), at.sends.calls]).toEqual([["create", "write"], [{ method: "send", items: 10 }]]);
  });

  it("through a queue, a hundred at once: sends as many as the queue needs, marks no more than sends", async () => {
    const at = world({ queue: true });
    await submits(at, 100);
    expect([at.trips.counts.create, at.sends.counts.send]).toEqual([2, 10]);
    expect(at.trips.counts.write).toBeLessThanOrEqual(10);
  });

  it("of many in one call: as of as many at once", async () => {
    const at = world();
    const items = Array.from({ length: 100 }, (_, index) => ({ input: { to: `p-${index}` } }));
    await at.run(submitMany(at.core, at.dispatcher, mailKind, items));
    expect(methods(at)).toEqual(["create", "create"]);
  });

  it("repeated under its key: 1, and one more for the output of a COMPLETED job", async () => {
    const at = world();
    const key = { idempotencyKey: "k" };
    const { id } = await submitted(at, { to: "ann" }, key);
    at.trips.reset();
    await submitted(at, { to: "ann" }, key);
    expect(methods(at)).toEqual(["create"]);
    await completed(at, await claimed(at, id));
    at.trips.reset();
    await submitted(at, { to: "ann" }, key);
    expect(methods(at)).toEqual(["create", "read"]);
  });
});

describe("round trips of commands and reads", () => {
  it("get: 1, and many in one turn: 1", async () => {
    const at = world();
    const { id } = await submitted(at);
    const other = await submitted(at);
    at.trips.reset();
    await at.run(get(at.core, id, null));
    expect(methods(at)).toEqual(["read"]);
    await at.run(Promise.all([id, other.id, id].map((one) => get(at.core, one, null))));
    expect(at.trips.calls.at(-1)).toEqual({ method: "read", items: 2 });
    expect(at.trips.total()).toBe(2);
  });

  it("list: 1", async () => {
    const at = world();
    await submitted(at);
    at.trips.reset();
    await at.run(list(at.core, { kind: "mail.send" }));
    expect(methods(at)).toEqual(["list"]);
  });

  it("cancel: 1 read and 1 write", async () => {
    const at = world();
    const { id } = await submitted(at);
    at.trips.reset();
    await at.run(cancel(at.core, at.dispatcher, id, {}));
    expect(methods(at)).toEqual(["read", "write"]);
  });

  it("a refused write: no read besides, since the refusal brings the record", async () => {
    const at = world();
    const { id } = await submitted(at);
    const held = await claimed(at, id);
    await completed(at, held);
    at.trips.reset();
    const applied = await at.run(
      applyCommand(at.core, held, (seen, context) =>
        seen.record.version === held.record.version
          ? {
              do: "write",
              item: {
                id,
                guard: { status: "PROCESSING", version: held.record.version, token: held.record.token },
                patch: { version: held.record.version + 1, updatedAt: context.now },
                history: { append: "" },
              },
              entries: [],
              trimmed: [],
              after: seen,
            }
          : refuse("already_final"),
      ),
    );
    expect([applied.status, methods(at)]).toEqual(["refused", ["write"]]);
  });

  it("report: look-up, write, and a read of the job for the answer", async () => {
    const at = world();
    const { id } = await submitted(at, { plan: "1" }, {}, recoverKind);
    await tracked(at, await claimed(at, id), { region: "eu", ids: ["i"] });
    at.trips.reset();
    await at.run(report(at.core, recoverKind, "i", { state: "done", output: { ready: 1 } }));
    expect(methods(at)).toEqual(["byRef", "write", "read"]);
  });

  it("watch: a read at the start, one for each change that is told, one in ten seconds of silence", async () => {
    const at = world();
    const { id } = await submitted(at);
    at.trips.reset();
    const ended = (async () => {
      for await (const job of watch(at.core, at.runtime.hints, id, null)) expect(job.id).toBe(id);
    })();
    await at.clock.settle();
    expect(methods(at)).toEqual(["read"]);
    await at.clock.advance(30_000);
    expect(methods(at)).toEqual(["read", "read", "read", "read"]);
    const held = await claimed(at, id);
    at.trips.reset();
    await completed(at, held);
    await at.clock.settle();
    await ended;
    expect(methods(at)).toEqual(["write", "read"]);
  });
});

describe("round trips of a worker", () => {
  /** A worker on a store of `count` jobs, run until all are done. */
  async function worked(count: number, concurrency: number, over: { readonly claimApart?: boolean } = {}) {
    const clock = fakeClock();
    const inner = memoryStore();
    const { capabilities } = inner;
    const { signal } = new AbortController();
    // A store that cannot claim in the trip of a write says so, and is never asked to.
    const store = over.claimApart === true ? apart(inner, { ...capabilities, writeThenClaim: false }) : inner;
    const trips = countingStore(store);
    const runtime = createRuntime({ jobs: [mailKind], store: trips.store, clock, ids: seededIds(3) });
    const items = Array.from({ length: count }, (_, index) => ({ input: { to: `p-${index}` } }));
    await clock.runUntil(submitMany(runtime.core, runtime.dispatcher, mailKind, items));
    trips.reset();
    let done = 0;
    const handler = mail.handle(async () => {
      done += 1;
      return { sent: 1 };
    })["~handler"];
    const worker = createWorker(runtime.core, runtime.dispatcher, runtime.reconciler, [handler], {
      concurrency,
      reconcile: false,
    });
    const running = worker.run({ signal });
    await clock.settle();
    const calls = trips.calls.map(({ method, items: size }) => ({ method, items: size }));
    await clock.runUntil(worker.stop());
    await running;
    return { done, calls, of: (method: string) => calls.filter((call) => call.method === method) };
  }

  function apart(store: ReturnType<typeof memoryStore>, capabilities: typeof store.capabilities) {
    return new Proxy(store, {
      get: (target, name) => {
        if (name === "capabilities") return capabilities;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? (value as () => unknown).bind(target) : value;
      },
    });
  }

  it("claim: 1 for a batch; completion: 1 for all that finish in one turn", async () => {
    const { done, calls, of } = await worked(8, 10);
    expect(done).toBe(8);
    expect(of("claim").length).toBeLessThanOrEqual(2);
    expect(of("write")).toEqual([{ method: "write", items: 8 }]);
    expect(calls.length).toBeLessThanOrEqual(3);
  });

  it("completion and the next claim share a trip where the store can do both", async () => {
    const together = await worked(100, 10);
    const separate = await worked(100, 10, { claimApart: true });
    expect([together.done, separate.done]).toEqual([100, 100]);
    expect(together.calls.length).toBeLessThan(separate.calls.length);
    expect(together.of("claim").length).toBeLessThanOrEqual(3);
  });
});
