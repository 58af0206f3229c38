import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isCancelled, type Job } from "../../src/core/api/job.js";
import { type JobViewJson, toListedView, toView, viewFromJson } from "../../src/core/api/view.js";
import { createRecord } from "../../src/core/decide/create.js";
import { DEFAULT_POLICY } from "../../src/core/defaults.js";
import { defineJob } from "../../src/core/define/define-job.js";
import { listedJobOf } from "../../src/core/engine/read/job.js";
import { publicViewOf } from "../../src/core/engine/read/public-view.js";
import { shownOf } from "../../src/core/view/shown.js";
import { eventToJson } from "../../src/core/wire/event.js";
import type { ServerEvent } from "../../src/core/job/event.js";
import type { StoredJob } from "../../src/core/ports/store.js";
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
  metadata: { createdAt: "s3cret" },
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

/** A job as it is stored. */
function storedRecover(status: "COMPLETED" | "FAILED"): StoredJob {
  const job = {
    ...{
      id: "job-1",
      kind: "recover",
      owner: "o",
      subject: "s",
      metadata: "s3cret",
      queue: null,
      handOver: null,
      trace: null,
      notifiers: [],
    },
    ...{
      maxAttempts: 3,
      origin: null,
      scope: null,
      inputHash: null,
      deadlineAt: null,
      retainMs: 1,
      delayMs: 0,
    },
  };
  const context = { now: at.getTime(), policy: DEFAULT_POLICY, transitionId: "t", actor: "s3cret" };
  const record = createRecord(job, context);
  return {
    record: {
      ...record,
      status,
      history: "",
      token: "s3cret",
      startedAt: at.getTime(),
      finishedAt: at.getTime(),
    },
    cursors: {},
  };
}

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
    const details = { path: "/a" };
    expect(toView(def, { ...failed, failure: { ...failure, ...text, details } })).toMatchObject({
      failure: { details },
    });
    expect(toView(def, { ...failed, failure: { ...failure, details } })).not.toMatchObject({
      failure: { details },
    });
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

/** Lets some of everything out. */
const sealed = defineJob({
  kind: "recover",
  input: z.object({ password: z.string() }),
  output: z.object({ at: z.string() }),
  progress: z.object({ etaAt: z.string() }),
  phases: ["a", "b", "c"],
  external: z.object({ handle: z.string() }),
  project: {
    output: ({ at: when }) => ({ when }),
    progress: () => "hidden",
    metadata: () => ({ given: true }),
    actor: (actor) => (actor === "ann" ? "A." : null),
  },
});

const event: ServerEvent = {
  id: "job-1:3",
  type: "job.started",
  jobId: "job-1",
  kind: "recover",
  version: 3,
  from: "QUEUED",
  status: "PROCESSING",
  word: "PROCESSING",
  message: "Running.",
  at,
  attempt: 1,
  owner: "o",
  subject: "s",
  phase: null,
  reason: null,
  failureReason: null,
  metadata: { password: "s3cret" },
  actor: "s3cret",
  shown: {},
  trace: { traceparent: "s3cret" },
};

describe("what a kind's project lets through", () => {
  it("is what views show, with their JSON", () => {
    expect(toView(sealed, completed as never)).toMatchObject({
      output: { when: "noon" },
      metadata: { given: true },
    });
    expect(toView(sealed, running as never)).toMatchObject({ progress: "hidden", metadata: { given: true } });
    const failing = { ...failed, progress: { etaAt: "s3cret" } };
    expect(toView(sealed, failing as never)).toMatchObject({ progress: "hidden" });
    expect(toView(sealed, failed as never)).toMatchObject({ progress: null });
    expect(toView(sealed, { ...queued, metadata: null })).toMatchObject({ metadata: null });
  });

  it("is what events show; left out, neither metadata nor actor leave", () => {
    const told = (of: typeof def | typeof sealed, actor: string | null = event.actor) =>
      eventToJson({ ...event, shown: shownOf(of["~definition"], { ...event, actor }) });
    const plain = told(def);
    expect(JSON.stringify(plain)).not.toMatch(/s3cret|metadata|actor|trace/);
    const { metadata: _metadata, actor: _actor, trace: _trace, shown: _shown, ...open } = event;
    expect(plain).toEqual({ ...open, at: at.toISOString() });
    expect(told(sealed, "ann")).toEqual({ ...plain, metadata: { given: true }, actor: "A." });
    expect([told(sealed, "bob").actor, told(sealed, null).actor]).toEqual([null, null]);
  });

  it.each([
    [
      () => {
        throw new Error("s3cret");
      },
      "threw.",
    ],
    [() => undefined as never, "must give JSON, but what it gave is undefined, which JSON has not."],
    [() => new Date(0) as never, "must give JSON, but what it gave is not a plain object"],
    [() => ({ a: [1n] }) as never, "must give JSON, but a.0"],
  ])("is never what is stored instead, when it fails: %#", (output, sentence) => {
    const broken = defineJob({
      kind: "recover",
      input: z.string(),
      output: z.unknown(),
      project: { output },
    });
    const view = (): unknown => toView(broken, completed as never);
    expect(view).toThrow(`The job "recover": project.output ${sentence}`);
    expect(view).toThrow(expect.objectContaining({ code: "config.invalid" }));
    expect(view).not.toThrow("s3cret");
  });

  it("names nobody by something that is no text", () => {
    const broken = defineJob({ kind: "recover", input: z.string(), project: { actor: () => 7 as never } });
    expect(() => shownOf(broken["~definition"], event)).toThrow("project.actor must give a text, or null.");
  });
});

describe("a view of what lists return", () => {
  it("is the view without output", () => {
    const { input: _input, output: _output, ...listed } = completed;
    const { output: _shown, ...view } = toView(def, completed) as { output: unknown };
    expect(toListedView(def, listed)).toEqual(view);
  });
});

it("a stored job's public view is its view's JSON, with what was read of it", () => {
  const stored = storedRecover("COMPLETED");
  const view = publicViewOf(sealed["~definition"], {
    ...stored,
    input: '{"password":"s3cret"}',
    output: '{"at":"noon"}',
  });
  expect(view).toMatchObject({
    status: "COMPLETED",
    output: { when: "noon" },
    createdAt: at.toISOString(),
    finishedAt: at.toISOString(),
  });
  expect(JSON.stringify(view)).not.toMatch(/s3cret|token|input/);
  expect(publicViewOf(sealed["~definition"], stored)).not.toHaveProperty("output");
  expect(publicViewOf(sealed["~definition"], storedRecover("FAILED"))).toMatchObject({
    failure: { message: "Failed." },
  });
  expect(listedJobOf(sealed["~definition"], { ...stored, output: '{"at":"noon"}' })).not.toHaveProperty(
    "output",
  );
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

  it("have labels, one for every phase", () => {
    const labels = { a: "Asking", b: "Building", c: "Closing" };
    expect(steps(def, { status: "PROCESSING", phase: "b" }, labels)).toEqual([
      { phase: "a", state: "done", label: "Asking", completed: true },
      { phase: "b", state: "current", label: "Building", completed: false },
      { phase: "c", state: "open", label: "Closing", completed: false },
    ]);
    expect(steps(def, { status: "PENDING" }).map(({ label }) => label)).toEqual(["a", "b", "c"]);
    for (const given of [{ a: "Asking", b: "Building" }, Object.create(labels)]) {
      expect(() => steps(def, { status: "PENDING" }, given as typeof labels)).toThrow(
        "no label for the phase",
      );
    }
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
