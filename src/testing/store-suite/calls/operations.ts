import assert from "node:assert/strict";
import type { ParkedMessage } from "../../../core/ports/store.js";
import { sampleJob, sampleReadyJob } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";

function message(id: string, given: Partial<ParkedMessage> = {}): ParkedMessage {
  return { id, queue: "work", body: "not a message", reason: "unparsable", at: 1_750_000_000_123, ...given };
}

export const operationsBehaviour: StoreBehaviour = {
  group: "operations",
  tests: {
    "parks messages and gives them back page by page": async (probe) => {
      const messages = ["p-c", "p-a", "p-b"].map((id) => message(id, { body: `body of ${id}` }));
      await probe.store.park({ ...probe.at, messages });
      const [c, a, b] = messages;
      const first = await probe.store.parked({ ...probe.at, limit: 2 });
      assert.deepEqual(first.messages, [a, b]);
      const second = await probe.store.parked({ ...probe.at, limit: 2, after: "p-b" });
      assert.deepEqual(second.messages, [c]);
      assert.equal((await probe.health()).parked, 3);
    },

    "parks a message once, however often it comes": async (probe) => {
      await probe.store.park({ ...probe.at, messages: [message("p-1", { at: 1 })] });
      await probe.store.park({ ...probe.at, messages: [message("p-1", { at: 2 }), message("p-2")] });
      const { messages } = await probe.store.parked({ ...probe.at, limit: 10 });
      assert.deepEqual(messages, [message("p-1", { at: 1 }), message("p-2")]);
      assert.equal((await probe.health()).parked, 2);
    },

    "keeps the body of a parked message whatever it holds": async (probe) => {
      const bodies = [
        "",
        "\u0000\u0001",
        '{"__proto__":1}',
        "'); drop table jobs; --",
        "😀\n\t",
        " \r\n e\u0301 \r ",
        "x".repeat(64 * 1024),
      ];
      const messages = bodies.map((body, index) =>
        message(`p-${String(index)}`, {
          body,
          reason: body.slice(0, 20),
          queue: `Work.É ${"q".repeat(240)}`,
        }),
      );
      await probe.store.park({ ...probe.at, messages });
      assert.deepEqual((await probe.store.parked({ ...probe.at, limit: 10 })).messages, messages);
    },

    "pages on behind a message that was taken out meanwhile": async (probe) => {
      const messages = ["p-1", "p-2", "p-3", "p-4"].map((id) => message(id));
      await probe.store.park({ ...probe.at, messages });
      await probe.store.unpark({ ...probe.at, ids: ["p-2"] });
      const { messages: left } = await probe.store.parked({ ...probe.at, limit: 10, after: "p-2" });
      assert.deepEqual(left, messages.slice(2), '"Behind this id": whether it is there or not');
    },

    "parks a message anew that was taken out, or purged": async (probe) => {
      const { store } = probe;
      for (const at of [1_000, 2_000]) {
        await store.park({ ...probe.at, messages: [message("p-1", { at }), message("p-2", { at })] });
        const { messages } = await store.parked({ ...probe.at, limit: 10 });
        assert.deepEqual(messages, [message("p-1", { at }), message("p-2", { at })]);
        await store.unpark({ ...probe.at, ids: ["p-1"] });
        assert.equal((await store.purge({ ...probe.at, limit: 1, parkedBefore: at + 1 })).parked, 1);
        assert.deepEqual((await store.parked({ ...probe.at, limit: 10 })).messages, []);
      }
    },

    "takes parked messages out, those that are not there too": async (probe) => {
      await probe.store.park({ ...probe.at, messages: [message("p-1"), message("p-2")] });
      await probe.store.unpark({ ...probe.at, ids: ["p-1", "p-9"] });
      await probe.store.unpark({ ...probe.at, ids: ["p-1"] });
      const { messages } = await probe.store.parked({ ...probe.at, limit: 10 });
      assert.deepEqual(
        messages.map(({ id }) => id),
        ["p-2"],
      );
    },

    "takes every parked message of a call out, and no other": async (probe) => {
      const messages = ["p-1", "p-2", "p-3", "p-4"].map((id) => message(id));
      await probe.store.park({ ...probe.at, messages });
      await probe.store.unpark({ ...probe.at, ids: ["p-3", "p-1"] });
      const { messages: left } = await probe.store.parked({ ...probe.at, limit: 10 });
      assert.deepEqual(left, [messages[1], messages[3]]);
      assert.equal((await probe.health()).parked, 2);
    },

    "tells its clock with every reply, also to a call about nothing": async (probe) => {
      const { store, at } = probe;
      const replies = [
        await store.create({ ...at, items: [] }),
        await store.read({ ...at, ids: [] }),
        await store.write({ ...at, items: [] }),
        await store.beat({ ...at, items: [] }),
        await store.advance({ ...at, items: [] }),
        await store.takeDue({ ...at, limit: 1, holdMs: 1_000 }),
        await store.list({ ...at, kinds: ["sample.work"], limit: 1 }),
        await store.park({ ...at, messages: [] }),
        await store.parked({ ...at, limit: 1 }),
        await store.unpark({ ...at, ids: [] }),
        await store.pulse({ ...at, unserved: 0 }),
        await store.health(at),
        await store.purge({ ...at, limit: 1, parkedBefore: 0 }),
      ];
      for (const [index, { nowMs }] of replies.entries()) {
        assert.ok(Number.isSafeInteger(nowMs) && nowMs > 0, `reply ${String(index)} tells no clock`);
      }
    },

    "knows of no pulse, no lag and nothing parked at first": async (probe) => {
      const { nowMs, oldestExpiredAt = null, ...health } = await probe.health();
      assert.ok(nowMs > 0);
      assert.equal(oldestExpiredAt, null);
      assert.deepEqual(health, {
        lastPulseAt: null,
        unserved: 0,
        oldestDueAt: null,
        oldestReadyAt: null,
        parked: 0,
        undeliverable: 0,
      });
    },

    "remembers the last pulse": async (probe) => {
      const from = await probe.now();
      await probe.store.pulse({ ...probe.at, unserved: 70_000 });
      const first = await probe.health();
      assert.equal(first.unserved, 70_000);
      assert.ok(first.lastPulseAt !== null && first.lastPulseAt >= from && first.lastPulseAt <= first.nowMs);
      await probe.after(20);
      await probe.store.pulse({ ...probe.at, unserved: 0 });
      const second = await probe.health();
      assert.equal(second.unserved, 0);
      assert.ok((second.lastPulseAt ?? 0) > first.lastPulseAt);
    },

    "tells the oldest wake-up that has passed": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "later", wakeAt: now + 600_000 }, now));
      assert.equal((await probe.health()).oldestDueAt, null);
      await probe.given(sampleJob({ id: "due", wakeAt: now - 5 }, now));
      await probe.given(sampleJob({ id: "older", wakeAt: now - 9 }, now));
      assert.equal((await probe.health()).oldestDueAt, now - 9);
      await probe.takeDue();
      assert.equal((await probe.health()).oldestDueAt, null);
    },

    "tells since when the oldest ready job could have been claimed": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      await probe.given(sampleReadyJob({ id: "later", readyAt: now + 600_000 }, now));
      assert.equal((await probe.health()).oldestReadyAt, null);
      await probe.given(sampleReadyJob({ id: "ready", kind: "other.kind", readyAt: now - 5 }, now));
      await probe.given(sampleReadyJob({ id: "older", readyAt: now - 9 }, now));
      assert.equal((await probe.health()).oldestReadyAt, now - 9);
      await probe.claimNext();
      assert.equal((await probe.health()).oldestReadyAt, now - 5);
    },

    "tells the oldest of several kinds that is ready, whichever kind it is of": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      for (const [kind, ago] of [
        ["kind.a", 1],
        ["kind.b", 9],
        ["kind.c", 2],
      ] as const) {
        await probe.given(sampleReadyJob({ id: `of-${kind.slice(-1)}`, kind, readyAt: now - ago }, now));
      }
      assert.equal((await probe.health()).oldestReadyAt, now - 9);
    },

    "tells the oldest that can be claimed, not what only kept its instant": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      const left = { readyAt: now - 9 };
      await probe.given(sampleJob({ id: "pending", queue: null, ...left }, now));
      await probe.given(sampleReadyJob({ id: "has-a-queue", queue: "work", ...left }, now));
      await probe.given(sampleReadyJob({ id: "has-ended", status: "FAILED", ...left }, now));
      await probe.given(
        sampleReadyJob({ id: "of-another-kind", kind: "kind.z", status: "FAILED", ...left }, now),
      );
      assert.equal((await probe.health()).oldestReadyAt, null);
      await probe.given(sampleReadyJob({ id: "ready", readyAt: now - 1 }, now));
      assert.equal((await probe.health()).oldestReadyAt, now - 1);
    },
  },
};
