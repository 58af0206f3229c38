import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isCancelled, type Job } from "../../src/core/api/job.js";
import { type JobViewJson, toView, viewFromJson } from "../../src/core/api/view.js";
import { defineJob } from "../../src/core/define/define-job.js";
import { steps } from "../../src/core/define/steps.js";

const def = defineJob({
  kind: "recover",
  input: z.object({ password: z.string() }),
  output: z.object({ at: z.string() }),
  progress: z.object({ etaAt: z.string() }),
  phases: ["a", "b", "c"],
  external: z.object({ handle: z.string() }),
});
type Recover = Job<typeof def>;

const at = new Date("2026-01-02T03:04:05.678Z");

/** Everything that a job holds, and more: nothing of it may leave by itself. */
const base = {
  id: "job-1",
  kind: "recover",
  version: 3,
  owner: "o",
  subject: "s",
  metadata: { createdAt: "yesterday" },
  message: "for users",
  attempt: 1,
  input: { password: "s3cret" },
  createdAt: at,
  queuedAt: at,
  startedAt: at,
  finishedAt: null,
  updatedAt: at,
  durationMs: null,
  cancelRequestedAt: null,
  dispatch: "confirmed",
  origin: null,
  token: "s3cret",
  checkpoint: "s3cret",
} as const;
const final = { ...base, finishedAt: at, durationMs: 5 } as const;
const lastError = { message: "s3cret", code: "S3CRET", expose: false, at, attempt: 1 };
const failure = {
  reason: "error",
  code: "S3CRET",
  message: "s3cret",
  expose: false,
  attempts: 3,
  retryable: true,
  phase: "b",
} as const;

const pending = {
  ...base,
  status: "PENDING",
  word: "PENDING",
  dispatch: "deferred",
  retryAt: at,
  lastError,
} as const;
const queued = { ...base, status: "QUEUED", word: "QUEUED", retryAt: null, lastError: null } as const;
const running = {
  ...base,
  status: "PROCESSING",
  word: "PROCESSING",
  phase: "b",
  progress: { etaAt: "soon" },
  percent: 0.5,
  etaAt: at,
  worker: { name: "s3cret-host", leaseUntil: at },
  awaiting: null,
} as const;
const awaiting = {
  ...running,
  phase: "c",
  worker: null,
  awaiting: { since: at, ref: { handle: "s3cret" }, nextPollAt: at, deadlineAt: at },
} as const;
const completed = { ...final, status: "COMPLETED", word: "COMPLETED", output: { at: "noon" } } as const;
const failed = { ...final, status: "FAILED", word: "FAILED", progress: null, failure } as const;

const JOBS: Readonly<Record<string, Recover>> = { pending, queued, running, awaiting, completed, failed };

describe("a view", () => {
  it.each(Object.entries(JOBS))("of a job that is %s lets nothing secret out", (_, job) => {
    expect(JSON.stringify(toView(def, job))).not.toMatch(/s3cret/i);
  });

  it.each(Object.entries(JOBS))("of a job that is %s survives JSON", (_, job) => {
    const view = toView(def, job);
    expect(viewFromJson(def, JSON.parse(JSON.stringify(view)) as JobViewJson<typeof def>)).toEqual(view);
  });

  it.each(Object.entries(JOBS))("of a job that is %s has these fields", (_, job) => {
    expect(toView(def, job)).toMatchSnapshot();
  });

  it("tells what was made public", () => {
    const text = { message: "quota", code: "QUOTA", expose: true };
    expect(toView(def, { ...pending, lastError: { ...lastError, ...text } })).toMatchObject({
      lastError: { message: "quota", code: "QUOTA" },
    });
    expect(toView(def, { ...failed, failure: { ...failure, ...text } })).toMatchObject({
      failure: { message: "quota", code: "QUOTA" },
    });
    expect(toView(def, failed)).toMatchObject({ failure: { message: "for users", code: null } });
  });

  it("is made and read with the definition of its own kind only", () => {
    expect(() => toView(def, { ...queued, kind: "other" as never })).toThrow(
      'A job of kind "other" was to be viewed as "recover".',
    );
    expect(() => viewFromJson(def, { kind: "other" } as never)).toThrow(
      'A view of kind "other" was to be read as "recover".',
    );
  });
});

describe("steps", () => {
  const states = (job: Parameters<typeof steps>[1]): string =>
    steps(def, job)
      .map(({ phase, state }) => `${phase} ${state}`)
      .join(", ");

  it.each([
    [{ status: "PENDING" }, "a open, b open, c open"],
    [{ status: "PROCESSING", phase: null }, "a open, b open, c open"],
    [{ status: "PROCESSING", phase: "b" }, "a done, b current, c open"],
    [{ status: "PROCESSING", phase: "gone" }, "a open, b open, c open"],
    [{ status: "COMPLETED" }, "a done, b done, c done"],
    [{ status: "FAILED", failure: { phase: "c" } }, "a done, b done, c current"],
    [{ status: "FAILED", failure: { phase: null } }, "a open, b open, c open"],
    [{ status: "FAILED" }, "a open, b open, c open"],
  ] as const)("of %j are %s", (job, expected) => {
    expect(states(job)).toBe(expected);
  });

  it("are told from jobs and from views", () => {
    expect(steps(def, running)).toEqual(steps(def, toView(def, running)));
    expect(steps(defineJob({ kind: "k", input: z.string() }), { status: "PROCESSING" })).toEqual([]);
  });
});

it("cancelled is a failure with that reason, and nothing else", () => {
  expect(isCancelled({ status: "FAILED", failure: { reason: "cancelled" } })).toBe(true);
  expect(isCancelled({ status: "FAILED", failure: { reason: "error" } })).toBe(false);
  expect(isCancelled({ status: "FAILED" })).toBe(false);
  expect(isCancelled({ status: "PROCESSING" })).toBe(false);
});
