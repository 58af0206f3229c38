import type { JobRecord } from "../../job/record.js";
import type { Core } from "../context.js";

/** Records removed in one call, and calls: with more than that in front of it, a record is left to the reconciler. */
const AT_ONCE = 500;
const MOST_CALLS = 20;

/** Whether a job has had its time, and only stands in the store still. */
export function isExpired({ time }: Core, { purgeAt }: JobRecord): boolean {
  return purgeAt !== null && purgeAt <= time.now();
}

/**
 * Removes what has had its time until a job is gone: its key is as free as if somebody had been there before.
 *
 * @returns whether it is gone
 */
export async function removeExpired({ gateway }: Core, { id }: JobRecord): Promise<boolean> {
  for (let calls = 0; calls < MOST_CALLS; calls += 1) {
    const { jobs } = await gateway.call("purge", (store, request) =>
      store.purge({ ...request, limit: AT_ONCE, parkedBefore: 0 }),
    );
    if ((await gateway.read(id)) === null) return true;
    if (jobs === 0) return false;
  }
  return false;
}
