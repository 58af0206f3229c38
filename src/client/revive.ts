import type { PublicView } from "../core/view/public-view.js";

/** Where a view has instants. What is the application's own (metadata, output, progress, details) is never looked into. */
const INSTANT = /^(?:.+At|at|since)$/;
const PART = /^(?:lastError|awaiting)$/;

/** A view, or a part of one, as it came over the wire, with its instants as `Date`, frozen. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows the kind
export function reviveView<V>(wire: PublicView | object): V {
  return Object.freeze(
    Object.fromEntries(
      Object.entries(wire).map(([key, value]: [string, unknown]) => {
        if (typeof value === "string" && INSTANT.test(key)) return [key, new Date(value)];
        if (PART.test(key) && typeof value === "object" && value !== null) return [key, reviveView(value)];
        return [key, value];
      }),
    ),
  ) as V;
}
