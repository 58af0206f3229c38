import type { RetryPolicy } from "../defaults.js";
import { FOR_EVER_MS } from "../options/durations.js";
import type { Definition } from "../definition.js";
import type { RuntimeHandler } from "../handler.js";
import type { Core } from "./context.js";

// What holds for one kind: what its definition or handler sets, else the policy. Nowhere else are these two put together.

type Policied = Pick<Core, "policy">;

export function leaseMsOf({ policy }: Policied, { leaseMs }: Pick<Definition, "leaseMs">): number {
  return leaseMs ?? policy.leaseMs;
}

/** Never shorter than two looks of whoever watches untold: the end of a job must be there to be seen. */
export function retainMsOf({ policy }: Policied, { retainMs }: Pick<Definition, "retainMs">): number {
  return Math.min(FOR_EVER_MS, Math.max(2 * policy.watchEveryMs, retainMs ?? policy.retainMs));
}

/** A kind that asks for longer waits than the policy's cap, and names no cap, means them: its base is the cap then. */
export function retryOf({ policy }: Policied, { retry: own }: Pick<Definition, "retry">): RetryPolicy {
  const baseMs = own.baseMs ?? policy.retry.baseMs;
  return {
    maxAttempts: own.maxAttempts ?? policy.retry.maxAttempts,
    baseMs,
    capMs: own.capMs ?? Math.max(policy.retry.capMs, baseMs),
  };
}

export function pollEveryMsOf(
  { policy }: Policied,
  { pollEveryMs }: Pick<RuntimeHandler, "pollEveryMs">,
): number {
  return pollEveryMs ?? policy.pollEveryMs;
}

export function awaitTimeoutMsOf(
  { policy }: Policied,
  { timeoutMs }: Pick<RuntimeHandler, "timeoutMs">,
): number {
  return timeoutMs ?? policy.awaitTimeoutMs;
}
