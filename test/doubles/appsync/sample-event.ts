import type { ServerEvent } from "../../../src/core/job/event.js";
import type { PublicView } from "../../../src/core/view/public-view.js";

/** In nothing that leaves the server: an event has it where only the server looks. */
export const CANARY = "canary-of-the-server";

/** An event as the core gives it to a notifier. */
export function eventOf(jobId: string, version: number, over: Partial<ServerEvent> = {}): ServerEvent {
  return {
    id: `${jobId}:${version}`,
    type: "job.started",
    jobId,
    kind: "server.action",
    version,
    from: "QUEUED",
    status: "PROCESSING",
    word: "PROCESSING",
    message: "Processing start",
    at: new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)),
    attempt: 1,
    owner: "ana",
    subject: "i-01",
    phase: null,
    reason: null,
    failureReason: null,
    metadata: { action: "start", userEmail: "ana@example.com", canary: CANARY },
    actor: CANARY,
    shown: {},
    trace: null,
    ...over,
  };
}

/** A job as it may leave the server. */
export function viewOf(jobId: string, over: Partial<PublicView> = {}): PublicView {
  return {
    id: jobId,
    kind: "server.action",
    status: "PROCESSING",
    word: "PROCESSING",
    version: 3,
    owner: "ana",
    subject: "i-01",
    message: "Processing start",
    attempt: 1,
    createdAt: "2026-01-02T03:04:04.000Z",
    queuedAt: "2026-01-02T03:04:04.100Z",
    startedAt: "2026-01-02T03:04:05.678Z",
    finishedAt: null,
    updatedAt: "2026-01-02T03:04:05.678Z",
    durationMs: null,
    cancelRequestedAt: null,
    origin: null,
    phase: null,
    percent: null,
    etaAt: null,
    awaiting: null,
    ...over,
  };
}
