import { describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryQueue } from "../../../src/adapters/memory/queue.js";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { DEFAULT_POLICY } from "../../../src/core/defaults.js";
import { defineJob } from "../../../src/core/define/define-job.js";
import { checkComposition } from "../../../src/core/engine/compose/composition.js";
import { createRuntime, type RuntimeOptions } from "../../../src/core/engine/compose/runtime.js";
import { interceptStore } from "../../../src/testing/faults/intercept-store.js";
import { mailKind } from "../../support/engine.js";

const slow = defineJob({ kind: "slow.work", input: z.object({}), queue: "slow" })["~definition"];
const named = defineJob({ kind: "odd.work", input: z.object({}), queue: "toString" })["~definition"];
const notifier = { publish: async () => [] };
const noQueue = memoryStore();
const storeWithoutQueue = {
  ...interceptStore(noQueue, (_method, _items, call) => call()),
  capabilities: { ...noQueue.capabilities, queue: false },
};

const compose = (over: object) => () => {
  checkComposition({ jobs: [mailKind], store: memoryStore(), ...over });
};

describe("a composition whose parts do not fit is refused with the sentence why", () => {
  it.each<[over: object, sentence: string]>([
    [{ jobs: [] }, "jobs must name at least one definition."],
    [{ jobs: [undefined] }, "jobs must hold what defineJob made."],
    [{ jobs: [mailKind, mailKind] }, "Two definitions have the kind mail.send."],
    [{ store: undefined }, "store must be a store, such as memoryStore()"],
    [{ store: null }, "store must be a store, such as memoryStore()"],
    [{ store: {} }, "store must be a store, such as memoryStore()"],
    [{ store: "postgres://secret" }, "store must be a store, such as memoryStore()"],
    [{ queue: null }, "queue must be a queue, such as memoryQueue()"],
    [{ queues: { slow: null } }, "queues.slow must be a queue, such as memoryQueue()"],
    [{ queues: { default: memoryQueue() } }, "The name default is that of the option queue."],
    [{ queues: { "": memoryQueue() } }, "The name of a queue must be 1 to 64 letters, digits, _ or -."],
    [{ jobs: [slow] }, "The kind slow.work goes through the queue slow, which is not among queues."],
    [
      { jobs: [named], queues: {} },
      "The kind odd.work goes through the queue toString, which is not among queues.",
    ],
    [{ notifiers: [notifier] }, "notifiers must be an object: each has a name that stays."],
    [{ notifiers: { ui: null } }, "The notifier ui must be a notifier."],
    [{ notifiers: { "": notifier } }, "The name of a notifier must be 1 to 64 letters, digits, _ or -."],
    [{ notifiers: { ui: notifier }, retired: ["ui"] }, "The notifier ui is configured and retired."],
    [
      { notifiers: { ui: { ...notifier, kinds: ["none"] } } },
      "The notifier ui filters by the kind none, which is not among jobs.",
    ],
    [{ policy: { leaseMs: -1 } }, "policy.leaseMs must be a whole number of milliseconds"],
    [{ policy: { leaseMs: NaN } }, "policy.leaseMs must be a whole number of milliseconds"],
    [{ policy: { leaseMs: Infinity } }, "policy.leaseMs must be a whole number of milliseconds"],
    [{ policy: { leaseMs: "30s" } }, "policy.leaseMs must be a whole number of milliseconds"],
    [{ policy: { leasMs: 1 } }, "There is no policy.leasMs."],
    [{ policy: { retry: { maxAttempts: 5 } } }, "policy.retry.baseMs must be a whole number of milliseconds"],
    [{ policy: { retry: 5 } }, "policy.retry must have maxAttempts, baseMs, capMs."],
    [
      { policy: { notifier: { giveUpAfterMs: 1, baseMs: 1, capMs: -1 } } },
      "policy.notifier.capMs must be a whole number",
    ],
  ])("$1", (over, sentence) => {
    expect(compose(over)).toThrow(expect.objectContaining({ code: "config.invalid" }));
    expect(compose(over)).toThrow(sentence);
    expect(compose(over)).not.toThrow("secret");
  });

  it("and a store that is no queue needs one", () => {
    expect(compose({ store: storeWithoutQueue })).toThrow(
      expect.objectContaining({ code: "config.capability_missing" }),
    );
    expect(compose({ store: storeWithoutQueue })).toThrow(
      "The store cannot be a queue, and there is no queue for the kind mail.send: pass a queue, such as one on SQS.",
    );
  });

  it.each<[string, object]>([
    ["a queue for a store that is none", { store: storeWithoutQueue, queue: memoryQueue() }],
    [
      "a kind's own queue for a store that is none",
      { store: storeWithoutQueue, jobs: [slow], queues: { slow: memoryQueue() } },
    ],
    [
      "a notifier of some kinds",
      { notifiers: { ui: { ...notifier, kinds: ["mail.send"] } }, retired: ["old"] },
    ],
    [
      "every part left undefined",
      { queue: undefined, queues: undefined, notifiers: undefined, policy: undefined },
    ],
  ])("accepts %s", (_, over) => {
    expect(compose(over)).not.toThrow();
  });

  it("keeps the default where a policy is undefined", () => {
    const policy = { leaseMs: undefined, retainMs: 5 } as unknown as RuntimeOptions["policy"];
    const { core } = createRuntime({ jobs: [mailKind], store: memoryStore(), policy });
    expect(core.policy).toEqual({ ...DEFAULT_POLICY, retainMs: 5 });
  });
});
