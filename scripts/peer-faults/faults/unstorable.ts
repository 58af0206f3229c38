import { type Fault, numbers } from "../fault.js";
import { END_MARK, type StoredJob } from "../peer.js";
import type { Stage } from "../stage.js";

const LIMIT_MS = 30_000;
const BIG_CHARACTERS = 2_000_000;

/** In the order of the jobs' numbers. */
const OUTPUTS = ["a BigInt", "a NUL", "2 MB"] as const;

/** What the handlers of this fault answer with: the second is JSON and no text of Postgres, the third is merely long. */
export function unstorableOutput(n: number): unknown {
  const value = [1n, "\u0000", "x".repeat(BIG_CHARACTERS)][n];
  return { mark: END_MARK, value };
}

interface Unstorable {
  readonly keepsOutcome: boolean;
  /** Of each output: `stored`, `failed`, `empty` (said to be completed, the outcome is not there) or `open`. */
  readonly 0: string;
  readonly 1: string;
  readonly 2: string;
  readonly runs: string;
  readonly [fact: string]: string | boolean;
}

async function run({ side, peer, worker, until }: Stage): Promise<Unstorable> {
  await side.prepare();
  const one = await worker("A", { concurrency: 1, runs: "unstorable" });
  const all = numbers(OUTPUTS.length);
  for (const n of all) await side.add(n);
  const keepsOutcome = peer.keeps === "outcome";
  const read = async (): Promise<readonly string[]> => {
    const stored = await side.stored();
    return all.map((n) =>
      fateOf(
        stored.find((job) => job.n === n),
        one.begun.some((run) => run.n === n),
        n,
        keepsOutcome,
      ),
    );
  };
  await until(async () => !(await read()).includes("open"), LIMIT_MS);
  const [first = "open", second = "open", third = "open"] = await read();
  const runs = all.map((n) => one.begun.filter((run) => run.n === n).length).join(", ");
  return { keepsOutcome, 0: first, 1: second, 2: third, runs };
}

function fateOf(job: StoredJob | undefined, hasRun: boolean, n: number, keepsOutcome: boolean): string {
  if (job === undefined) return hasRun ? "gone" : "open";
  if (job.state === "failed") return "failed";
  if (job.state !== "completed") return "open";
  if (!keepsOutcome) return "completed";
  const least = n === 2 ? BIG_CHARACTERS : END_MARK.length;
  return job.output?.includes(END_MARK) === true && job.output.length >= least ? "stored" : "empty";
}

export const unstorable: Fault<Unstorable> = {
  name: "unstorable",
  title: "An outcome that cannot be stored",
  how: `Three handlers answer with ${OUTPUTS.join(", ")}. What is stored of each is read ${LIMIT_MS / 1_000} s later at most.`,
  run,
  judge: (facts) => {
    const fates = [facts[0], facts[1], facts[2]];
    const text =
      OUTPUTS.map((output, n) => `${output}: ${fates[n] ?? ""}`).join(", ") + ` (runs ${facts.runs})`;
    if (fates.includes("empty") || fates.includes("open")) return { verdict: "breaks", text };
    return facts.keepsOutcome
      ? { verdict: "holds", text }
      : { verdict: "none", text: `keeps no outcome; ${text}` };
  },
};
