import type { Caught } from "./find-catches.js";

/** What of the catch branches this process has come to. */
export function watchCatches(): ReadonlySet<string> {
  const visited = new Set<string>();
  const waybillCaught: Caught = {
    at: (id) => {
      visited.add(id);
    },
    on: (id, handler) => {
      const marked = (...given: never[]): unknown => {
        visited.add(id);
        return handler(...given);
      };
      return marked as typeof handler;
    },
  };
  Object.assign(globalThis, { waybillCaught });
  return visited;
}
