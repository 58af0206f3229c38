import type { ServerEvent } from "../job/event.js";
import { cloudEvent } from "./cloud-event.js";
import { eventToJson } from "./event.js";

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md */
export const CLOUDEVENTS_CONTENT_TYPE = "application/cloudevents+json";

/** A CloudEvent in structured JSON. `id` is the event's: the same change has the same one on every channel. */
export function encodeCloudEvent(event: ServerEvent): string {
  return JSON.stringify(cloudEvent(event, "waybill", eventToJson(event)));
}
