import { crewOf, endedText } from "../crew.js";
import { duration, type Fault } from "../fault.js";
import type { Stage } from "../stage.js";

const LIMIT_MS = 75_000;
const SETTLE_MS = 10_000;

interface LostCompletionReply {
  readonly runs: number;
  readonly state: string;
  readonly endedAfterMs: number;
  /** The same worker, or the one after it, then ended another job. */
  readonly goesOn: boolean;
  readonly workersEnded: number;
  readonly wasLost: boolean;
  readonly [fact: string]: number | string | boolean;
}

async function run(stage: Stage): Promise<LostCompletionReply> {
  const { side, peer, until, pause, nowMs, loseReply } = stage;
  await side.prepare();
  const crew = await crewOf(stage, { concurrency: 1, runs: "held", proxied: true });
  await side.add(0);
  await until(() => crew.begun().length > 0, LIMIT_MS);
  let wasLost = false;
  loseReply(peer.completion, (cut) => {
    wasLost = true;
    cut();
  });
  crew.finish();
  const finishedAtMs = nowMs();
  const ended = async (n: number): Promise<boolean> => /completed|failed/.test(await stateOf(stage, n));
  await until(() => wasLost, LIMIT_MS);
  await until(() => ended(0), LIMIT_MS);
  const endedAfterMs = nowMs() - finishedAtMs;
  await side.add(1);
  await until(() => ended(1), LIMIT_MS);
  const goesOn = (await stateOf(stage, 1)) === "completed";
  await pause(SETTLE_MS);
  crew.dismiss();
  const runs = crew.begun().filter(({ n }) => n === 0).length;
  const state = await stateOf(stage, 0);
  return { runs, state, endedAfterMs, goesOn, workersEnded: crew.ended(), wasLost };
}

/** As it is stored; where nothing is kept of what ended, a job that is no more is completed. */
async function stateOf({ side, peer }: Stage, n: number): Promise<string> {
  const job = (await side.stored()).find((one) => one.n === n);
  return job?.state ?? (peer.keeps === "nothing" ? "completed" : "gone");
}

export const lostCompletionReply: Fault<LostCompletionReply> = {
  name: "lost-completion-reply",
  title: "The reply to a completion lost",
  how: "The server records a worker's outcome; in place of the reply the connection is cut.",
  run,
  judge: ({ runs, state, endedAfterMs, goesOn, workersEnded, wasLost }) => {
    if (!wasLost) return { verdict: "none", text: "no such reply was seen" };
    const more = [...(goesOn ? [] : ["no other job was ended"]), ...endedText(workersEnded)];
    const times = [`${runs} run${runs === 1 ? "" : "s"}, ${state}`, ...more].join("; ");
    if (state !== "completed" || !goesOn) return { verdict: "breaks", text: times };
    return runs === 1
      ? { verdict: "holds", text: times }
      : { verdict: "partly", text: `${times} after ${duration(endedAfterMs)}` };
  },
};
