import type { ServerEvent } from "../../core/event.js";

/** In no reason that a notifier gives: what an event carries is not for error texts. */
export const SAMPLE_SECRET = "s3cret-of-the-owner";

/** An event as the core publishes it. */
export function sampleEvent(jobId: string, version: number, over: Partial<ServerEvent> = {}): ServerEvent {
  return {
    id: `${jobId}:${version}`,
    type: "job.started",
    jobId,
    kind: "mail.send",
    version,
    from: "QUEUED",
    status: "PROCESSING",
    word: "IN_PROGRESS",
    message: 'Zürich 東京 🚂 "quoted" <b>&amp;</b>\nsecond line',
    at: new Date(Date.UTC(2025, 0, 1) + version),
    attempt: 1,
    owner: "tenant-7",
    subject: "plan:42",
    metadata: { note: SAMPLE_SECRET, nested: [1, null, { deep: true }] },
    actor: null,
    trace: null,
    phase: null,
    reason: null,
    failureReason: null,
    ...over,
  };
}
