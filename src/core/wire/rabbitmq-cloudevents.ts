import type { ServerEvent } from "../event.js";

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md */
export const CLOUDEVENTS_CONTENT_TYPE = "application/cloudevents+json";

/** A CloudEvent in structured JSON. `id` is the event's: the same change has the same one on every channel. */
export function encodeCloudEvent(event: ServerEvent): string {
  const { jobId, kind, version, from, status, word, message, attempt, owner, subject } = event;
  const { phase, reason, failureReason } = event;
  return JSON.stringify({
    specversion: "1.0",
    id: event.id,
    source: "waybill",
    type: event.type,
    subject: jobId,
    time: event.at.toISOString(),
    datacontenttype: "application/json",
    data: {
      jobId,
      kind,
      version,
      from,
      status,
      word,
      message,
      attempt,
      owner,
      subject,
      phase,
      reason,
      failureReason,
    },
  });
}
