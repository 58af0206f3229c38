import type { PublicView } from "../core/view/public-view.js";

/** Where a view has instants. What is the application's own (metadata, output, progress, details) is never looked into. */
const INSTANT = /^(?:.+At|at|since)$/;
const PARTS: ReadonlySet<string> = new Set(["lastError", "awaiting"]);

/** A view as it came over the wire, with its instants as `Date`, frozen. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows the kind
export function reviveView<V>(wire: PublicView): V {
  return revive(wire) as V;
}

function revive(part: object): object {
  return Object.freeze(
    Object.fromEntries(
      Object.entries(part).map(([key, value]: [string, unknown]) => {
        if (typeof value === "string" && INSTANT.test(key)) return [key, new Date(value)];
        if (PARTS.has(key) && typeof value === "object" && value !== null) return [key, revive(value)];
        return [key, value];
      }),
    ),
  );
}
