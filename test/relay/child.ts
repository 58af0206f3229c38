// One of several processes on one store, as its parent says in JSON. It says "ready", and works until its input ends.
import { appendFileSync } from "node:fs";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { createWaybill, type Logger, type Policy, servedElsewhere, type Worker } from "waybill";
import { appendLog } from "../torture/append-log.js";
import { bystand, step } from "./kinds.js";
import { openPlace, type Place } from "./places.js";
import { type Receiver, receiverOf } from "./receivers.js";
import { dyingOnceStored } from "./victim.js";

export type Role = "submit" | "work" | "relay" | "bystand" | "die";

export interface ChildOptions {
  readonly role: Role;
  readonly place: Place;
  readonly address: string;
  readonly folder: string;
  readonly listens?: boolean;
  /** Who is told, and how they behave. */
  readonly receivers: Readonly<Record<string, Receiver>>;
  readonly jobs?: number;
  readonly everyMs?: number;
  readonly policy?: Partial<Policy>;
}

const options = JSON.parse(process.argv[2] ?? "{}") as ChildOptions;
const { role, folder, receivers, listens = true } = options;
const publishes = role === "relay" || role === "bystand" || role === "die";

const opened = openPlace(options.place, options.address, listens);
const store = role === "die" ? dyingOnceStored(opened.store, folder) : opened.store;
const notifiers = Object.entries(receivers).map(([name, receiver]) => {
  const log = publishes ? appendLog(`${folder}/${name}.log`) : null;
  return [name, log === null ? servedElsewhere() : receiverOf(receiver, log)] as const;
});
const quiet = (): void => undefined;
const note: Logger["error"] = (message, fields) => {
  appendFileSync(`${folder}/${role}.err`, `${message} ${JSON.stringify(fields ?? {})}\n`);
};
const waybill = createWaybill({
  jobs: [step, bystand],
  store,
  notifiers: Object.fromEntries(notifiers),
  logger: { debug: quiet, info: quiet, warn: quiet, error: note },
  ...(options.policy && { policy: options.policy }),
});

const stop = new AbortController();
const ended = once(process.stdin, "end").then(() => {
  stop.abort();
});
process.stdin.resume();

function worker(): Worker {
  if (role === "bystand") return waybill.worker([bystand.handle(async () => null)]);
  const handler = step.handle(async ({ phase }) => {
    phase("begun");
    phase("going");
    return null;
  });
  return waybill.worker([handler], { concurrency: role === "die" ? 1 : 10 });
}

async function submitAll(): Promise<void> {
  const from = Date.now();
  for (let n = 0; n < (options.jobs ?? 0); n += 1) {
    const { id } = await waybill.submit(step, { n }).unwrap();
    process.stdout.write(`${id}\n`);
    await wait(Math.max(0, from + (n + 1) * (options.everyMs ?? 0) - Date.now()));
  }
}

process.stdout.write("ready\n");
if (role === "submit") await submitAll();
else if (role === "relay") await waybill.relay().run({ signal: stop.signal });
else await worker().run({ signal: stop.signal });
await waybill.close();
await opened.close();
if (role !== "submit") await ended;
process.stdin.destroy();
