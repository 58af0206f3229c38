import type { RuntimeView } from "./projection.js";
import type { PublicView } from "./public-view.js";

/** Where a view has instants. What is the application's own (metadata, output, progress, details) is never looked into. */
const INSTANTS: ReadonlySet<string> = new Set([
  "createdAt",
  "queuedAt",
  "startedAt",
  "finishedAt",
  "updatedAt",
  "cancelRequestedAt",
  "retryAt",
  "etaAt",
  "at",
  "since",
  "nextPollAt",
  "deadlineAt",
]);
const PARTS: ReadonlySet<string> = new Set(["lastError", "awaiting", "failure"]);

/** A view as `JSON.stringify` writes it: instants are ISO 8601 text. */
export function jsonOfView(view: RuntimeView): PublicView {
  const instant = (value: unknown): unknown => (value instanceof Date ? value.toISOString() : value);
  return mapInstants(view, instant) as unknown as PublicView;
}

/** A view out of its JSON form. */
export function viewOfJson(json: object): object {
  return mapInstants(json, (value) => (typeof value === "string" ? new Date(value) : value));
}

function mapInstants(part: object, map: (value: unknown) => unknown): object {
  return Object.fromEntries(
    Object.entries(part).map(([key, value]: [string, unknown]) => {
      if (INSTANTS.has(key)) return [key, map(value)];
      if (PARTS.has(key) && typeof value === "object" && value !== null)
        return [key, mapInstants(value, map)];
      return [key, value];
    }),
  );
}
