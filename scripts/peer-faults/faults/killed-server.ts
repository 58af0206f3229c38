import { duration, type Fault, numbers } from "../fault.js";
import { crewOf, endedText } from "../crew.js";
import type { Begun, Stage } from "../stage.js";

const JOBS = 500;
const AT_ONCE = 10;
const TAKES_MS = 20;
const KILL_AFTER = 150;
const DOWN_MS = 1_000;
const REPEAT_MS = 250;
const LIMIT_MS = 120_000;

interface KilledServer {
  /** Added, each with a key, and repeated until the peer said yes. */
  readonly jobs: number;
  readonly completed: number;
  /** Neither done nor stored any more, although the peer had said yes. */
  readonly lost: number;
  /** Stored and not done when the time was over. */
  readonly left: number;
  /** How those stand. */
  readonly leftStates: string;
  readonly runTwice: number;
  /** Worker processes that ended by themselves, each followed by another, as a supervisor does it. */
  readonly workersEnded: number;
  readonly doneAfterMs: number;
  readonly [fact: string]: number | string;
}

async function run(stage: Stage): Promise<KilledServer> {
  const { side, server, until, pause, nowMs } = stage;
  await side.prepare();
  const crew = await crewOf(stage, { concurrency: AT_ONCE, runs: "at once", takesMs: TAKES_MS });
  const adding = addAll(stage);
  await until(() => crew.begun().length >= KILL_AFTER, LIMIT_MS);
  await server.kill();
  await pause(DOWN_MS);
  await server.start();
  const backAtMs = nowMs();
  await adding;
  const standing = async (): Promise<Counts> => countsOf(await side.stored(), crew.begun(), stage);
  let counts = await standing();
  await until(async () => {
    counts = await standing().catch(() => counts);
    return counts.completed + counts.lost >= JOBS;
  }, LIMIT_MS);
  const doneAfterMs = nowMs() - backAtMs;
  crew.dismiss();
  const begun = crew.begun();
  const runTwice = numbers(JOBS).filter((n) => begun.filter((one) => one.n === n).length > 1).length;
  return { jobs: JOBS, ...counts, runTwice, workersEnded: crew.ended(), doneAfterMs };
}

async function addAll({ side, pause }: Stage): Promise<void> {
  const open = numbers(JOBS).reverse();
  const lane = async (): Promise<void> => {
    for (let n = open.pop(); n !== undefined; n = open.pop()) {
      for (;;) {
        const isAdded = await side.add(n, `job-${n}`).then(
          () => true,
          () => false,
        );
        if (isAdded) break;
        await pause(REPEAT_MS);
      }
    }
  };
  await Promise.all(numbers(AT_ONCE).map(lane));
}

type Counts = Pick<KilledServer, "completed" | "lost" | "left" | "leftStates">;

function countsOf(
  stored: Awaited<ReturnType<Stage["side"]["stored"]>>,
  begun: readonly Begun[],
  { peer }: Stage,
): Counts {
  const states = new Map(stored.map(({ n, state }) => [n, state]));
  const ran = new Set(begun.map(({ n }) => n));
  const isDone = (n: number): boolean =>
    peer.keeps === "nothing" ? ran.has(n) && !states.has(n) : states.get(n) === "completed";
  const completed = numbers(JOBS).filter(isDone).length;
  const lost = numbers(JOBS).filter((n) => !isDone(n) && !states.has(n)).length;
  const open = numbers(JOBS).flatMap((n) => (isDone(n) ? [] : (states.get(n) ?? [])));
  const leftStates = [...new Set(open)].map(
    (state) => `${open.filter((one) => one === state).length} ${state}`,
  );
  return { completed, lost, left: open.length, leftStates: leftStates.join(", ") };
}

export const killedServer: Fault<KilledServer> = {
  name: "killed-server",
  title: `The server killed under ${JOBS} jobs`,
  how:
    `${JOBS} jobs are added (with a key, repeated until the peer says yes) and worked on; after ${KILL_AFTER} the server is ` +
    `killed by SIGKILL, and started again on its files after ${duration(DOWN_MS)}. A worker process that ends is started again.`,
  run,
  judge: ({ jobs, completed, lost, left, leftStates, runTwice, workersEnded, doneAfterMs }) => {
    const more = [...(runTwice > 0 ? [`${runTwice} run twice`] : []), ...endedText(workersEnded)];
    const tail = more.length === 0 ? "" : `; ${more.join("; ")}`;
    if (lost > 0) return { verdict: "breaks", text: `${lost} of ${jobs} lost${tail}` };
    if (left > 0)
      return {
        verdict: "partly",
        text: `${completed} of ${jobs} done, ${left} not within ${duration(LIMIT_MS)} (${leftStates})${tail}`,
      };
    return {
      verdict: "holds",
      text: `${completed} of ${jobs} done, ${duration(doneAfterMs)} after its return${tail}`,
    };
  },
};
