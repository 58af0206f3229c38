import type { Policy } from "waybill";

/** The pace of a run: everything that waits for minutes in a service waits for parts of a second here. */
export const PACE: Partial<Policy> = {
  sendGraceMs: 1_000,
  redispatchAfterMs: 6_000,
  redispatchCapMs: 12_000,
  redriveAfterMs: 500,
  redriveCapMs: 1_000,
  notifyGraceMs: 500,
  pollLeaseMs: 2_000,
  pollCapMs: 1_000,
  progressEveryMs: 100,
  watchEveryMs: 500,
  takeDueHoldMs: 1_500,
  reconcileBusyMs: 100,
  reconcileIdleMs: 250,
  unknownRetryMs: 5_000,
  storeTimeoutMs: 10_000,
  notifier: { giveUpAfterMs: 120_000, baseMs: 50, capMs: 500 },
};
