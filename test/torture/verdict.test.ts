import { beforeAll, describe, expect, it } from "vitest";
import type { StoredJob } from "waybill";
import type { JobRecord } from "waybill/store-kit";
import type { Evidence, Rule } from "./evidence.js";
import { SHORT, TIMEOUT_MS } from "./expect-clean.js";
import { tortureInner } from "./torture-inner.js";
import { judge } from "./verdict.js";

// The evidence of one honest run, then changed in one place at a time: each change breaks one promise, and is to be named.
let honest: Evidence;

beforeAll(async () => {
  const options = { ...SHORT, jobs: 60, kills: 1, stops: 0, orderly: 1, loadMs: 2_000, drainMs: 60_000 };
  honest = (await tortureInner(options)).evidence;
}, TIMEOUT_MS);

function completed(kind: string): StoredJob {
  const job = honest.stored.find(({ record }) => record.kind === kind && record.status === "COMPLETED");
  if (job === undefined) throw new Error(`no ${kind} was completed`);
  return job;
}

const plainJob = (): StoredJob => completed("torture.plain");

/** The same evidence, but for one stored job. */
function withRecord(job: StoredJob, patch: Partial<JobRecord>, more: Partial<StoredJob> = {}): Evidence {
  const changed = { ...job, ...more, record: { ...job.record, ...patch } };
  return { ...honest, stored: honest.stored.map((one) => (one === job ? changed : one)) };
}

function withoutEffects(job: StoredJob, what: string): Evidence {
  const gone = (jobId: string): boolean => jobId === job.record.id;
  return { ...honest, effects: honest.effects.filter((one) => !(gone(one.jobId) && one.what === what)) };
}

function withWatcher(job: StoredJob, seen: Evidence["watched"][number]["seen"]): Evidence {
  return { ...honest, watched: [...honest.watched, { jobId: job.record.id, seen }] };
}

const withHistory = (job: StoredJob, change: (history: string) => string): Evidence =>
  withRecord(job, { history: change(job.record.history) });

function flakyJob(): StoredJob {
  const job = honest.stored.find(
    ({ record }) => record.kind === "torture.flaky" && record.status === "COMPLETED" && record.fence > 1,
  );
  if (job === undefined) throw new Error("no job was run twice");
  return job;
}

const CHANGES: readonly (readonly [what: string, rule: Rule, change: () => Evidence])[] = [
  ["a job is gone", "lost", () => ({ ...honest, stored: honest.stored.slice(1) })],
  [
    "a job is there that nobody submitted",
    "unexpected",
    () => ({ ...honest, planned: honest.planned.slice(1) }),
  ],
  ["a watcher heard nothing of an end", "S9", () => withWatcher(plainJob(), [])],
  [
    "a watcher heard of all but the end",
    "S9",
    () => withWatcher(plainJob(), [{ version: 1, status: "PENDING" }]),
  ],
  ["a job is not final", "stuck", () => withRecord(plainJob(), { status: "PROCESSING" })],
  ["a final job still has a wake-up", "stuck", () => withRecord(plainJob(), { wakeAt: 1 })],
  [
    "an edge is skipped",
    "S1",
    () => withHistory(plainJob(), (text) => text.replace(/\[2,"T2"[^\]]*\],/, "")),
  ],
  [
    "something follows the end",
    "S2",
    () => withHistory(plainJob(), (text) => `${text},[99,"T6",1,1,"late"]`),
  ],
  ["there are two ends", "S3", () => withHistory(plainJob(), (text) => `${text},[99,"T6",1,1,"late"]`)],
  ["the status is not that of the last entry", "S3", () => withRecord(plainJob(), { status: "FAILED" })],
  ["a final job holds a claim", "S3", () => withRecord(plainJob(), { token: "t" })],
  [
    "a version comes again",
    "S4",
    () => withHistory(plainJob(), (text) => text.replace('[2,"T2"', '[1,"T2"')),
  ],
  ["a final job changed", "S4", () => withRecord(plainJob(), { version: 99 })],
  ["a fence fell back", "S5", () => withRecord(flakyJob(), { fence: 1 })],
  [
    "a claim was made by another",
    "S5",
    () => withHistory(plainJob(), (text) => text.replaceAll(/"w(\d)/g, '"x$1')),
  ],
  ["an outcome is not of the last claim", "S6", () => withRecord(plainJob(), { fence: 7 })],
  ["a write took effect twice", "S8", () => withHistory(flakyJob(), (text) => sameId(text))],
  ["an attempt was not counted", "S12", () => withRecord(flakyJob(), { attempt: 1 })],
  ["an output is missing", "S13", () => withRecord(plainJob(), {}, { output: null })],
  ["an outcome has no run behind it", "S13", () => withoutEffects(plainJob(), "end")],
  ["a retry has no failure behind it", "S13", () => withoutEffects(flakyJob(), "end")],
  ["outside work is not done", "S13", () => ({ ...honest, outside: new Map() })],
  // One that was told twice, since the answer to the first was lost, is missing only when both are.
  [
    "an event was not delivered",
    "S14",
    () => ({ ...honest, events: honest.events.filter(({ id }) => id !== honest.events[0]?.id) }),
  ],
  ["events came in another order", "S15", () => ({ ...honest, events: [...honest.events].reverse() })],
  ["an event tells of another instant", "S15", () => withEvents((event) => ({ ...event, at: event.at + 1 }))],
  ["two ends were delivered", "S3", () => withEvents((event) => ({ ...event, status: "FAILED" }))],
  ["a cancel took no effect", "S9", () => answered("accepted")],
  ["a job that was cancelled is not", "S9", () => answered("ended")],
  ["a watcher saw what never was", "S9", () => saw([{ version: 2, status: "FAILED" }])],
  ["a watcher went back", "S9", () => saw([2, 1].map((version) => ({ version, status: "QUEUED" })))],
  ["a checkpoint was forgotten", "checkpoint", () => forgetsCheckpoint()],
  [
    "a worker ended by itself",
    "worker",
    () => ({ ...honest, ended: [{ life: "w1.1", at: 1, by: "itself" }] }),
  ],
];

/** Gives the last entry the id of the first. */
function sameId(history: string): string {
  const ids = [...history.matchAll(/\[\d+,"[^"]+",\d+,\d+,"([^"]+)"/g)].map(([, id]) => id ?? "");
  return history.replace(ids[ids.length - 1] ?? "", ids[0] ?? "");
}

function withEvents(change: (event: Evidence["events"][number]) => Evidence["events"][number]): Evidence {
  const { id } = plainJob().record;
  return { ...honest, events: honest.events.map((event) => (event.jobId === id ? change(event) : event)) };
}

function answered(answer: "accepted" | "ended"): Evidence {
  return { ...honest, cancels: new Map([...honest.cancels, [plainJob().record.id, answer]]) };
}

function saw(seen: Evidence["watched"][number]["seen"]): Evidence {
  return { ...honest, watched: [...honest.watched, { jobId: plainJob().record.id, seen }] };
}

function forgetsCheckpoint(): Evidence {
  const { id } = plainJob().record;
  const run = honest.effects.find(({ jobId, what }) => jobId === id && what === "begin")!;
  return { ...honest, effects: [...honest.effects, { ...run, what: "checkpoint", fence: 0, step: 1 }] };
}

describe("the verdict on a run", () => {
  it("finds nothing where nothing is wrong", () => {
    expect(honest.stored.length).toBe(60);
    expect(judge(honest)).toEqual([]);
  });

  it.each(CHANGES)("says so when %s", (_what, rule, change) => {
    expect(judge(change()).map((violation) => violation.rule)).toContain(rule);
  });
});
