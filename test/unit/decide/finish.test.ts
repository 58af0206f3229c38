import { describe, expect, it } from "vitest";
import { cancel, deadline } from "../../../src/core/decide/cancel.js";
import { awaitExternal, complete, fail, release, retry, sweep } from "../../../src/core/decide/finish.js";
import { report } from "../../../src/core/decide/held.js";
import { DEFAULT_POLICY } from "../../../src/core/defaults.js";
import * as fixtures from "./fixtures.js";
import {
  CLAIM_CLEARED,
  context,
  edges,
  FINAL,
  history,
  JOB,
  NOW,
  POLICY,
  refused,
  snapshot,
  written,
} from "./fixtures.js";

const policy = DEFAULT_POLICY.retry;
const error = { message: "later", code: "E1", expose: true, afterMs: null };
const awaiting = {
  ref: "r",
  refKeys: ["r"],
  deadlineAt: NOW + 9_000,
  nextPollAt: NOW + 300,
  cancellable: true,
};
const failure = { reason: "error", message: "no" } as const;
type Seen = ReturnType<typeof snapshot>;

const COMMANDS = {
  complete: (seen: Seen, token = "tok") => complete(seen, { token, output: "1" }, context()),
  fail: (seen: Seen, token = "tok") => fail(seen, { token, failure }, context()),
  retry: (seen: Seen, token = "tok") => retry(seen, { token, error, policy }, context()),
  release: (seen: Seen, token = "tok") => release(seen, { token, policy }, context()),
  await: (seen: Seen, token = "tok") => awaitExternal(seen, { token, awaiting }, context()),
  report: (seen: Seen, token = "tok") => report(seen, { token, updates: {}, leaseMs: 9 }, context()),
} as const;

describe.each(Object.entries(COMMANDS))("a worker's %s", (_, command) => {
  it("is written under its version and its token", () => {
    expect(written(command(snapshot(JOB.running()))).item.guard).toEqual({
      status: "PROCESSING",
      version: 3,
      token: "tok",
    });
  });

  it.each(FINAL)("is refused when the job is %s", (_, job) => {
    expect(command(snapshot(job()))).toEqual(refused("already_final"));
  });

  it.each([
    ["has another claim", JOB.running(), "old"],
    ["waits for external work", JOB.waiting(), "tok"],
    ["was handed over again", JOB.queued(), "tok"],
  ])("is refused when the job %s", (_, job, token) => {
    expect(command(snapshot(job), token)).toEqual(refused("lease_lost"));
  });
});

describe("complete (T5)", () => {
  it("stores the output with the status and ends the claim", () => {
    const { item } = written(COMMANDS.complete(snapshot(JOB.running())));
    expect(item.output).toBe("1");
    expect(item.patch).toMatchObject({
      ...CLAIM_CLEARED,
      status: "COMPLETED",
      finishedAt: NOW,
      etaAt: null,
      lastError: null,
    });
  });

  it("wins over a request to cancel", () => {
    expect(edges(COMMANDS.complete(snapshot(JOB.cancelling())))).toEqual(["T5"]);
  });
});

describe("fail (T6)", () => {
  it("stores why and ends the claim", () => {
    const { item } = written(COMMANDS.fail(snapshot(JOB.running())));
    expect(item.patch).toMatchObject({ ...CLAIM_CLEARED, status: "FAILED", finishedAt: NOW });
    expect(item.patch.failure).toEqual({
      ...{ ...failure, code: null, expose: false, retryable: false },
      details: null,
    });
  });

  it("keeps the last progress, said before or with it", () => {
    const { after } = written(COMMANDS.fail(snapshot(JOB.running())));
    expect(after.record).toMatchObject({ progress: { done: 1 }, percent: 0.5, phase: "launching" });
    const held = { token: "tok", failure, updates: { progress: { done: 3 } } };
    const said = written(fail(snapshot(JOB.running()), held, context()));
    expect(said.after.record).toMatchObject({ status: "FAILED", progress: { done: 3 }, percent: 0.5 });
  });

  it("keeps the application's own account whole up to 4 KiB, and none of a larger one", () => {
    // Of two bytes each, with the quotes.
    for (const [chars, kept] of [
      [2_047, true],
      [2_048, false],
    ] as const) {
      const details = "é".repeat(chars);
      const held = { token: "tok", failure: { ...failure, details } };
      const decision = fail(snapshot(JOB.running()), held, context());
      expect(written(decision).item.patch.failure?.details).toBe(kept ? details : null);
    }
  });

  it("keeps the account of the error that used up the last attempt", () => {
    const error = { message: "no", code: null, expose: false, details: { field: "email" }, afterMs: null };
    const held = { token: "tok", error, policy: POLICY.retry };
    const decision = retry(snapshot(JOB.running({ attempt: 3 })), held, context());
    expect(written(decision).item.patch.failure).toMatchObject({
      reason: "attempts_exhausted",
      details: { field: "email" },
    });
  });
});

const RETURNED = {
  ...CLAIM_CLEARED,
  dispatch: 2,
  send: 0,
  worker: null,
  phase: null,
  progress: null,
  percent: null,
  etaAt: null,
};

describe("retry (T7)", () => {
  it("hands over again under a new dispatch after the backoff, in a queue", () => {
    const { item } = written(COMMANDS.retry(snapshot(JOB.running())));
    const at = NOW + 500;
    expect(item.patch).toMatchObject({
      ...RETURNED,
      status: "PENDING",
      sendAt: at,
      readyAt: null,
      retryAt: at,
      wakeAt: at,
    });
    expect(item.patch).toMatchObject({
      checkpoint: { page: 2 },
      lastError: { message: "later", code: "E1", attempt: 1 },
    });
  });

  it("makes it ready after the backoff, in the store", () => {
    const decision = COMMANDS.retry(snapshot(JOB.running({ queue: null })));
    expect(edges(decision)).toEqual(["T7", "T2"]);
    expect(written(decision).item.patch).toMatchObject({
      ...RETURNED,
      status: "QUEUED",
      readyAt: NOW + 500,
      sendAt: null,
      wakeAt: null,
    });
  });

  it("takes the error's own delay", () => {
    const held = { token: "tok", error: { ...error, afterMs: 7 }, policy };
    expect(written(retry(snapshot(JOB.running()), held, context())).item.patch.sendAt).toBe(NOW + 7);
  });

  it("keeps a new checkpoint", () => {
    const held = { token: "tok", error, policy, updates: { checkpoint: { page: 3 } } };
    expect(written(retry(snapshot(JOB.running()), held, context())).item.patch.checkpoint).toEqual({
      page: 3,
    });
  });

  it("fails a job without attempts left", () => {
    const { item } = written(COMMANDS.retry(snapshot(JOB.running({ attempt: 3 }))));
    expect(item.patch.failure).toMatchObject({
      reason: "attempts_exhausted",
      message: "later",
      retryable: true,
    });
    expect(item.patch.lastError?.attempt).toBe(3);
  });
});

describe.each(["retry", "release"] as const)("a %s after a request to cancel", (name) => {
  it("ends the job as cancelled, in the words of whoever asked", () => {
    const { item } = written(COMMANDS[name](snapshot(JOB.cancelling())));
    expect(item.patch.failure).toMatchObject({ reason: "cancelled", message: "not wanted", expose: true });
  });

  it("has a word of its own where none was given", () => {
    const job = JOB.cancelling({ cancel: { at: NOW, actor: null, reason: null } });
    expect(written(COMMANDS[name](snapshot(job))).item.patch.failure?.message).toBe("Cancelled.");
  });
});

describe("await (track)", () => {
  it("ends the claim, keeps the status and appends an entry", () => {
    const decision = COMMANDS.await(snapshot(JOB.running()));
    const { item, entries } = written(decision);
    expect(entries).toMatchObject([{ edge: "waiting", reason: "launching" }]);
    expect(item.patch).toMatchObject({
      status: "PROCESSING",
      token: null,
      leaseUntil: null,
      worker: null,
      wakeAt: NOW + 300,
    });
    expect(item.patch.awaiting).toEqual({
      ...awaiting,
      fence: 1,
      since: NOW,
      pollErrors: 0,
      cancelSent: false,
    });
  });

  it("names the phase that was entered with it", () => {
    const held = { token: "tok", awaiting, updates: { phase: "converting" } };
    expect(written(awaitExternal(snapshot(JOB.running()), held, context())).entries[0]?.reason).toBe(
      "converting",
    );
  });

  it("is polled at once, and keeps the request, where it is to be cancelled", () => {
    const { item, after } = written(COMMANDS.await(snapshot(JOB.cancelling())));
    expect(item.patch.awaiting?.nextPollAt).toBe(NOW);
    expect(after.record.cancel).not.toBeNull();
  });
});

describe("report", () => {
  it("extends the lease and raises the version by its entries, at least by one", () => {
    const updates = { progress: { done: 2 }, percent: 1, etaAt: 5, checkpoint: { page: 3 } };
    const { item } = written(
      report(snapshot(JOB.running()), { token: "tok", updates, leaseMs: 9 }, context()),
    );
    expect(item).toMatchObject({ leaseMs: 9, patch: { ...updates, version: 4 } });
  });

  it.each([
    ["entries", { ...POLICY, maxHistoryEntries: 3 }],
    ["bytes", { ...POLICY, maxHistoryBytes: 100 }],
  ])(
    "writes the phase and its entry also when the history is full of %s that wait for a notifier",
    (_, policy) => {
      const job = JOB.running({ notifiers: ["ui"], version: 6, history: history(6) });
      const updates = { phase: "x", drafts: [{ edge: "phase", reason: "x" } as const] };
      const { item, entries } = written(
        report(snapshot(job), { token: "tok", updates, leaseMs: 9 }, context({ policy })),
      );
      expect(entries).toMatchObject([{ edge: "phase", reason: "x", version: 7 }]);
      expect(item.patch).toMatchObject({ phase: "x", version: 7 });
    },
  );
});

describe("sweep", () => {
  const lapsed = (given = {}) => snapshot(JOB.running({ leaseUntil: NOW, ...given }));

  it("hands over again, on the condition that the lease is still the one that passed", () => {
    const { item, entries } = written(sweep(lapsed(), context()));
    expect(item.guard).toEqual({ status: "PROCESSING", version: 3, token: "tok", expiredLease: NOW });
    expect(entries).toMatchObject([{ edge: "T7", reason: "lease_lost" }]);
    expect(item.patch).toMatchObject({ ...RETURNED, sendAt: NOW, lastError: { attempt: 1 } });
  });

  it.each([
    ["attempts are used up", { attempt: 3 }, "lease_lost"],
    ["a cancel was asked for", { cancel: { at: NOW, actor: null, reason: "x" } }, "cancelled"],
  ])("fails the job when %s", (_, given, reason) => {
    const { item } = written(sweep(lapsed(given), context()));
    expect(item.patch.failure?.reason).toBe(reason);
    expect(item.guard.expiredLease).toBe(NOW);
  });

  it.each([
    ["is not run", JOB.queued(), "not_in_status"],
    ["waits for external work", JOB.waiting(), "not_in_status"],
    ["has a live lease", JOB.running(), "not_due"],
    ["has no lease: absent is never expired (W6)", JOB.running({ leaseUntil: null }), "not_due"],
  ])("is refused where the job %s", (_, job, reason) => {
    expect(sweep(snapshot(job), context())).toEqual(refused(reason));
  });
});

describe("cancel", () => {
  const ask = (job: Seen["record"], reason: string | null = "stop") =>
    cancel(snapshot(job), { reason }, context());

  it.each([
    ["PENDING", JOB.pending(), "T8"],
    ["QUEUED", JOB.queued(), "T9"],
  ])("ends a %s job at once", (_, job, edge) => {
    expect(edges(ask(job))).toEqual([edge]);
    expect(written(ask(job)).item.patch.failure).toMatchObject({
      reason: "cancelled",
      message: "stop",
      expose: true,
    });
    expect(written(ask(job, null)).item.patch.failure?.message).toBe("Cancelled.");
  });

  it("is a request to a job that is run: an entry, a flag, the lease kept", () => {
    const { item, after } = written(ask(JOB.running()));
    expect(item.patch).toMatchObject({
      status: "PROCESSING",
      cancel: { at: NOW, actor: "ann", reason: "stop" },
    });
    expect(after.record.leaseUntil).toBe(NOW + 20_000);
  });

  it("is looked at once where external work is open", () => {
    const job = JOB.waiting({ awaiting: { ...fixtures.AWAITING, nextPollAt: NOW + 9_000 } });
    expect(written(ask(job)).item.patch).toMatchObject({ awaiting: { nextPollAt: NOW }, wakeAt: NOW });
  });

  it("is refused where nobody can cancel the external work", () => {
    const job = JOB.waiting({ awaiting: { ...fixtures.AWAITING, cancellable: false } });
    expect(ask(job)).toEqual(refused("cannot_cancel"));
  });

  it("asked twice is asked once", () => {
    expect(ask(JOB.cancelling())).toEqual({ do: "nothing" });
  });

  it.each(FINAL)("is too late for a %s job", (_, job) => {
    expect(ask(job())).toEqual(refused("already_final"));
  });
});

describe("the job's own deadline", () => {
  it.each([
    ["PENDING", JOB.pending, "T8"],
    ["QUEUED", JOB.queued, "T9"],
    ["PROCESSING", JOB.running, "T6"],
  ] as const)("ends a %s job", (_, job, edge) => {
    const decision = deadline(snapshot(job({ deadlineAt: NOW })), context());
    expect(edges(decision)).toEqual([edge]);
    expect(written(decision).item.patch.failure?.reason).toBe("deadline_exceeded");
  });

  it.each([null, NOW + 1])("is not due at %s", (deadlineAt) => {
    expect(deadline(snapshot(JOB.queued({ deadlineAt })), context())).toEqual(refused("not_due"));
  });

  it.each(FINAL)("is nothing to a %s job", (_, job) => {
    expect(deadline(snapshot(job({ deadlineAt: NOW })), context())).toEqual(refused("already_final"));
  });
});
