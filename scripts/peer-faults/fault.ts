import type { Stage } from "./stage.js";

/** What was counted, and nothing else: a cell is made of it. */
export type Facts = Readonly<Record<string, number | string | boolean | null>>;

/** `holds`: nothing was lost, doubled or overwritten. `partly`: in time, or with help. `none`: it is not offered. */
export type Verdict = "holds" | "partly" | "breaks" | "none";

export interface Judgement {
  readonly verdict: Verdict;
  /** What stands in the table. */
  readonly text: string;
}

/** One fault: how it is made, and what its counts mean. */
export interface Fault<F extends Facts = Facts> {
  readonly name: string;
  /** The column's heading. */
  readonly title: string;
  /** How it is made, for the reader of the table. */
  readonly how: string;
  run(stage: Stage): Promise<F>;
  judge(facts: F): Judgement;
}

/** "31 s", "4.2 s", "180 ms". */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 1_000)} s`;
}

/** The numbers 0 to `count - 1`. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

/** How many different jobs were begun. */
export function distinct(begun: readonly { readonly n: number }[]): number {
  return new Set(begun.map(({ n }) => n)).size;
}
