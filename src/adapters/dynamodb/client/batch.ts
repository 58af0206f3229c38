import { isWaybillError, StoreUnavailableError } from "../../../core/errors/errors.js";
import { isError } from "../../../core/errors/foreign.js";
import type { Effect } from "./errors.js";

/**
 * Does something for each item, all side by side, and waits for all. DynamoDB changes items one by one: where one fails,
 * others of the same call may be changed already, and the call as a whole has an unknown outcome.
 */
export async function forEach<I, O>(
  items: readonly I[],
  effect: Effect,
  run: (item: I) => Promise<O>,
): Promise<readonly O[]> {
  const { done, failures } = await settledAll(items, run);
  const [first] = failures;
  if (first === undefined) return done;
  const doubtful = failures.find(isDoubtful);
  if (doubtful !== undefined) throw doubtful;
  if (effect === "reads" || failures.length === items.length) throw first;
  throw new StoreUnavailableError("DynamoDB took some of the changes of a call, and not the others.", {
    outcome: "unknown",
    cause: first,
  });
}

/** The same for a caller that goes on with what was done, whatever failed beside it. */
export async function settledAll<I, O>(
  items: readonly I[],
  run: (item: I) => Promise<O>,
): Promise<{ readonly done: readonly O[]; readonly failures: readonly Error[] }> {
  const settled = await Promise.allSettled(items.map(run));
  return {
    done: settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])),
    failures: settled.flatMap((one) => (one.status === "rejected" ? [errorOf(one.reason)] : [])),
  };
}

/** Whether what failed may be applied all the same. */
export function isDoubtful(error: Error): boolean {
  return !isWaybillError(error) || error.outcome !== "not_applied";
}

function errorOf(thrown: unknown): Error {
  return isError(thrown) ? thrown : new Error("something that is no error was thrown", { cause: thrown });
}
