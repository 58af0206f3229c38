import type { Measure } from "./engine.js";
import type { Sample } from "./measures.js";
import { type Spread, spreadOf } from "./statistics.js";

/** A line of the table. */
export interface Line {
  readonly engine: string;
  readonly measure: Measure;
  readonly name: string;
  readonly role: "waybill" | "peer" | "floor";
  readonly unit: "jobs/s" | "ms";
  readonly runs: readonly number[];
  readonly spread: Spread;
  readonly cpuUsPerJob: number;
}

export function lineOf(
  about: Omit<Line, "unit" | "runs" | "spread" | "cpuUsPerJob">,
  samples: readonly Sample[],
): Line {
  const runs = samples.map(({ value }) => value);
  return {
    ...about,
    unit: about.measure === "single" ? "ms" : "jobs/s",
    runs,
    spread: spreadOf(runs),
    cpuUsPerJob: spreadOf(samples.map(({ cpuUsPerJob }) => cpuUsPerJob)).median,
  };
}

/** How many times better than another line: more jobs, or fewer milliseconds. */
export function timesBetter(line: Line, other: Line): number {
  const [a, b] = [line.spread.median, other.spread.median];
  return line.unit === "ms" ? b / a : a / b;
}
