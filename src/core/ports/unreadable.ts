import { isWaybillError } from "../errors/errors.js";
import type { Unreadable } from "./store-messages.js";

/** What could be read of several stored records. */
export interface ReadEach<T> {
  readonly found: readonly T[];
  /** Part of the reply. */
  readonly unreadable: Unreadable;
}

/** Reads each by itself: one that cannot be read is told of by its id, and never stands in the way of the others. */
export function readEach<S, T>(stored: readonly S[], read: (one: S) => T): ReadEach<T> {
  const found: T[] = [];
  const ids: string[] = [];
  for (const one of stored) {
    try {
      found.push(read(one));
    } catch (error) {
      if (!isWaybillError(error, "store.corrupt") || error.jobId === undefined) throw error;
      ids.push(error.jobId);
    }
  }
  return { found, unreadable: ids.length === 0 ? {} : { unreadable: ids } };
}
