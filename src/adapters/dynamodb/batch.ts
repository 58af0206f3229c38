import { isWaybillError, StoreUnavailableError } from "../../core/errors.js";
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
  const settled = await Promise.allSettled(items.map(run));
  const failed = settled.flatMap((one) => (one.status === "rejected" ? [errorOf(one.reason)] : []));
  const [first] = failed;
  if (first === undefined) return settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const doubtful = failed.find((error) => !isWaybillError(error) || error.outcome !== "not_applied");
  if (doubtful !== undefined) throw doubtful;
  if (effect === "reads" || failed.length === items.length) throw first;
  throw new StoreUnavailableError("DynamoDB took some of the changes of a call, and not the others.", {
    outcome: "unknown",
    cause: first,
  });
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error("something that is no error was thrown", { cause: thrown });
}
