import type { Measure, Role } from "./engine.js";
import type { Sample } from "./measures.js";
import { type Spread, spreadOf } from "./statistics.js";

/** A line of the table. */
export interface Line {
  readonly engine: string;
  readonly measure: Measure;
  readonly name: string;
  readonly role: Role;
  readonly unit: "jobs/s" | "ms";
  readonly runs: readonly number[];
  readonly spread: Spread;
  readonly cpuUsPerJob: number;
  /** Medians of what else was found. */
  readonly facts: Readonly<Record<string, number>>;
}

export function lineOf(
  about: Omit<Line, "unit" | "runs" | "spread" | "cpuUsPerJob" | "facts">,
  samples: readonly Sample[],
): Line {
  const runs = samples.map(({ value }) => value);
  return {
    ...about,
    unit: TIMED.has(about.measure) ? "ms" : "jobs/s",
    runs,
    spread: spreadOf(runs),
    cpuUsPerJob: spreadOf(samples.map(({ cpuUsPerJob }) => cpuUsPerJob)).median,
    facts: Object.fromEntries(
      Object.keys(samples[0]?.facts ?? {}).map((name) => [
        name,
        spreadOf(samples.map(({ facts }) => facts[name] ?? NaN)).median,
      ]),
    ),
  };
}

const TIMED: ReadonlySet<Measure> = new Set(["alone", "single", "steady"]);

/** This build beside the one before, run by run: above 1 is better. */
export function pairsOf(own: Line, before: Line): Spread {
  return spreadOf(
    own.runs.map((value, round) => {
      const other = before.runs[round] ?? NaN;
      return own.unit === "ms" ? other / value : value / other;
    }),
  );
}

/** How many times better than another line: more jobs, or fewer milliseconds. */
export function timesBetter(line: Line, other: Line): number {
  const [a, b] = [line.spread.median, other.spread.median];
  return line.unit === "ms" ? b / a : a / b;
}
