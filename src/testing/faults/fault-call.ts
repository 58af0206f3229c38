import { sleep, type Clock } from "../../core/environment/clock.js";
import type { FaultPlan, PlannedFault } from "./fault-plan.js";

/** What the caller may know of a call that broke. */
export type BrokenOutcome = "not_applied" | "unknown";

/** Does one call under a planned fault. `broken` answers or throws for the caller, as the port says it. */
export async function underFault<T>(
  plan: FaultPlan,
  planned: PlannedFault | null,
  call: () => Promise<T>,
  broken: (outcome: BrokenOutcome) => T,
): Promise<T> {
  if (planned === null) return call();
  switch (planned.fault) {
    case "not_applied":
      return broken("not_applied");
    case "request_lost":
      return broken("unknown");
    case "response_lost":
      await withoutAnswer(call);
      return broken("unknown");
    case "late":
      plan.clock.timer(planned.delayMs, () => void withoutAnswer(call));
      return broken("unknown");
    case "delay":
      await hold(plan.clock, planned.delayMs);
      return call();
    case "hang":
      await plan.hang();
      return broken("unknown");
    case "hang_applied":
      await withoutAnswer(call);
      await plan.hang();
      return broken("unknown");
  }
}

/** The answer is lost, and so is an error that was the answer. */
async function withoutAnswer(call: () => Promise<unknown>): Promise<void> {
  await call().catch(() => undefined);
}

/** A real clock must not let the process end in the middle of a delayed call. */
function hold(clock: Clock, ms: number): Promise<void> {
  return sleep(clock, ms, undefined, true);
}
