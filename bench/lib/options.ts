import { parseArgs } from "node:util";
import { type Measure, MEASURES } from "./engine.js";
import type { Sizes } from "./measures.js";

export interface Options {
  readonly engines: readonly string[] | null;
  readonly measures: readonly Measure[];
  readonly names: readonly string[] | null;
  readonly sizes: Sizes;
  /** A checkout of another commit, measured in turn with this one. */
  readonly before: string | null;
  /** Name of the files in `results/`. */
  readonly out: string;
}

const FULL: Sizes = {
  jobs: 20_000,
  warmUp: 2_000,
  singles: 300,
  steadyS: 30,
  rounds: 5,
  growth: [20_000, 1_000_000],
};
const QUICK: Sizes = {
  jobs: 3_000,
  warmUp: 500,
  singles: 50,
  steadyS: 3,
  rounds: 1,
  growth: [1_000, 20_000],
};

export const HELP = `npm run bench -- [options]
  --quick             a minute or two: small and once
  --only a,b          engines: memory, sqlite, postgres, redis, dynamodb
  --measure a,b       ${MEASURES.join(", ")}
  --who a,b           contestants: waybill, "waybill before", "raw floor", pg-boss, graphile-worker, bullmq, bee-queue
  --rounds n          runs of each, one after the other of all contestants
  --jobs n            jobs a run, of which slow engines take a share
  --before path       a checkout of another commit, as the contestant "waybill before" in alternating pairs
  --out name          files in bench/results/, without their ending
`;

/** @throws TypeError with what is wrong with the command line */
export function optionsOf(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean" },
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      measure: { type: "string" },
      who: { type: "string" },
      rounds: { type: "string" },
      jobs: { type: "string" },
      before: { type: "string" },
      out: { type: "string" },
    },
  });
  if (values.help === true) return null;
  const base = values.quick ? QUICK : FULL;
  return {
    engines: listOf(values.only),
    measures: (listOf(values.measure) ?? MEASURES).map(measureOf),
    names: listOf(values.who),
    sizes: {
      ...base,
      rounds: countOf("rounds", values.rounds) ?? base.rounds,
      jobs: countOf("jobs", values.jobs) ?? base.jobs,
    },
    before: values.before ?? null,
    out: values.out ?? (values.quick ? "quick" : "results"),
  };
}

function listOf(value: string | undefined): readonly string[] | null {
  return value === undefined ? null : value.split(",").map((one) => one.trim());
}

function measureOf(name: string): Measure {
  const measure = MEASURES.find((one) => one === name);
  if (measure === undefined) throw new TypeError(`there is no measure ${name}: ${MEASURES.join(", ")}`);
  return measure;
}

function countOf(option: string, value: string | undefined): number | null {
  if (value === undefined) return null;
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1) throw new TypeError(`--${option} must be a whole number from 1`);
  return count;
}
