// One life of a worker in a process of its own: `worker-child.ts ADDRESS` with what it needs as JSON. It says "working",
// works until it is told to stop (SIGTERM), and ends with its parent.
import { setTimeout as wait } from "node:timers/promises";
import { systemClock } from "waybill";
import { appendLog } from "./append-log.js";
import { queueNamed } from "./pairing/queues.js";
import type { SubmitPlan } from "./pairing/submitter.js";
import { effectLog } from "./effects.js";
import { eventLog } from "./file-notifier.js";
import { startLife } from "./life.js";
import { sabotaged } from "./sabotage.js";
import { storeNamed } from "./stores.js";

/** What the parent tells a worker. */
export interface ChildOptions {
  readonly store: string;
  readonly address: string;
  readonly folder: string;
  readonly life: string;
  readonly seed: number;
  /** Hands jobs over in place of the store. */
  readonly queue?: { readonly name: string; readonly address: string };
  readonly submit?: SubmitPlan;
  /** Breaks a promise on purpose, by name. */
  readonly sabotage: string | null;
}

/** Longer than one: claims lapse while nobody can extend them. */
const OCCUPIED_LEASES = 1.5;

const options = JSON.parse(process.argv[2] ?? "{}") as ChildOptions;
const { life, folder, seed } = options;

process.stdin.on("end", () => process.exit(3)).resume();

const tortureStore = await storeNamed(options.store);
const opened = await tortureStore.open(options.address);
const openedQueue =
  options.queue && (await (await queueNamed(options.queue.name)).open(options.queue.address));
const log = appendLog(`${folder}/log-${life}.txt`);
const say = (message: string, fields?: object): void => {
  log.write({ message, ...fields });
};

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await wait(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

const { store, events } = sabotaged(options.sabotage, opened, eventLog(folder));
const { working, stop } = startLife({
  life,
  folder,
  seed,
  store,
  ...(openedQueue && { queue: openedQueue.queue }),
  ...(options.submit && { submit: options.submit }),
  pace: tortureStore.pace,
  clock: systemClock,
  effects: effectLog(folder, life),
  events,
  sleep,
  logger: { debug: () => undefined, info: () => undefined, warn: say, error: say },
});
process.once("SIGTERM", () => void stop());
process.on("SIGUSR2", () => void opened.occupy?.(OCCUPIED_LEASES * tortureStore.pace.leaseMs));
process.stdout.write("working\n");
await working;
await stop();
await openedQueue?.close();
await opened.close();
process.stdin.destroy();
