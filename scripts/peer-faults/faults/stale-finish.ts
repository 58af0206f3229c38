import type { StoredJob } from "../peer.js";
import { distinct, duration, type Fault, numbers } from "../fault.js";
import type { Stage } from "../stage.js";

const JOBS = 20;
const LEASE_LIMIT_MS = 150_000;
const ANSWER_MS = 20_000;
const SETTLE_MS = 4_000;

interface StaleFinish {
  readonly jobs: number;
  /** Given to a second worker while the first stood still. */
  readonly takenAgain: number;
  readonly takenAfterMs: number;
  readonly lapsed: boolean;
  /** Ended by the stalled worker while the second was still at work. */
  readonly accepted: number;
  /** Of those taken again: in the end the outcome is the second worker's; `null`: no outcome is kept. */
  readonly ofTheSecond: number | null;
  readonly [fact: string]: number | boolean | null;
}

/** The stalled worker's: ended although the second worker has not answered, or signed by the first. */
function isAccepted(n: number, stored: readonly StoredJob[]): boolean {
  const job = stored.find((one) => one.n === n);
  if (job === undefined) return true;
  return job.state === "completed" || job.state === "failed" || isBy("A", job);
}

function isBy(name: string, { output }: StoredJob): boolean {
  return output?.replaceAll(" ", "").includes(`"by":"${name}"`) === true;
}

async function run({ side, peer, worker, until, pause, nowMs }: Stage): Promise<StaleFinish> {
  await side.prepare();
  const first = await worker("A", { concurrency: JOBS, runs: "held" });
  for (const n of numbers(JOBS)) await side.add(n);
  await until(() => distinct(first.begun) === JOBS, ANSWER_MS);
  first.freeze();
  const frozenAtMs = nowMs();
  await side.lapse?.();
  const second = await worker("B", { concurrency: JOBS, runs: "held" });
  await until(() => distinct(second.begun) === JOBS, LEASE_LIMIT_MS);
  const takenAfterMs = nowMs() - frozenAtMs;
  const again = [...new Set(second.begun.map(({ n }) => n))];
  first.finish();
  first.thaw();
  await until(() => first.returned.length >= first.begun.length, ANSWER_MS);
  await pause(SETTLE_MS);
  const between = await side.stored();
  second.finish();
  await until(() => second.returned.length >= second.begun.length, ANSWER_MS);
  await pause(SETTLE_MS);
  const after = await side.stored();
  return {
    jobs: JOBS,
    takenAgain: again.length,
    takenAfterMs,
    lapsed: side.lapse !== null,
    accepted: again.filter((n) => isAccepted(n, between)).length,
    ofTheSecond:
      peer.keeps === "outcome" ? after.filter((job) => again.includes(job.n) && isBy("B", job)).length : null,
  };
}

export const staleFinish: Fault<StaleFinish> = {
  name: "stale-finish",
  title: "A stalled worker's late finish",
  how:
    `A worker holds ${JOBS} jobs and is stopped by SIGSTOP. When a second worker has them all, the first goes on and its ` +
    "handlers answer, while those of the second are still at work.",
  run,
  judge: ({ jobs, takenAgain, takenAfterMs, lapsed, accepted, ofTheSecond }) => {
    const when = lapsed ? "after 4 h (set back)" : `after ${duration(takenAfterMs)}`;
    if (takenAgain < jobs)
      return {
        verdict: "partly",
        text: `only ${takenAgain} of ${jobs} taken over ${when}; ${accepted} accepted`,
      };
    const kept = ofTheSecond === null ? "" : `; ${ofTheSecond} outcomes are the second worker's`;
    const isRefused = accepted === 0 && (ofTheSecond === null || ofTheSecond === jobs);
    return isRefused
      ? { verdict: "holds", text: `${jobs} of ${jobs} refused${kept}; taken over ${when}` }
      : { verdict: "breaks", text: `${accepted} of ${jobs} accepted${kept}; taken over ${when}` };
  },
};
