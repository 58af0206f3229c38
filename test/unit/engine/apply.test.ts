import { describe, expect, it } from "vitest";
import { cancel } from "../../../src/core/decide/cancel.js";
import {
  change,
  type Decision,
  type DecideContext,
  NOTHING,
  refuse,
} from "../../../src/core/decide/change/change.js";
import { markSent } from "../../../src/core/decide/dispatch.js";
import { report } from "../../../src/core/decide/held.js";
import { claimPoll } from "../../../src/core/decide/poll.js";
import { applyCommand } from "../../../src/core/engine/store/apply.js";
import { isWaybillError } from "../../../src/core/errors/errors.js";
import { decodeHistory } from "../../../src/core/job/history.js";
import type { Snapshot } from "../../../src/core/job/record.js";
import {
  changed,
  claimed,
  completed,
  rejection,
  stored,
  submitted,
  tracked,
  type World,
  world,
} from "../../support/engine.js";
import { recoverKind } from "../../support/engine.js";

const warn = (seen: Snapshot, context: DecideContext): Decision =>
  seen.record.status === "PROCESSING"
    ? change(seen, context, { drafts: [{ edge: "warning", reason: "slow", text: "x".repeat(40) }] })
    : refuse("not_in_status");

const withdraw = (seen: Snapshot, context: DecideContext): Decision =>
  cancel(seen, { reason: null }, context);

/** A claimed job, and what was announced of it forgotten. */
async function running(at: World): Promise<Snapshot> {
  const { id } = await submitted(at);
  const held = await claimed(at, id);
  at.announced.length = 0;
  at.trips.reset();
  return held;
}

const warnings = async (at: World, id: string) =>
  decodeHistory((await stored(at, id)).record.history).filter(({ edge }) => edge === "warning");

describe("applyCommand", () => {
  it("stores an accepted command in one trip and announces it once", async () => {
    const at = world();
    const held = await running(at);
    const applied = await at.run(applyCommand(at.core, held, warn));
    expect(applied).toMatchObject({
      status: "applied",
      snapshot: { record: { version: held.record.version + 1 } },
    });
    expect(at.trips.calls).toEqual([{ method: "write", items: 1 }]);
    expect(at.announced.map(({ entries }) => entries.map(({ edge }) => edge))).toEqual([["warning"]]);
    const now = await stored(at, held.record.id);
    expect(applied.status === "applied" && applied.snapshot.record).toEqual(now.record);
  });

  it.each([
    ["nothing", () => NOTHING],
    ["refused", () => refuse("not_due")],
  ] as const)("touches nothing when the decision is %s", async (status, decide) => {
    const at = world();
    const held = await running(at);
    expect(await at.run(applyCommand(at.core, held, decide))).toMatchObject({ status, snapshot: held });
    expect([at.trips.calls, at.announced]).toEqual([[], []]);
  });

  it("decides again on the record that a refusal brought, under the same transition id and without a read", async () => {
    const at = world();
    const held = await running(at);
    await changed(at, held, warn);
    at.trips.reset();
    const ids: string[] = [];
    const seenVersions: number[] = [];
    await at.run(
      applyCommand(at.core, held, (seen, context) => {
        ids.push(context.transitionId);
        seenVersions.push(seen.record.version);
        return warn(seen, context);
      }),
    );
    expect(seenVersions).toEqual([held.record.version, held.record.version + 1]);
    expect(new Set(ids).size).toBe(1);
    expect(at.trips.calls.map(({ method }) => method)).toEqual(["write", "write"]);
  });

  it("uses the transition id and the actor that it is given", async () => {
    const at = world();
    const held = await running(at);
    await at.run(applyCommand(at.core, held, warn, { transitionId: "mine", actor: "ann" }));
    expect(await warnings(at, held.record.id)).toMatchObject([{ transitionId: "mine", actor: "ann" }]);
  });

  it("sets the lease by the store's answer", async () => {
    const at = world();
    const held = await running(at);
    await at.clock.advance(7_000);
    const token = held.record.token!;
    const after = await changed(at, held, (seen, context) =>
      report(seen, { token, updates: {}, leaseMs: 9_000 }, context),
    );
    expect(after.record.leaseUntil).toBe(at.clock.now() + 9_000);
  });

  describe("in doubt", () => {
    it("finds a write whose reply was lost in the history: applied, and never a second time", async () => {
      const at = world();
      const held = await running(at);
      at.faults.store("write", { fault: "response_lost" });
      expect(await at.run(applyCommand(at.core, held, warn))).toMatchObject({ status: "applied" });
      expect(await warnings(at, held.record.id)).toHaveLength(1);
      expect(at.announced).toHaveLength(1);
    });

    it("finds it also when others have written since", async () => {
      const at = world();
      const held = await running(at);
      at.faults.store("write", { fault: "response_lost" });
      at.faults.store("write", { nth: 2, fault: "delay", delayMs: 3_000 });
      const first = applyCommand(at.core, held, warn);
      await at.clock.advance(2_000);
      // The lane of writes is taken, so this one comes from another process.
      const other = world({ seed: 2, clock: at.clock }, at.trips.store);
      at.faults.heal();
      const { record, cursors } = (await other.core.gateway.read(held.record.id))!;
      const second = applyCommand(other.core, { record, cursors }, warn);
      const [mine] = await at.run(Promise.all([first, second]));
      expect(mine).toMatchObject({ status: "applied" });
      expect(await warnings(at, held.record.id)).toHaveLength(2);
    });

    it("asks once more when the first try hung beyond all patience", async () => {
      const at = world();
      const held = await running(at);
      at.faults.store("write", { fault: "hang" });
      expect(await at.run(applyCommand(at.core, held, warn, { patienceMs: 1_000 }))).toMatchObject({
        status: "applied",
      });
      expect(await warnings(at, held.record.id)).toHaveLength(1);
    });

    it("finds a write of its own that a driver sent twice, without any doubt", async () => {
      const at = world();
      const held = await running(at);
      const twice: World["core"] = {
        ...at.core,
        gateway: {
          ...at.core.gateway,
          write: async (item) => {
            await at.core.gateway.write(item);
            return at.core.gateway.write(item);
          },
        },
      };
      expect(await at.run(applyCommand(twice, held, warn))).toMatchObject({ status: "applied" });
      expect(await warnings(at, held.record.id)).toHaveLength(1);
    });

    it("writes it again when it had not happened", async () => {
      const at = world();
      const held = await running(at);
      at.faults.store("write", { fault: "request_lost", times: 3 });
      expect(await at.run(applyCommand(at.core, held, warn))).toMatchObject({ status: "applied" });
      expect(await warnings(at, held.record.id)).toHaveLength(1);
    });

    it("decides again when another change took its place", async () => {
      const at = world();
      const held = await running(at);
      await changed(at, held, warn);
      at.faults.store("write", { fault: "request_lost" });
      expect(await at.run(applyCommand(at.core, held, warn))).toMatchObject({ status: "applied" });
      expect(await warnings(at, held.record.id)).toHaveLength(2);
    });

    it("is refused, not applied, when what took its place ended the job", async () => {
      const at = world();
      const held = await running(at);
      await completed(at, held);
      at.faults.store("write", { fault: "request_lost" });
      expect(await at.run(applyCommand(at.core, held, warn))).toMatchObject({
        status: "refused",
        reason: "not_in_status",
        snapshot: { record: { status: "COMPLETED" } },
      });
    });

    it("says unknown when the record is gone", async () => {
      const at = world();
      const held = await running(at);
      const missing: Snapshot = { ...held, record: { ...held.record, id: "gone" } };
      at.faults.store("write", { fault: "response_lost" });
      const error = await rejection(at, applyCommand(at.core, missing, warn));
      expect(error).toMatchObject({ code: "store.unavailable", outcome: "unknown", jobId: "gone" });
    });

    it("says unknown when its place in the history was trimmed", async () => {
      // Ten entries are kept, and a change is old enough to be trimmed at once.
      const at = world({ policy: { maxHistoryEntries: 8, unknownRetryMs: 0, maxHistoryBytes: 1_000 } });
      const held = await running(at);
      at.faults.store("write", { fault: "response_lost" });
      at.faults.store("write", { nth: 2, fault: "delay", delayMs: 5_000 });
      const first = applyCommand(at.core, held, warn, { patienceMs: 60_000 });
      await at.clock.advance(1_500);
      const other = world(
        {
          seed: 2,
          clock: at.clock,
          policy: { maxHistoryEntries: 8, unknownRetryMs: 0, maxHistoryBytes: 1_000 },
        },
        at.trips.store,
      );
      for (let written = 0; written < 12; written += 1) {
        const { record, cursors } = (await at.clock.runUntil(other.core.gateway.read(held.record.id)))!;
        other.faults.heal();
        const applied = await at.clock.runUntil(applyCommand(other.core, { record, cursors }, warn));
        expect(applied.status).toBe("applied");
        await at.clock.advance(10);
      }
      const error = await rejection(at, first);
      expect(error).toMatchObject({ code: "store.unavailable", outcome: "unknown" });
    });

    it("resolves a change without an entry by the state: a poll that was claimed is claimed", async () => {
      const at = world();
      const { id } = await submitted(at, { plan: "42" }, {}, recoverKind);
      const waiting = await tracked(at, await claimed(at, id), { region: "eu", ids: ["i-1"] });
      at.faults.store("write", { fault: "response_lost" });
      const poll = { token: "poll-token", leaseMs: 60_000 };
      const applied = await at.run(
        applyCommand(at.core, waiting, (seen, context) => claimPoll(seen, poll, context)),
      );
      expect(applied).toMatchObject({
        status: "nothing",
        snapshot: { record: { poll: { token: "poll-token" } } },
      });
      expect((await stored(at, id)).record.fence).toBe(waiting.record.fence + 1);
    });

    it("repeats progress whose reply was lost, since progress is absolute", async () => {
      const at = world();
      const held = await running(at);
      at.faults.store("write", { fault: "response_lost" });
      const token = held.record.token!;
      const updates = { progress: { done: 1, total: 2 } };
      const applied = await at.run(
        applyCommand(at.core, held, (seen, context) =>
          report(seen, { token, updates, leaseMs: 1_000 }, context),
        ),
      );
      expect(applied).toMatchObject({ status: "applied" });
      expect((await stored(at, held.record.id)).record.progress).toEqual({ done: 1, total: 2 });
    });
  });

  describe("while the store cannot be reached", () => {
    it("tries again until it can", async () => {
      const at = world();
      const held = await running(at);
      at.faults.store("write", { fault: "not_applied", times: 4 });
      expect(await at.run(applyCommand(at.core, held, warn))).toMatchObject({ status: "applied" });
    });

    it("says after its patience that nothing was written", async () => {
      const at = world();
      const held = await running(at);
      at.faults.outage("store");
      const started = at.clock.now();
      const error = await rejection(at, applyCommand(at.core, held, warn));
      expect(error).toMatchObject({ code: "store.unavailable", outcome: "not_applied" });
      expect(at.clock.now() - started).toBeLessThanOrEqual(at.core.policy.unknownRetryMs);
      expect(at.clock.now() - started).toBeGreaterThan(at.core.policy.unknownRetryMs / 2);
      expect(at.announced).toEqual([]);
    });

    it("says unknown when one of its tries may have been applied", async () => {
      const at = world();
      const held = await running(at);
      at.faults.store("write", { fault: "request_lost" });
      at.faults.store("write", { fault: "not_applied", nth: 2, times: 1_000 });
      const error = await rejection(at, applyCommand(at.core, held, warn));
      expect(error).toMatchObject({ outcome: "unknown", jobId: held.record.id });
      expect(isWaybillError((error as { cause?: unknown }).cause, "store.unavailable")).toBe(true);
    });

    it("waits no longer than it is told", async () => {
      const at = world();
      const held = await running(at);
      at.faults.outage("store");
      const started = at.clock.now();
      await rejection(at, applyCommand(at.core, held, warn, { patienceMs: 0 }));
      expect(at.clock.now()).toBe(started);
    });

    it("does not repeat what is no matter of reach", async () => {
      const at = world();
      const held = await running(at);
      await at.trips.store.close();
      const error = await rejection(at, applyCommand(at.core, held, warn));
      expect(error).toMatchObject({ code: "waybill.closed" });
      expect(at.trips.counts.write).toBe(1);
    });
  });

  it("says that a record is gone when it is, without doubt", async () => {
    const at = world();
    const held = await running(at);
    const missing: Snapshot = { ...held, record: { ...held.record, id: "gone" } };
    expect(await at.run(applyCommand(at.core, missing, warn))).toEqual({ status: "gone" });
  });

  it("lets N commands at once on one record all take effect, one after the other", async () => {
    const at = world();
    const held = await running(at);
    const all = Array.from({ length: 20 }, () => applyCommand(at.core, held, warn));
    const applied = await at.run(Promise.all(all));
    expect(new Set(applied.map(({ status }) => status))).toEqual(new Set(["applied"]));
    const versions = (await warnings(at, held.record.id)).map(({ version }) => version);
    expect(versions).toEqual(Array.from({ length: 20 }, (_, index) => held.record.version + 1 + index));
    expect(at.announced).toHaveLength(20);
  });

  it("lets exactly one of N that exclude each other take effect", async () => {
    const at = world();
    const { id } = await submitted(at);
    const seen = await stored(at, id);
    at.announced.length = 0;
    const all = Array.from({ length: 10 }, () => applyCommand(at.core, seen, withdraw));
    const applied = await at.run(Promise.all(all));
    expect(applied.filter(({ status }) => status === "applied")).toHaveLength(1);
    expect(applied.filter(({ status }) => status === "refused")).toHaveLength(9);
    expect(at.announced).toHaveLength(1);
  });

  it("gives a record up that changes every time", async () => {
    const at = world();
    const held = await running(at);
    let turn = 0;
    const restless: World["core"] = {
      ...at.core,
      gateway: {
        ...at.core.gateway,
        write: async () => {
          turn += 1;
          return { status: "refused", job: { ...held, record: { ...held.record, version: 100 + turn } } };
        },
      },
    };
    const error = await rejection(at, applyCommand(restless, held, warn));
    expect(error).toMatchObject({ code: "store.conflict", outcome: "not_applied", retryable: true });
    expect(turn).toBeLessThanOrEqual(100);
  });

  it("hands trimmed entries to the archive, each once and oldest first", async () => {
    const at = world({ policy: { maxHistoryEntries: 10, unknownRetryMs: 0 } });
    let held = await running(at);
    for (let written = 0; written < 15; written += 1) {
      await at.clock.advance(10);
      held = await changed(at, held, warn);
    }
    const versions = at.archived.flatMap(({ entries }) => entries.map(({ version }) => version));
    expect(versions.length).toBeGreaterThan(0);
    expect(versions).toEqual(Array.from({ length: versions.length }, (_, index) => index + 1));
    expect((await stored(at, held.record.id)).record.historyTrimmed).toBe(versions.length);
  });

  it("keeps a mark from overtaking the dispatch that it was made for", async () => {
    const at = world({ queue: true });
    at.queue.faults.breakSends("unknown_lost");
    const { id } = await submitted(at);
    const seen = await stored(at, id);
    const applied = await at.run(applyCommand(at.core, seen, (now, context) => markSent(now, 2, context)));
    expect(applied).toMatchObject({ status: "refused", reason: "other_dispatch" });
  });
});
