import { describe, expect, it } from "vitest";
import { awaitTimeout, claimPoll, seen, type SeenWork, type Witness } from "../../../src/core/decide/poll.js";
import { encodeHistory } from "../../../src/core/job/history.js";
import type { JobRecord } from "../../../src/core/job/record.js";
import {
  AWAITING,
  CLAIM_CLEARED,
  context,
  edges,
  entry,
  FINAL,
  history,
  JOB,
  NOW,
  POLICY,
  refused,
  snapshot,
  written,
} from "./fixtures.js";

const CANCEL = { at: NOW, actor: null, reason: "stop" };
const POLL = { by: "poll", token: "poll" } as const;
const OPEN = { state: "open", updates: {}, nextPollAt: NOW + 300 } as const;
const DONE = { state: "done", output: "1", updates: {} } as const;
const error = { message: "gone", code: null, expose: false, afterMs: null };
const LOST = { state: "failed", error, rerun: null, updates: {} } as const;

const see = (job: JobRecord, work: SeenWork, witness: Witness = POLL) =>
  seen(snapshot(job), witness, work, context());

describe("the right to poll", () => {
  const claim = (job: JobRecord) => claimPoll(snapshot(job), { token: "new", leaseMs: 60 }, context());

  it("is a field of its own: no token, no entry, a new fence", () => {
    const { item, entries } = written(claim(JOB.waiting()));
    expect(entries).toEqual([]);
    expect(item.patch).toMatchObject({ fence: 2, poll: { token: "new", until: NOW + 60 }, wakeAt: NOW + 60 });
    expect(item.patch.token).toBeUndefined();
  });

  it("is taken over when it has lapsed, and never before", () => {
    expect(written(claim(JOB.polled({ poll: { token: "old", until: NOW } }))).item.patch.poll?.token).toBe(
      "new",
    );
    expect(claim(JOB.polled())).toEqual(refused("not_due"));
  });

  it("asked for again is held", () => {
    expect(claim(JOB.polled({ poll: { token: "new", until: NOW + 9 } }))).toEqual({ do: "nothing" });
  });

  it.each([
    ["is run by a worker", JOB.running()],
    ["is queued", JOB.queued()],
  ])("is refused where the job %s", (_, job) => {
    expect(claim(job)).toEqual(refused("not_awaiting"));
  });
});

describe("a witness of external work", () => {
  it.each([
    ["not waiting", JOB.running(), POLL, "not_awaiting"],
    ["polled by another", JOB.polled(), { by: "poll", token: "old" }, "poll_lost"],
    ["polled by nobody", JOB.waiting(), POLL, "poll_lost"],
    ["about other work", JOB.polled(), { by: "event", refKey: "server-2" }, "other_ref"],
    ...FINAL.map(([name, job]) => [name, job(), POLL, "already_final"] as const),
  ] as const)("is refused where the job is %s", (_, job, witness, reason) => {
    expect(see(job, DONE, witness)).toEqual(refused(reason));
  });

  it("needs no claim when it names the work", () => {
    expect(edges(see(JOB.polled(), DONE, { by: "event", refKey: "server-1" }))).toEqual(["T5"]);
  });
});

describe("external work seen", () => {
  it("done: COMPLETED with its output, also where a cancel was asked for", () => {
    for (const cancel of [null, CANCEL]) {
      const { item } = written(see(JOB.polled({ cancel }), DONE));
      expect(item).toMatchObject({ output: "1", patch: { ...CLAIM_CLEARED, status: "COMPLETED" } });
    }
  });

  it("failed: FAILED for good", () => {
    const { item } = written(see(JOB.polled(), LOST));
    expect(item.patch.failure).toMatchObject({ reason: "external_failed", message: "gone" });
  });

  it("failed, where the kind says so: launched anew", () => {
    const decision = see(JOB.polled(), { ...LOST, rerun: POLICY.retry });
    expect(edges(decision)).toEqual(["T7"]);
    expect(written(decision).item.patch).toMatchObject({ ...CLAIM_CLEARED, status: "PENDING", dispatch: 2 });
  });

  it.each([
    ["failed", LOST],
    ["failed, to be launched anew", { ...LOST, rerun: POLICY.retry }],
    ["invalid", { state: "invalid", reason: "output_invalid", message: "no" }],
  ] as const)("%s: cancelled where that was asked for", (_, work) => {
    expect(written(see(JOB.polled({ cancel: CANCEL }), work)).item.patch.failure?.reason).toBe("cancelled");
  });

  it.each(["output_invalid", "result_unstorable"] as const)(
    "done with an output that is %s: FAILED",
    (reason) => {
      const { item } = written(see(JOB.polled(), { state: "invalid", reason, message: "no" }));
      expect(item.patch.failure?.reason).toBe(reason);
    },
  );

  it("open: polled again later, errors forgotten, the poll given back", () => {
    const { item, entries } = written(see(JOB.polled(), OPEN));
    expect(entries).toEqual([]);
    expect(item.patch).toMatchObject({
      poll: null,
      wakeAt: NOW + 300,
      awaiting: { nextPollAt: NOW + 300, pollErrors: 0, cancelSent: false },
    });
  });

  it("open in another phase: an entry; in the same: none", () => {
    const drafts = [{ edge: "phase", reason: "x" } as const];
    expect(edges(see(JOB.polled(), { ...OPEN, updates: { phase: "x", drafts } }))).toEqual(["phase"]);
    const again = [{ edge: "phase", reason: "launching" } as const];
    expect(edges(see(JOB.polled(), { ...OPEN, updates: { phase: "launching", drafts: again } }))).toEqual([]);
  });

  it.each([
    ["as it tells", { percent: 0.5 }, NOW + 5_000],
    ["as before where it has not moved", { percent: 0.25 }, undefined],
    ["as it is set", { percent: 0.5, etaAt: NOW + 1 }, NOW + 1],
    ["as before while nothing is done", { percent: 0 }, undefined],
    ["as before where it is not known", { percent: null }, undefined],
    ["within what a calendar knows", { percent: 1e-13 }, 8.64e15],
  ])("open with a percent: the ETA %s", (_, updates, etaAt) => {
    const job = JOB.polled({ percent: updates.percent === 0.25 ? 0.25 : null });
    expect(written(see(job, { ...OPEN, updates })).item.patch.etaAt).toBe(etaAt);
  });

  it("open with a percent that is not known any more: as before, so that it cannot go back by that way", () => {
    const job = JOB.polled({ percent: 0.9 });
    const unknown = { ...OPEN, updates: { percent: null } };
    expect(written(see(job, { ...unknown, order: ["launching"] })).item.patch.percent).toBeUndefined();
    expect(written(see(job, unknown)).item.patch.percent).toBeNull();
  });

  it("open in the same phase, said in other words: an entry, and none when those are repeated", () => {
    const said = (text: string) =>
      ({
        ...OPEN,
        updates: { phase: "launching", drafts: [{ edge: "phase", reason: "launching", text }] },
      }) as const;
    const job = JOB.polled({
      history: encodeHistory([
        entry(1),
        entry(2, { edge: "phase", reason: "launching", text: "3 of 6" }),
        entry(3, { edge: "warning", reason: "slow" }),
      ]),
    });
    expect(edges(see(job, said("4 of 6")))).toEqual(["phase"]);
    expect(edges(see(job, said("3 of 6")))).toEqual([]);
    // The entry of the phase was trimmed.
    expect(edges(see(JOB.polled(), said("3 of 6")))).toEqual(["phase"]);
  });

  describe("warnings", () => {
    const slow = { edge: "warning", reason: "slow", text: "one server is slow" } as const;
    const warned = JOB.polled({ history: encodeHistory([entry(1), entry(2, slow)]) });
    const entriesOf = (work: SeenWork, job = warned) =>
      written(see(job, work)).entries.map(({ edge, reason, text }) => [edge, reason, text]);

    it("are told once each, before what else was seen", () => {
      const lost = { ...slow, text: "one server is lost" };
      const drafts = [{ edge: "phase", reason: "x" }] as const;
      expect(entriesOf({ ...OPEN, warnings: [slow, lost], updates: { phase: "x", drafts } })).toEqual([
        ["warning", "slow", "one server is lost"],
        ["phase", "x", null],
      ]);
      expect(entriesOf({ ...OPEN, warnings: [slow] })).toEqual([]);
    });

    it("are told where the look saw nothing or the end, too", () => {
      const lost = { ...slow, text: "lost" };
      const unseen = { state: "unseen", backoff: { baseMs: 1, capMs: 1 } } as const;
      expect(entriesOf({ ...unseen, warnings: [lost] }).map(([edge]) => edge)).toEqual(["warning"]);
      expect(entriesOf({ ...DONE, warnings: [lost] }).map(([edge]) => edge)).toEqual(["warning", "T5"]);
      expect(entriesOf({ ...LOST, warnings: [lost] }).map(([edge]) => edge)).toEqual(["warning", "T6"]);
    });

    it("are others where code and text are parted elsewhere", () => {
      const parted = JOB.polled({
        history: encodeHistory([entry(1), entry(2, { edge: "warning", reason: "a b", text: "c" })]),
      });
      const warning = { edge: "warning", reason: "a", text: "b c" } as const;
      expect(entriesOf({ ...OPEN, warnings: [warning] }, parted)).toEqual([["warning", "a", "b c"]]);
    });

    it("are no more than a job may have", () => {
      const many = Array.from({ length: POLICY.maxWarnings + 5 }, (_, at) => ({ ...slow, text: `w${at}` }));
      expect(entriesOf({ ...OPEN, warnings: many })).toHaveLength(POLICY.maxWarnings - 1);
      const full = JOB.polled({ history: history(POLICY.maxWarnings + 1, slow) });
      expect(entriesOf({ ...OPEN, warnings: many }, full)).toEqual([]);
    });
  });

  it.each([
    ["an earlier phase", { phase: "preparing" }, {}],
    ["a lower percent", { percent: 0.4 }, {}],
    ["an earlier phase, at a higher percent", { phase: "preparing", percent: 0.9 }, {}],
  ])("open, fallen back to %s: polled again, and nothing changed", (_, updates, told) => {
    const order = ["preparing", "launching", "converting"];
    const { item } = written(see(JOB.polled(told), { ...OPEN, updates, order }));
    expect(item.patch).not.toHaveProperty("phase");
    expect(item.patch).not.toHaveProperty("percent");
    expect(item.patch.awaiting?.nextPollAt).toBe(NOW + 300);
  });

  it.each([
    ["the same", { phase: "launching", percent: 0.5 }, {}],
    ["further", { phase: "converting", percent: 0.6 }, {}],
    ["a percent where there was none", { percent: 0.1 }, { percent: null }],
    ["a phase where there was none", { phase: "preparing" }, { phase: null }],
  ])("open, with %s: taken as it is", (_, updates, told) => {
    const order = ["preparing", "launching", "converting"];
    expect(written(see(JOB.polled(told), { ...OPEN, updates, order })).item.patch).toMatchObject(updates);
  });

  it("open: expected when the percent so far says, unless something else was said or it says nothing", () => {
    const etaOf = (updates: object) => written(see(JOB.polled(), { ...OPEN, updates })).item.patch.etaAt;
    expect(etaOf({ percent: 0.8 })).toBe(AWAITING.since + Math.floor((NOW - AWAITING.since) / 0.8));
    expect(etaOf({ percent: 0.8, etaAt: null })).toBeNull();
    expect([etaOf({ percent: 0 }), etaOf({ percent: null }), etaOf({ percent: 0.5 })]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("a request to cancel that the outside took is not forgotten", () => {
    expect(written(see(JOB.polled(), { ...OPEN, cancelSent: true })).item.patch.awaiting?.cancelSent).toBe(
      true,
    );
    const sent = JOB.polled({ awaiting: { ...AWAITING, cancelSent: true } });
    expect(written(see(sent, OPEN)).item.patch.awaiting?.cancelSent).toBe(true);
  });

  it("by a callback of its launch as by an event: neither puts off the next look nor takes it from whoever looks", () => {
    const job = JOB.polled({ awaiting: { ...AWAITING, fence: 4 } });
    const { item } = written(seen(snapshot(job), { by: "callback", fence: 4 }, OPEN, context()));
    expect(item.patch.awaiting?.nextPollAt).toBe(Math.min(AWAITING.nextPollAt, OPEN.nextPollAt));
    expect(item.patch.poll).toEqual(job.poll);
  });

  it.each([
    ["of an older launch", JOB.waiting({ awaiting: { ...AWAITING, fence: 4 } }), "other_ref"],
    ["of a launch whose run goes on", JOB.running({ fence: 3 }), "not_awaiting"],
    ["of a run that is over, while the next goes on", JOB.running({ fence: 4 }), "other_ref"],
    ["of a run that is over, before the next begins", JOB.pending({ fence: 3 }), "other_ref"],
    ["of a job that has ended", JOB.failed({ fence: 3 }), "already_final"],
  ])("not by a callback %s", (_, job, reason) => {
    expect(seen(snapshot(job), { by: "callback", fence: 3 }, OPEN, context())).toEqual(refused(reason));
  });

  it("not at all: polled again after a backoff that grows, never at once", () => {
    const unseen = { state: "unseen", backoff: { baseMs: 1_000, capMs: 60_000 } } as const;
    const { item } = written(see(JOB.polled(), unseen));
    expect(item.patch.awaiting).toMatchObject({ pollErrors: 3, nextPollAt: NOW + 2_000 });
    const soon = written(seen(snapshot(JOB.polled()), POLL, unseen, context({ random: 0 })));
    expect(soon.item.patch.awaiting?.nextPollAt).toBe(NOW + 1);
  });
});

describe("the deadline of external work", () => {
  const over = (given: Partial<JobRecord> = {}) =>
    JOB.waiting({ awaiting: { ...AWAITING, deadlineAt: NOW }, ...given });

  it.each([
    ["external_timeout", over()],
    ["cancelled", over({ cancel: CANCEL })],
  ])("ends the job: %s", (reason, job) => {
    expect(written(awaitTimeout(snapshot(job), context())).item.patch.failure?.reason).toBe(reason);
  });

  it.each([
    ["is not due", JOB.waiting(), "not_due"],
    ["is being looked at", JOB.polled({ awaiting: { ...AWAITING, deadlineAt: NOW } }), "not_due"],
    ["is run", JOB.running(), "not_awaiting"],
    ["is final", JOB.failed(), "not_awaiting"],
  ])("is refused where the job %s", (_, job, reason) => {
    expect(awaitTimeout(snapshot(job), context())).toEqual(refused(reason));
  });
});
