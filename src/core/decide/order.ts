import type { JobRecord } from "../job/record.js";
import type { Updates } from "./held.js";

/** What people were told of one attempt, as far as it must not go back. */
export type Told = Pick<JobRecord, "phase" | "percent">;

/**
 * Whether updates would go back within an attempt: to an earlier phase, or to a lower percent. Single counters may fall, as
 * that of servers being converted does.
 */
export function fallsBehind(told: Told, { phase, percent }: Updates, phases: readonly string[]): boolean {
  if (phase !== undefined && told.phase !== null && phases.indexOf(phase) < phases.indexOf(told.phase))
    return true;
  return percent !== undefined && percent !== null && told.percent !== null && percent < told.percent;
}
