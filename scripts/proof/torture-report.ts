import { isFinal } from "waybill";
import type { Rule, Violation } from "../../test/torture/evidence.js";
import type { Faults } from "../../test/torture/nemesis.js";
import type { Spread } from "../../test/torture/recovery.js";
import type { TortureOptions, TortureResult } from "../../test/torture/torture.js";

const FAULTS = [
  ...(["kills", "stops", "orderly", "serverKills"] as const),
  ...(["silences", "lostReplies", "exhaustions"] as const),
];

export interface TortureReport extends Faults {
  /** As many jobs, and as many of each fault, as were asked for. */
  readonly complete: boolean;
  readonly seed: number;
  readonly jobs: number;
  readonly lost: number;
  readonly stuck: number;
  readonly illegal: number;
  readonly doubleOutcome: number;
  /** Of another claim than the one that was held, or without its proof. */
  readonly foreignOutcome: number;
  readonly missedEvents: number;
  readonly violations: readonly string[];
  readonly claimsCutByKills: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly runs: number;
  readonly deliveries: number;
  readonly watched: number;
  readonly recoveryMs: Spread;
  readonly sweptMs: Spread;
  readonly elapsedMs: number;
}

/** What of one run is to be told, in plain counts where it can be. */
export function reportOf(asked: TortureOptions, result: TortureResult): TortureReport {
  const { evidence, violations, struck, recovery, elapsedMs } = result;
  const count = (...rules: readonly Rule[]): number =>
    violations.filter(({ rule }: Violation) => rules.includes(rule)).length;
  const outcomes: Record<string, number> = {};
  for (const { record } of evidence.stored) {
    const outcome = isFinal(record.status) ? (record.failure?.reason ?? record.status) : "open";
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  return {
    complete:
      evidence.acknowledged.size >= asked.jobs && FAULTS.every((fault) => struck[fault] >= asked[fault]),
    seed: asked.seed,
    jobs: evidence.acknowledged.size,
    ...struck,
    lost: count("lost"),
    stuck: count("stuck"),
    illegal: count("S1", "S2", "S4", "S8"),
    doubleOutcome: count("S3"),
    foreignOutcome: count("S6", "S13"),
    missedEvents: count("S14"),
    violations: violations.map(({ rule, jobId, text }) => `${rule} ${jobId}: ${text}`),
    claimsCutByKills: recovery.cut,
    outcomes,
    runs: evidence.effects.filter(({ what }) => what === "begin").length,
    deliveries: evidence.events.length,
    watched: evidence.watched.length,
    recoveryMs: recovery.claimedAgain,
    sweptMs: recovery.swept,
    elapsedMs,
  };
}
