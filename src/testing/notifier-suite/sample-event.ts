import { EVENT_OF, type EventType, type ServerEvent } from "../../core/job/event.js";
import type { PublicView } from "../../core/view/public-view.js";

/** In no reason that a notifier gives, and in no name of a lane: what an event carries is not for error texts. */
export const SAMPLE_SECRET = "s3cret-of-the-owner";

/** Every type of event that there is. */
export const SAMPLE_TYPES: readonly EventType[] = [...new Set(Object.values(EVENT_OF))];

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

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
    phase: null,
    reason: null,
    failureReason: null,
    metadata: { note: SAMPLE_SECRET, nested: [1, null, { deep: true }] },
    actor: null,
    shown: {},
    trace: { traceparent: TRACEPARENT },
    ...over,
  };
}

/** An event whose every field for a text carries the secret. */
export function secretEvent(jobId: string, version: number): ServerEvent {
  const secret = { metadata: { note: SAMPLE_SECRET }, actor: SAMPLE_SECRET };
  return sampleEvent(jobId, version, {
    ...secret,
    message: `${SAMPLE_SECRET} is what it says`,
    shown: secret,
  });
}

/** The view of a job that is being worked on. */
export function sampleView(jobId: string): PublicView {
  return {
    id: jobId,
    kind: "mail.send",
    status: "PROCESSING",
    word: "IN_PROGRESS",
    version: 7,
    owner: "tenant-7",
    subject: "plan:42",
    message: "Zürich 東京 🚂",
    attempt: 1,
    createdAt: "2025-01-01T00:00:00.000Z",
    queuedAt: "2025-01-01T00:00:00.100Z",
    startedAt: "2025-01-01T00:00:01.000Z",
    finishedAt: null,
    updatedAt: "2025-01-01T00:00:02.000Z",
    durationMs: null,
    cancelRequestedAt: null,
    origin: null,
    phase: "sending",
    progress: { sent: 21, total: 50 },
    percent: 0.42,
    etaAt: null,
    awaiting: null,
  };
}
