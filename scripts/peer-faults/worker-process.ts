// A worker of a peer in a process of its own: `worker-process.ts OPTIONS` with what it needs as JSON. It says what it does to
// its parent, and ends with it.
import { setTimeout as sleep } from "node:timers/promises";
import { unstorableOutput } from "./faults/unstorable.js";
import { END_MARK, type Place } from "./peer.js";
import { peerNamed } from "./peers/all.js";
import type { Plan } from "./stage.js";

/** What the parent tells a worker. */
export interface WorkerOptions {
  readonly peer: string;
  readonly place: Place;
  readonly name: string;
  readonly plan: Plan;
}

/** What a worker tells its parent. */
export interface WorkerNews {
  readonly ready?: true;
  readonly begun?: number;
  readonly returned?: number;
  readonly atMs: number;
}

const { peer, place, name, plan } = JSON.parse(process.argv[2] ?? "{}") as WorkerOptions;

process.on("disconnect", () => process.exit(3));
const tell = (news: Omit<WorkerNews, "atMs">): void => {
  process.send?.({ ...news, atMs: Date.now() } satisfies WorkerNews);
};
let finish: () => void = () => undefined;
const finished = new Promise<void>((resolve) => (finish = resolve));
process.on("message", () => {
  finish();
});

const side = await peerNamed(peer).open(place);
await side.work(plan.concurrency, async (n) => {
  tell({ begun: n });
  if (plan.runs === "held") await finished;
  else await sleep(plan.takesMs ?? 0);
  tell({ returned: n });
  return plan.runs === "unstorable" ? unstorableOutput(n) : { by: name, mark: END_MARK };
});
tell({ ready: true });
