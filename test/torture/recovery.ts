import type { StoredJob } from "waybill";
import { decodeHistory } from "waybill/store-kit";
import type { Ended } from "./evidence.js";

/** Milliseconds: half of all are at most `p50`. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What became of the claims that a kill cut off. */
export interface Recovery {
  readonly cut: number;
  /** From the kill until the job was given back, or ended because no attempt was left. */
  readonly swept: Spread;
  /** From the kill to the next claim: with the wait for a worker that has room. */
  readonly claimedAgain: Spread;
}

/** By the stored histories, whose instants are those of the same machine's clock. */
export function recoveryOf(stored: readonly StoredJob[], ended: readonly Ended[]): Recovery {
  const killedAt = new Map(ended.filter(({ by }) => by === "kill").map(({ life, at }) => [life, at]));
  const swept: number[] = [];
  const claimedAgain: number[] = [];
  for (const { record } of stored) {
    const entries = decodeHistory(record.history).filter(({ edge }) => COUNTED.has(edge));
    for (const [index, { edge, actor, at }] of entries.entries()) {
      const kill = killedAt.get(actor ?? "");
      const [lost, next] = entries.slice(index + 1);
      // An end that it stored itself, or a sweep that came before, is none of the kill's.
      if (edge !== "T4" || kill === undefined || at > kill) continue;
      if (lost?.reason !== "lease_lost" || lost.at < kill) continue;
      swept.push(lost.at - kill);
      if (next !== undefined) claimedAgain.push(next.at - kill);
    }
  }
  return { cut: swept.length, swept: spreadOf(swept), claimedAgain: spreadOf(claimedAgain) };
}

const COUNTED: ReadonlySet<string> = new Set(["T4", "T6", "T7"]);

function spreadOf(figures: number[]): Spread {
  figures.sort((a, b) => a - b);
  const at = (part: number): number =>
    figures[Math.min(figures.length - 1, Math.floor(figures.length * part))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: figures[figures.length - 1] ?? 0 };
}
