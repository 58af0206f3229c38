import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { cancel as decideCancel } from "../../../src/core/decide/cancel.js";
import { complete } from "../../../src/core/decide/finish.js";
import { applyCommand } from "../../../src/core/engine/store/apply.js";
import {
  cancel,
  dispatch,
  knownDefinition,
  recall,
  rerun,
} from "../../../src/core/engine/command/commands.js";
import { report } from "../../../src/core/engine/command/report.js";
import { decodeHistory } from "../../../src/core/job/history.js";
import type { Result } from "../../../src/core/errors/result.js";
import { fakeClock } from "../../../src/testing/fake-clock.js";
import {
  claimed,
  completed,
  failedFor,
  mailKind,
  recoverKind,
  rejection,
  stored,
  submitted,
  tracked,
  type World,
  world,
} from "../../support/engine.js";

const codeOf = (result: Result<unknown, { readonly code: string }>): string =>
  result.ok ? "ok" : result.error.code;

const entriesOf = async (at: World, id: string) => decodeHistory((await stored(at, id)).record.history);

/** A job that waits for external work. */
async function waiting(at: World, ids: readonly string[] = ["i-1"], cancellable = true): Promise<string> {
  const { id } = await submitted(at, { plan: "42" }, {}, recoverKind);
  await tracked(at, await claimed(at, id), { region: "eu", ids }, cancellable);
  return id;
}

describe("cancel", () => {
  const ask = (at: World, id: string, options = {}) => at.run(cancel(at.core, at.dispatcher, id, options));

  it.each([
    ["PENDING", "T8", true],
    ["QUEUED", "T9", false],
  ] as const)("ends a %s job at once", async (status, edge, queue) => {
    const at = world({ queue });
    if (queue) at.queue.faults.breakSends("unknown_lost");
    const { id, status: before } = await submitted(at);
    const result = await ask(at, id, { reason: "not needed", actor: "ann" });
    expect(before).toBe(status);
    expect(result).toMatchObject({
      ok: true,
      value: {
        status: "FAILED",
        word: "withdrawn",
        failure: { reason: "cancelled", message: "not needed", expose: true },
      },
    });
    expect((await entriesOf(at, id)).at(-1)).toMatchObject({ edge, actor: "ann", text: "not needed" });
    expect(codeOf(await ask(at, id))).toBe("job.already_final");
  });

  it("asks the worker of a running job to stop; asked twice, it is one request", async () => {
    const at = world();
    const { id } = await submitted(at);
    await claimed(at, id);
    const first = await ask(at, id, { reason: "too slow", actor: "ann" });
    expect(first).toMatchObject({
      ok: true,
      value: { status: "PROCESSING", cancelRequestedAt: expect.any(Date) },
    });
    at.trips.reset();
    const second = await ask(at, id, { reason: "again", actor: "bob" });
    expect(second.ok && second.value.version).toBe(first.ok && first.value.version);
    expect(at.trips.calls.map(({ method }) => method)).toEqual(["read"]);
    expect((await stored(at, id)).record.cancel).toMatchObject({ actor: "ann", reason: "too slow" });
  });

  it("has external work looked at, which can be cancelled", async () => {
    const at = world();
    const id = await waiting(at);
    expect(await ask(at, id)).toMatchObject({ ok: true, value: { status: "PROCESSING" } });
    expect((await stored(at, id)).record.wakeAt).toBe(at.clock.now());
  });

  it("refuses where external work cannot be cancelled, and writes nothing", async () => {
    const at = world();
    const id = await waiting(at, ["i-1"], false);
    const { version } = (await stored(at, id)).record;
    expect(codeOf(await ask(at, id))).toBe("job.cannot_cancel");
    expect((await stored(at, id)).record.version).toBe(version);
  });

  it.each([true, false])("refuses a job that is final already (completed: %s)", async (well) => {
    const at = world();
    const { id } = await submitted(at);
    const held = await claimed(at, id);
    await (well ? completed(at, held) : failedFor(at, held));
    expect(codeOf(await ask(at, id))).toBe("job.already_final");
  });

  it("says that there is no such job, also when it goes in between", async () => {
    const at = world();
    expect(codeOf(await ask(at, "none"))).toBe("job.not_found");
    const { id } = await submitted(at);
    const core: World["core"] = {
      ...at.core,
      gateway: { ...at.core.gateway, write: async () => ({ status: "gone" }) },
    };
    expect(codeOf(await at.run(cancel(core, at.dispatcher, id, {})))).toBe("job.not_found");
  });

  it("takes a reason as long as any text that is kept", async () => {
    const at = world();
    const { id } = await submitted(at);
    const reason = "x".repeat(at.core.policy.maxTextChars);
    expect(codeOf(await ask(at, id, { reason }))).toBe("ok");
    expect(await rejection(at, cancel(at.core, at.dispatcher, id, { reason: `${reason}x` }))).toMatchObject({
      code: "config.invalid",
    });
  });

  it("shows the output when its request had been stored and the job completed since", async () => {
    const at = world();
    const { id } = await submitted(at);
    const held = await claimed(at, id);
    at.faults.store("write", { fault: "response_lost" });
    at.faults.store("write", { nth: 2, fault: "delay", delayMs: 5_000 });
    const asked = cancel(at.core, at.dispatcher, id, {});
    await at.clock.advance(1_000);
    const other = world({ seed: 2, clock: at.clock }, at.trips.store);
    at.faults.heal();
    const now = await stored(other, id);
    await completed(other, { record: now.record, cursors: now.cursors }, { sent: 9 });
    expect(held.record.token).toBe(now.record.token);
    expect(await at.run(asked)).toMatchObject({
      ok: true,
      value: { status: "COMPLETED", output: { sent: 9 } },
    });
  });

  it("says that the change is stored when only the job cannot be read after it", async () => {
    const at = world();
    const { id } = await submitted(at, { plan: "1" }, {}, recoverKind);
    await tracked(at, await claimed(at, id), { region: "eu", ids: ["i"] });
    at.faults.store("read", { fault: "not_applied" });
    const error = await rejection(
      at,
      report(at.core, recoverKind, "i", { state: "done", output: { ready: 1 } }),
    );
    expect(error).toMatchObject({ code: "store.unavailable", outcome: "applied", jobId: id });
    expect((await stored(at, id)).record.status).toBe("COMPLETED");
  });

  it("is said to be stored where the job is removed right after: there is no COMPLETED job without its output", async () => {
    const at = world();
    const id = await waiting(at);
    const core: World["core"] = { ...at.core, gateway: { ...at.core.gateway, read: async () => null } };
    await expect(
      at.run(report(core, recoverKind, "i-1", { state: "done", output: { ready: 1 } })),
    ).rejects.toMatchObject({ code: "store.unavailable", outcome: "applied", jobId: id });
  });

  it("asks for a look at external work at once, by a message where its queue can carry one", async () => {
    const at = world();
    const { id } = await submitted(at, { plan: "1" }, {}, recoverKind);
    await tracked(at, await claimed(at, id), { region: "eu", ids: ["i"] });
    const woken: { id: string; afterMs: number }[] = [];
    const wake: World["dispatcher"]["wake"] = async (record, afterMs) => {
      woken.push({ id: record.id, afterMs });
    };
    await at.run(cancel(at.core, { ...at.dispatcher, wake }, id, {}));
    expect(woken).toEqual([{ id, afterMs: 0 }]);
  });

  it("and a completion at the same time: whoever is first decides, and the other hears of it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const clock = fakeClock();
        const inner = memoryStore();
        const at = world({ clock }, inner);
        const { id } = await submitted(at);
        const held = await claimed(at, id);
        // Writes reach the store in an order that the scheduler chooses.
        const racing = (): World["core"] => ({
          ...at.core,
          gateway: {
            ...at.core.gateway,
            write: scheduler.scheduleFunction(async (item) => {
              const { results } = await inner.write({ nowMs: clock.now(), items: [item] });
              return results[0]!;
            }),
          },
        });
        const output = '{"sent":1}';
        const token = held.record.token!;
        const ending = applyCommand(racing(), held, (seen, context) =>
          complete(seen, { token, output }, context),
        );
        const asking = applyCommand(racing(), held, (seen, context) =>
          decideCancel(seen, { reason: null }, context),
        );
        await scheduler.waitFor(Promise.all([ending, asking]));
        const { record } = (await inner.read({ nowMs: clock.now(), ids: [id] })).jobs[0]!;
        const edges = decodeHistory(record.history).map(({ edge }) => edge);
        expect(record.status).toBe("COMPLETED");
        expect(edges.filter((edge) => edge === "T5")).toHaveLength(1);
        expect((await ending).status).toBe("applied");
        expect((await asking).status).toBe(edges.includes("cancel") ? "applied" : "refused");
      }),
      { numRuns: 30 },
    );
  });

  it("and a claim at the same time: either the job never runs, or its worker is asked to stop", async () => {
    for (const first of ["cancel", "claim"] as const) {
      const at = world();
      const { id } = await submitted(at);
      const asked = () => cancel(at.core, at.dispatcher, id, {});
      const taken = () =>
        claimed(at, id).then(
          () => "claimed",
          () => "refused",
        );
      if (first === "cancel") {
        const [answer] = await Promise.all([asked(), at.clock.settle()]);
        expect([codeOf(answer), await taken()]).toEqual(["ok", "refused"]);
      } else {
        expect([await taken(), codeOf(await at.run(asked()))]).toEqual(["claimed", "ok"]);
        expect((await stored(at, id)).record).toMatchObject({
          status: "PROCESSING",
          cancel: { actor: null },
        });
      }
    }
  });
});

describe("rerun", () => {
  const again = (at: World, id: string, options = {}, kind: string | null = null) =>
    at.run(rerun(at.core, at.dispatcher, id, kind, options));

  async function failedJob(at: World): Promise<string> {
    const { id } = await submitted(at, { to: "ann" }, { owner: "o", subject: "s:1", metadata: { page: 1 } });
    await failedFor(at, await claimed(at, id));
    return id;
  }

  it("makes a new job of the same subject, owner, metadata and input that names its origin", async () => {
    const at = world();
    const id = await failedJob(at);
    const result = await again(at, id, { actor: "bob" });
    expect(result).toMatchObject({
      ok: true,
      value: {
        status: "QUEUED",
        origin: id,
        owner: "o",
        subject: "s:1",
        metadata: { page: 1 },
        input: { to: "ann" },
      },
    });
    if (!result.ok) return;
    expect(result.value.id).not.toBe(id);
    expect((await entriesOf(at, result.value.id))[0]).toMatchObject({ actor: "bob" });
    expect((await stored(at, id)).record.status).toBe("FAILED");
  });

  it("asked twice with one key, makes one new job, and never takes another for it", async () => {
    const at = world();
    const { id } = await submitted(at, { to: "ann" }, { idempotencyKey: "first" });
    await failedFor(at, await claimed(at, id));
    const [once, twice] = [
      await again(at, id, { idempotencyKey: "k" }),
      await again(at, id, { idempotencyKey: "k" }),
    ];
    expect(once).toMatchObject({ ok: true, value: { origin: id } });
    expect(twice.ok && twice.value.id).toBe(once.ok && once.value.id);
    // The key of the submit leads to the failed job itself, whose input is the same.
    expect(codeOf(await again(at, id, { idempotencyKey: "first" }))).toBe("idempotency.conflict");
  });

  it("takes a corrected input, and checks it", async () => {
    const at = world();
    const id = await failedJob(at);
    expect(await again(at, id, { input: { to: "bob" } }, "mail.send")).toMatchObject({
      ok: true,
      value: { input: { to: "bob" }, subject: "s:1" },
    });
    expect(codeOf(await again(at, id, { input: { to: 7 } }))).toBe("input.invalid");
  });

  it("keeps the owner, whatever else is passed", async () => {
    const at = world();
    const id = await failedJob(at);
    expect(await again(at, id, { owner: "thief", input: undefined })).toMatchObject({
      value: { owner: "o" },
    });
  });

  it("keeps a job of nobody and about nothing so", async () => {
    const at = world();
    const { id } = await submitted(at, { plan: "1" }, {}, { ...recoverKind, subjectOf: () => null });
    await failedFor(at, await claimed(at, id));
    const core = {
      ...at.core,
      definitions: new Map([["dr.recover", { ...recoverKind, subjectOf: () => null }]]),
    };
    expect(await at.run(rerun(core, at.dispatcher, id, null, {}))).toMatchObject({
      value: { owner: null, subject: null },
    });
  });

  it("refuses every job that is not FAILED", async () => {
    const at = world();
    const { id } = await submitted(at);
    expect(codeOf(await again(at, id))).toBe("job.not_failed");
    const held = await claimed(at, id);
    expect(codeOf(await again(at, id))).toBe("job.not_failed");
    await completed(at, held);
    expect(codeOf(await again(at, id))).toBe("job.not_failed");
  });

  it("does not find a job that is not there, or of another kind", async () => {
    const at = world();
    expect(codeOf(await again(at, "none"))).toBe("job.not_found");
    expect(codeOf(await again(at, await failedJob(at), {}, "dr.recover"))).toBe("job.not_found");
  });

  it("does not run a job with nothing whose input the store has lost", async () => {
    const at = world();
    const id = await failedJob(at);
    const { gateway } = at.core;
    const core: World["core"] = {
      ...at.core,
      gateway: { ...gateway, read: async (given) => gateway.read(given) },
    };
    expect(codeOf(await at.run(rerun(core, at.dispatcher, id, null, {})))).toBe("input.invalid");
  });

  it("needs the definition of the kind", async () => {
    const at = world();
    const id = await failedJob(at);
    const core = { ...at.core, definitions: new Map() };
    const error = await rejection(at, rerun(core, at.dispatcher, id, null, {}));
    expect(error).toMatchObject({ code: "config.kind_unknown" });
    expect(() => knownDefinition(at.core, "none")).toThrow("The kind none is not among the jobs");
    expect(knownDefinition(at.core, "mail.send")).toBe(mailKind);
  });
});

describe("report", () => {
  const tell = (at: World, ref: unknown, answer: Parameters<typeof report>[3]) =>
    at.run(report(at.core, recoverKind, ref, answer));
  const done = { state: "done", output: { ready: 6 } } as const;

  it.each([
    ["one of its keys", "i-1"],
    ["a number among its keys", 7],
    ["the whole reference", { region: "eu", ids: ["i-1", "7"] }],
  ])("completes the job that waits, found by %s, and shows it whole", async (_, ref) => {
    const at = world();
    const id = await waiting(at, ["i-1", "7"]);
    expect(await tell(at, ref, done)).toMatchObject({
      ok: true,
      value: { id, status: "COMPLETED", output: { ready: 6 }, input: { plan: "42" } },
    });
  });

  it("never means another job that shares a part of the reference", async () => {
    const at = world();
    const mine = await waiting(at, ["i-1"]);
    await at.clock.advance(1);
    const other = await waiting(at, ["i-2"]);
    await tell(at, { region: "eu", ids: ["i-1"] }, done);
    const statuses = await Promise.all(
      [mine, other].map(async (id) => (await at.core.gateway.read(id))!.record.status),
    );
    expect(statuses).toEqual(["COMPLETED", "PROCESSING"]);
    expect(codeOf(await tell(at, { region: "eu", ids: ["i-3"] }, done))).toBe("job.not_found");
  });

  it("takes news while the work is open, and its failure", async () => {
    const at = world();
    const id = await waiting(at);
    const open = { state: "open", phase: "converting", progress: { ready: 2 } } as const;
    expect(await tell(at, "i-1", open)).toMatchObject({
      ok: true,
      value: { id, status: "PROCESSING", phase: "converting", progress: { ready: 2 }, input: { plan: "42" } },
    });
    expect(await tell(at, "i-1", { state: "failed", message: "two servers are gone" })).toMatchObject({
      ok: true,
      value: { status: "FAILED", failure: { reason: "external_failed", message: "two servers are gone" } },
    });
  });

  it("does no harm early, doubled or late", async () => {
    const at = world();
    expect(codeOf(await tell(at, "i-1", done))).toBe("job.not_found");
    const id = await waiting(at);
    const [first, second] = await at.run(
      Promise.all([1, 2].map(() => report(at.core, recoverKind, "i-1", done))),
    );
    expect([codeOf(first!), codeOf(second!)].sort()).toEqual(["job.already_final", "ok"]);
    expect(codeOf(await tell(at, "i-1", done))).toBe("job.not_found");
    expect((await entriesOf(at, id)).filter(({ edge }) => edge === "T5")).toHaveLength(1);
  });

  it("does not find work that was started anew or is gone meanwhile", async () => {
    const at = world();
    const id = await waiting(at);
    const before = await stored(at, id);
    const restarted = { ...before.record, version: 99, awaiting: null };
    const answers = [
      ["job.not_awaiting", { status: "refused", job: { record: restarted, cursors: {} } }],
      ["job.not_found", { status: "gone" }],
    ] as const;
    for (const [code, answer] of answers) {
      const core: World["core"] = { ...at.core, gateway: { ...at.core.gateway, write: async () => answer } };
      expect(codeOf(await at.run(report(core, recoverKind, "i-1", done)))).toBe(code);
    }
  });

  it.each([[undefined], [() => 1], [{ at: new Date(0) }]])(
    "refuses a reference that is none: %s",
    async (ref) => {
      const at = world();
      expect(await rejection(at, report(at.core, recoverKind, ref, done))).toMatchObject({
        code: "config.invalid",
      });
    },
  );

  it("says which keys are declared where one names two jobs, and writes to neither", async () => {
    const at = world();
    const ids = [await waiting(at, ["i-1", "a"]), await waiting(at, ["i-1", "b"])];
    const told = await tell(at, "i-1", done);
    expect(codeOf(told)).toBe("ref.ambiguous");
    expect(told.ok ? "" : (told.error as Error).message).toMatch(/i-1, [ab] \| i-1, [ab]/);
    for (const id of ids) expect((await at.core.gateway.read(id))!.record.status).toBe("PROCESSING");
  });

  it("asks to be told again while a job has begun and not said what it waits for", async () => {
    const at = world();
    await submitted(at, { plan: "42" }, {}, recoverKind);
    expect(codeOf(await tell(at, "i-1", done))).toBe("job.not_found");
    await claimed(at, (await submitted(at, { plan: "43" }, {}, recoverKind)).id);
    const told = await tell(at, "i-1", done);
    expect(told).toMatchObject({ ok: false, error: { code: "job.not_awaiting", retryable: true } });
  });

  it("of one owner means that owner's job, however many newer ones of others await the same key", async () => {
    const at = world();
    const track = async (owner: string): Promise<string> => {
      const { id } = await submitted(at, { plan: owner }, { owner }, recoverKind);
      await tracked(at, await claimed(at, id), { region: "eu", ids: ["i-1"] }, true);
      await at.clock.advance(1);
      return id;
    };
    const mine = await track("ann");
    for (let index = 0; index < 11; index += 1) await track("bea");
    expect(codeOf(await tell(at, "i-1", done))).toBe("ref.ambiguous");
    expect(await at.run(report(at.core, recoverKind, "i-1", done, "ann"))).toMatchObject({
      ok: true,
      value: { id: mine, status: "COMPLETED" },
    });
  });

  it("asks so for the oldest of 250 that are unfinished too, page by page, and no more once it is found", async () => {
    const at = world();
    await claimed(at, (await submitted(at, { plan: "first" }, {}, recoverKind)).id);
    await at.clock.advance(1);
    for (let index = 0; index < 250; index += 1) {
      await submitted(at, { plan: String(index) }, {}, recoverKind);
    }
    at.trips.reset();
    expect(codeOf(await tell(at, "i-1", done))).toBe("job.not_awaiting");
    expect(at.trips.calls.filter(({ method }) => method === "list")).toHaveLength(3);
    await at.clock.advance(1);
    await claimed(at, (await submitted(at, { plan: "last" }, {}, recoverKind)).id);
    at.trips.reset();
    expect(codeOf(await tell(at, "i-1", done))).toBe("job.not_awaiting");
    expect(at.trips.calls.filter(({ method }) => method === "list")).toHaveLength(1);
  });

  it("finds work that a job began to await between the two looks", async () => {
    const at = world();
    const { id } = await submitted(at, { plan: "42" }, {}, recoverKind);
    const claim = await claimed(at, id);
    const { call } = at.core.gateway;
    let goOn = (): void => {};
    const isTracked = new Promise<void>((resolve) => (goOn = resolve));
    const gateway: World["core"]["gateway"] = {
      ...at.core.gateway,
      call: async (method, ask) => {
        if (method === "list") await isTracked;
        return call(method, ask);
      },
    };
    const told = report({ ...at.core, gateway }, recoverKind, "i-1", done);
    await at.clock.settle();
    await tracked(at, claim, { region: "eu", ids: ["i-1"] }, true);
    goOn();
    expect(codeOf(await at.run(told))).toBe("ok");
    expect((await stored(at, id)).record.status).toBe("COMPLETED");
  });

  it("takes no part of a reference for its name", async () => {
    const at = world();
    await waiting(at);
    expect(codeOf(await tell(at, "eu", done))).toBe("job.not_found");
  });

  it("refuses a state that it does not know, and an output that the schema refuses", async () => {
    const at = world();
    const id = await waiting(at);
    expect(codeOf(await tell(at, "i-1", { state: "donee" } as never))).toBe("input.invalid");
    expect(codeOf(await tell(at, "i-1", { state: "done", output: { ready: "six" } }))).toBe("input.invalid");
    expect((await at.core.gateway.read(id))!.record.status).toBe("PROCESSING");
  });

  it("does not let a late event go back, put the next look off or take it from whoever looks", async () => {
    const at = world();
    const id = await waiting(at);
    await tell(at, "i-1", { state: "open", phase: "converting" });
    const before = (await at.core.gateway.read(id))!.record;
    await at.clock.advance(5_000);
    await tell(at, "i-1", { state: "open", phase: "launching", progress: { ready: 0 } });
    const after = (await at.core.gateway.read(id))!.record;
    expect([after.phase, after.progress, after.awaiting?.nextPollAt]).toEqual([
      "converting",
      before.progress,
      before.awaiting?.nextPollAt,
    ]);
    await tell(at, "i-1", { state: "open", phase: "launching", allowDecrease: true });
    expect((await at.core.gateway.read(id))!.record.phase).toBe("launching");
  });

  it("finds nothing by a reference without keys", async () => {
    const at = world();
    await waiting(at);
    expect(codeOf(await tell(at, {}, done))).toBe("job.not_found");
  });
});

describe("dispatch", () => {
  const send = (at: World, id: string) => at.run(dispatch(at.core, at.dispatcher, id));

  it("sends a PENDING job now", async () => {
    const at = world({ queue: true });
    at.queue.faults.breakSends("unknown_lost");
    const { id } = await submitted(at);
    expect(await send(at, id)).toMatchObject({
      ok: true,
      value: { status: "QUEUED", dispatch: "confirmed" },
    });
    expect(at.queue.depth()).toBe(1);
  });

  it("leaves every other job as it is, and shows it whole", async () => {
    const at = world({ queue: true });
    const { id } = await submitted(at);
    await completed(at, await claimed(at, id), { sent: 5 });
    at.announced.length = 0;
    expect(await send(at, id)).toMatchObject({
      ok: true,
      value: { status: "COMPLETED", output: { sent: 5 } },
    });
    expect([at.queue.depth(), at.announced]).toEqual([1, []]);
    expect(codeOf(await send(at, "none"))).toBe("job.not_found");
  });

  it("says unconfirmed when the queue fails", async () => {
    const at = world({ queue: true });
    at.queue.faults.breakSends("unknown_lost", 2);
    const { id } = await submitted(at);
    expect(await send(at, id)).toMatchObject({
      ok: true,
      value: { status: "PENDING", dispatch: "unconfirmed" },
    });
  });
});

describe("recall", () => {
  const back = (at: World, id: string, options = {}) => at.run(recall(at.core, at.dispatcher, id, options));

  it("sends the next dispatch of a QUEUED job; the old message is then stale", async () => {
    const at = world({ queue: true });
    const { id } = await submitted(at);
    expect(await back(at, id, { actor: "ann" })).toMatchObject({
      ok: true,
      value: { status: "QUEUED", dispatch: "confirmed" },
    });
    const entries = await entriesOf(at, id);
    expect(entries.map(({ edge }) => edge)).toEqual(["T1", "T2", "T3", "T2"]);
    expect(entries[2]).toMatchObject({ actor: "ann", reason: "operator" });
    expect((await stored(at, id)).record.dispatch).toBe(2);
    expect(at.queue.depth()).toBe(2);
  });

  it("is stored also when the queue then fails", async () => {
    const at = world({ queue: true });
    const { id } = await submitted(at);
    at.faults.queue("send", { fault: "hang" });
    expect(await back(at, id)).toMatchObject({
      ok: true,
      value: { status: "PENDING", dispatch: "unconfirmed" },
    });
  });

  it("leaves a job that has no message out there as it is, and takes nothing from a worker", async () => {
    const inStore = world();
    const { id } = await submitted(inStore);
    expect(await back(inStore, id)).toMatchObject({ ok: true, value: { status: "QUEUED", version: 2 } });
    const at = world({ queue: true });
    const other = await submitted(at);
    await claimed(at, other.id);
    expect(codeOf(await back(at, other.id))).toBe("job.claimed");
    const ended = await submitted(at);
    await at.run(cancel(at.core, at.dispatcher, ended.id, {}));
    expect(codeOf(await back(at, ended.id))).toBe("job.already_final");
    expect(codeOf(await back(at, "none"))).toBe("job.not_found");
  });

  it("does not find a job that goes in between", async () => {
    const at = world({ queue: true });
    const { id } = await submitted(at);
    const core: World["core"] = {
      ...at.core,
      gateway: { ...at.core.gateway, write: async () => ({ status: "gone" }) },
    };
    expect(codeOf(await at.run(recall(core, at.dispatcher, id, {})))).toBe("job.not_found");
  });
});
