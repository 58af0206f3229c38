export const PLANS = { billing: "Billing", search: "Search", mail: "Mail" } as const;
export type PlanId = keyof typeof PLANS;

export const TYPES = { DRILL: "Drill", RECOVERY: "Recovery", FAILBACK: "Failback" } as const;
export type ExecutionType = keyof typeof TYPES;

/** What people read for each word. */
export const LABELS = {
  SUBMITTED: "Submitted",
  LAUNCHING: "Launching",
  CONVERTING: "Converting",
  COMPLETED: "Completed",
  FAILED: "Failed",
  CANCELLED: "Cancelled",
} as const;

export const SERVER_LABELS = {
  pending: "Waiting",
  launched: "Launched",
  converting: "Converting",
  ready: "Ready",
  failed: "Failed",
} as const;

/** From submission to the end, as in the record. */
export function tookOf({
  createdAt,
  finishedAt,
}: {
  readonly createdAt: Date;
  readonly finishedAt: Date;
}): string {
  const seconds = Math.floor((finishedAt.getTime() - createdAt.getTime()) / 1_000);
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds} s` : `${minutes} min ${seconds % 60} s`;
}

/** What is left until `etaAt`; `null`: nobody knows. */
export function left(etaAt: Date | null, now: number): string | null {
  if (etaAt === null || etaAt.getTime() <= now) return null;
  const seconds = Math.max(1, Math.round((etaAt.getTime() - now) / 1_000));
  return seconds < 60 ? `about ${seconds} s left` : `about ${Math.round(seconds / 60)} min left`;
}

/** What is known of it, with points between. */
export function facts(...parts: readonly (string | null)[]): string {
  return parts.filter((part) => part !== null && part !== "").join(" · ");
}
