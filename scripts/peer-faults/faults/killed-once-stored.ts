import { duration, type Fault } from "../fault.js";
import type { Stage } from "../stage.js";

const LIMIT_MS = 30_000;
const SETTLE_MS = 15_000;

interface KilledOnceStored {
  readonly runs: number;
  readonly state: string;
  /** When another process heard from the peer that the job ended; `null`: it did not. */
  readonly toldAfterMs: number | null;
  readonly tells: boolean;
  readonly wasKilled: boolean;
  readonly [fact: string]: number | string | boolean | null;
}

async function run({ side, peer, worker, until, pause, nowMs, loseReply }: Stage): Promise<KilledOnceStored> {
  await side.prepare();
  const first = await worker("A", { concurrency: 1, runs: "held", proxied: true });
  await side.add(0);
  await until(() => first.begun.length > 0, LIMIT_MS);
  const second = await worker("B", { concurrency: 1, runs: "at once" });
  const at: { told: number | null; killed: number | null } = { told: null, killed: null };
  await side.hear?.(0, () => {
    at.told ??= nowMs();
  });
  loseReply(peer.completion, () => {
    first.kill();
    at.killed = nowMs();
  });
  first.finish();
  await until(() => at.killed !== null, LIMIT_MS);
  await until(() => at.told !== null || side.hear === null, LIMIT_MS);
  await pause(SETTLE_MS);
  const job = (await side.stored()).find(({ n }) => n === 0);
  return {
    runs: first.begun.length + second.begun.length,
    state: job?.state ?? (peer.keeps === "nothing" ? "completed" : "gone"),
    toldAfterMs: at.told === null || at.killed === null ? null : Math.max(0, at.told - at.killed),
    tells: side.hear !== null,
    wasKilled: at.killed !== null,
  };
}

export const killedOnceStored: Fault<KilledOnceStored> = {
  name: "killed-once-stored",
  title: "Killed once stored",
  how:
    "The server records a worker's outcome, and before the reply comes the worker is killed. Counted are the runs within " +
    `${SETTLE_MS / 1_000} s; measured is when a process that asked to be told hears of the end.`,
  run,
  judge: ({ runs, state, toldAfterMs, tells, wasKilled }) => {
    if (!wasKilled) return { verdict: "none", text: "no such reply was seen" };
    const told = !tells
      ? "others are not told"
      : toldAfterMs === null
        ? "others were not told"
        : `others told after ${duration(toldAfterMs)}`;
    const text = `${runs} run${runs === 1 ? "" : "s"}, ${state}; ${told}`;
    if (state !== "completed" || runs !== 1) return { verdict: "breaks", text };
    return { verdict: tells && toldAfterMs === null ? "partly" : "holds", text };
  },
};
