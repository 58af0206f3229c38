import { expect, it } from "vitest";
import { applyNewer, type Versioned } from "../../src/client/apply-newer.js";
import { reviveView } from "../../src/client/revive.js";
import { viewFromJson } from "../../src/core/api/view.js";
import type { JobStatus } from "../../src/core/job/lifecycle.js";
import type { PublicView } from "../../src/core/view/public-view.js";
import { ingest } from "../types/sample-jobs.js";
import { viewOf } from "./client-server.js";

const view = (id: string, version: number, second = 0) => ({
  id,
  version,
  createdAt: `2025-01-01T00:00:0${second}Z`,
});

it("takes the higher version of one job, and the old object itself otherwise", () => {
  const old = view("a", 2);
  const [lower, equal, higher] = [view("a", 1), view("a", 2), view("a", 3)];
  expect([applyNewer(null, old), applyNewer(undefined, old)]).toEqual([old, old]);
  expect(applyNewer(old, lower)).toBe(old);
  expect(applyNewer(old, equal)).toBe(old);
  expect(applyNewer(old, higher)).toBe(higher);
  expect(applyNewer(old, lower, true)).toBe(lower);
});

it("takes the job that was created later, whatever the versions", () => {
  const [first, again, twin] = [view("a", 9, 1), view("b", 1, 2), view("c", 1, 2)];
  expect(applyNewer(first, again)).toBe(again);
  expect(applyNewer(again, first)).toBe(again);
  expect(applyNewer(again, twin)).toBe(twin);
  expect(applyNewer(twin, again)).toBe(twin);
  const revived: Versioned = { ...again, createdAt: new Date(again.createdAt) };
  expect(applyNewer(revived, first)).toBe(revived);
});

const at = "2025-02-03T04:05:06.789Z";
const shapes: Readonly<Record<JobStatus, Partial<PublicView>>> = {
  PENDING: { retryAt: at, lastError: { message: "createdAt", code: null, at, attempt: 1 } },
  QUEUED: { queuedAt: at, retryAt: null, lastError: null },
  PROCESSING: {
    startedAt: at,
    etaAt: at,
    progress: { finishedAt: at, since: at },
    awaiting: { since: at, nextPollAt: at, deadlineAt: at },
    cancelRequestedAt: at,
  },
  COMPLETED: { finishedAt: at, durationMs: 3, output: { createdAt: at } },
  FAILED: {
    finishedAt: at,
    metadata: { at },
    failure: {
      reason: "error",
      code: null,
      message: at,
      attempts: 1,
      retryable: true,
      phase: null,
      details: { at },
    },
  },
};

it.each(Object.keys(shapes) as JobStatus[])("revives a view that is %s as the core does", (status) => {
  const wire = viewOf({ id: "a", status, ...shapes[status] });
  expect(reviveView(wire)).toEqual(viewFromJson(ingest, wire as never));
});
