import type { ServerEvent } from "../job/event.js";
import type { Json } from "../json/json.js";

/** The content type of a CloudEvent that is one JSON document ("structured mode"). */
export const CLOUD_EVENT_TYPE = "application/cloudevents+json; charset=utf-8";

/** An integer attribute has 32 bits. */
const MOST_INTEGER = 2 ** 31 - 1;

/** A CloudEvent 1.0 (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md). */
export interface CloudEvent<Data> {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: "application/json";
  /** Extension "partitioning": events with one key belong in one partition. */
  readonly partitionkey: string;
  /** Extension of our own: the job's version, left out where an attribute cannot hold it. */
  readonly jobversion?: number;
  readonly data: Data;
}

/**
 * An event as a CloudEvent: `id` is the event's own and `subject` the job's. The standard's `sequence` is left out: it
 * orders the events of a whole source, and versions order those of a job.
 *
 * @param source - a URI of who sends; `source` and `id` together name an event for ever
 */
export function cloudEvent<Data extends object | Json>(
  event: ServerEvent,
  source: string,
  data: Data,
): CloudEvent<Data> {
  return {
    specversion: "1.0",
    id: event.id,
    source,
    type: event.type,
    subject: event.jobId,
    time: event.at.toISOString(),
    datacontenttype: "application/json",
    partitionkey: event.jobId,
    ...(event.version <= MOST_INTEGER && { jobversion: event.version }),
    data,
  };
}

/** Why a text is no `source`; `null`: it is one. Continues a sentence. */
export function sourceProblem(source: unknown): string | null {
  // A URI reference has neither spaces nor characters beyond ASCII: those are escaped.
  const fits = typeof source === "string" && /^[!-~]{1,512}$/.test(source) && !/["<>\\^`{|}]/.test(source);
  return fits ? null : "must be a URI such as https://app.example/jobs, at most 512 characters";
}
