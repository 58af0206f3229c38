import { type EventJson, eventToJson } from "../event.js";
import type { ServerEvent } from "../../job/event.js";
import type { Json, JsonObject } from "../../json/json.js";
import type { PublicView } from "../../view/public-view.js";
import { clipToBytes, jsonBytes } from "./appsync-size.js";

/** What the Events API carries of one change: the event as it leaves the server, and the job where that is asked for. */
export interface AppSyncEventBody extends EventJson {
  /**
   * The job as it was stored when the event was sent, which may be newer; `null`: it was gone, or of a kind that the sender
   * does not know.
   */
  readonly job?: PublicView | null;
  /** Something was left out, or cut, to keep within AppSync's size; read the job for the rest. */
  readonly truncated?: true;
}

/** @param view - left out: the event alone */
export function eventBodyOf(event: ServerEvent, view?: PublicView | null): AppSyncEventBody {
  return {
    ...eventToJson(event),
    ...(view !== undefined && { job: view }),
  };
}

/**
 * The body within a size: first without output and progress, then without the job, then with its message cut. `null`: its
 * names alone are too long.
 *
 * @param mostBytes - of the body as JSON, in UTF-8
 */
export function fitEventBody(body: AppSyncEventBody, mostBytes: number): AppSyncEventBody | null {
  if (jsonBytes(body) <= mostBytes) return body;
  if (body.job) {
    const { output: _output, progress: _progress, ...job } = body.job;
    const lean: AppSyncEventBody = { ...body, job, truncated: true };
    if (jsonBytes(lean) <= mostBytes) return lean;
  }
  const { job: _job, ...event } = body;
  const bare: AppSyncEventBody = { ...event, truncated: true };
  const message = clipToBytes(bare.message, mostBytes - jsonBytes({ ...bare, message: "" }));
  return message === null ? null : { ...bare, message };
}

/** The body of a request: each event is JSON text inside JSON. */
export function publishBody(channel: string, events: readonly string[]): string {
  return JSON.stringify({ channel, events });
}

/** What the answer says of each event of a request; `null`: it is no such answer. */
export function publishAnswerOf(
  body: Json,
  count: number,
): readonly ("accepted" | "failed" | "left_out")[] | null {
  const { successful, failed } = (body ?? {}) as JsonObject;
  if (!Array.isArray(successful) || !Array.isArray(failed)) return null;
  const accepted = placesOf(successful);
  const refused = placesOf(failed);
  return Array.from({ length: count }, (_, place) => {
    if (refused.has(place)) return "failed";
    return accepted.has(place) ? "accepted" : "left_out";
  });
}

function placesOf(entries: readonly Json[]): ReadonlySet<Json | undefined> {
  return new Set(entries.map((entry) => (entry as JsonObject | null)?.["index"]));
}
