// What nobody is to hear: a word is put wherever an application keeps what is its own, and looked for in all that leaves.
import { afterEach, beforeEach, expect, it } from "vitest";
import { z } from "zod";
import { appsyncEventsNotifier, appsyncNotifier } from "../../src/appsync.js";
import {
  createWaybill,
  defineJob,
  memoryStore,
  type Notifier,
  PermanentError,
  type PublishAttempt,
} from "../../src/index.js";
import { webhookNotifier } from "../../src/webhook.js";
import { type AppSyncDouble, DOUBLE_KEYS, startAppSync } from "../doubles/appsync/double.js";
import { recordingLogger } from "../support/engine.js";
import { SECRET } from "./webhook-bench.js";
import { type Receiver, startReceiver } from "./webhook-receiver.js";

const CANARY = "CANARY7f3a";
const CONNECTION = `postgres://app:${CANARY}@db.internal:5432/jobs`;

const work = defineJob({
  kind: "work",
  input: z.object({ secret: z.string(), fails: z.boolean() }),
  output: z.object({ secret: z.string(), shown: z.number() }),
  project: { output: ({ shown }) => ({ shown }) },
});

let appsync: AppSyncDouble;
let receiver: Receiver;
beforeEach(async () => {
  [appsync, receiver] = await Promise.all([startAppSync(), startReceiver()]);
});
afterEach(() => Promise.all([appsync.close(), receiver.close()]));

const auth = { mode: "apiKey", apiKey: DOUBLE_KEYS.apiKey } as const;
const wrong = { mode: "apiKey", apiKey: `da2-${CANARY}` } as const;
const six = { action: () => "work", userEmail: () => "ana@example.com" };

/** Those that deliver, and those that fail, each with what is secret about it. */
function notifiers(): Readonly<Record<string, Notifier>> {
  const url = `http://127.0.0.1:${receiver.port}/hook`;
  const secrets = [SECRET] as const;
  const headers = { "x-app": "jobs" };
  const local = { allowLocalReceivers: true };
  const thrown = Object.assign(new Error(`connect ECONNREFUSED ${CONNECTION}`), { code: "ECONNREFUSED" });
  return {
    thin: webhookNotifier({ endpoint: { url, secrets, headers }, ...local }),
    view: webhookNotifier({ endpoint: { url, secrets }, body: "view", ...local }),
    cloud: webhookNotifier({
      endpoint: { url, secrets },
      format: { cloudEvents: { source: "urn:jobs" } },
      ...local,
    }),
    graphql: appsyncNotifier({ endpoint: appsync.url, auth, fields: "extended", ...six }),
    events: appsyncEventsNotifier({ endpoint: appsync.eventsUrl, auth, namespace: "jobs", body: "view" }),
    refused: appsyncNotifier({ endpoint: appsync.url, auth: wrong, ...six }),
    refusedEvents: appsyncEventsNotifier({ endpoint: appsync.eventsUrl, auth: wrong, namespace: "jobs" }),
    away: webhookNotifier({
      endpoint: {
        url: `http://127.0.0.1:1/${CANARY}`,
        secrets,
        headers: { authorization: `Bearer ${CANARY}` },
      },
      ...local,
    }),
    none: webhookNotifier({ endpoint: () => Promise.reject(new Error(CONNECTION)), ...local }),
    illegal: webhookNotifier({ endpoint: () => ({ url: `https://u:${CANARY}@x.test/`, secrets }) }),
    throws: { publish: () => Promise.reject(thrown) },
    says: {
      publish: async (events) => events.map(() => ({ status: "retry", reason: `no route to ${CONNECTION}` })),
    },
  };
}

it("is in no push, no header, no reason, no list, and in no line of the log about telling", async () => {
  const told: PublishAttempt[] = [];
  const { logger, lines } = recordingLogger();
  const all = notifiers();
  const waybill = createWaybill({
    jobs: [work],
    store: memoryStore(),
    notifiers: all,
    logger,
    onPublish: (attempt) => void told.push(attempt),
    policy: { notifier: { giveUpAfterMs: 1, baseMs: 1, capMs: 1 }, reconcileIdleMs: 20, reconcileBusyMs: 20 },
  });
  const handler = work.handle(async ({ input }) => {
    if (!input.fails) return { secret: input.secret, shown: 7 };
    throw new PermanentError(`${input.secret} at ${CONNECTION}`, { details: { secret: input.secret } });
  });
  const stop = new AbortController();
  const working = waybill.worker([handler], { pollIntervalMs: 20 }).run({ signal: stop.signal });
  const options = { owner: "ana", metadata: { note: CANARY }, actor: CANARY } as const;
  for (const fails of [false, true]) await waybill.submit(work, { secret: CANARY, fails }, options).unwrap();
  const jobs = 2;
  await expect
    .poll(async () => (await waybill.undelivered()).items.length, { timeout: 30_000, interval: 20 })
    .toBeGreaterThanOrEqual(1);
  const outcomes = () => new Set(told.map(({ notifier, outcome }) => `${notifier} ${outcome}`));
  const failing = ["refused", "refusedEvents", "away", "none", "illegal", "throws", "says"];
  const well = Object.keys(all).filter((name) => !failing.includes(name));
  const wanted = [...failing.map((name) => `${name} given_up`), ...well.map((name) => `${name} delivered`)];
  await expect.poll(() => wanted.filter((each) => !outcomes().has(each)), { timeout: 30_000 }).toEqual([]);
  await expect.poll(() => receiver.received.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(jobs * 4 * 3);
  stop.abort();
  await working;
  const listed = await waybill.undelivered();
  await waybill.close();
  // What a handler threw is for whoever reads the server's log, and is in that line alone.
  const ofHandlers = lines.filter(({ message }) => message.startsWith("a handler threw"));
  expect(ofHandlers).toHaveLength(1);
  const log = lines.filter((line) => !ofHandlers.includes(line));
  const leaves = { webhooks: receiver.received, pushes: appsync.accepted, told, listed, log };
  for (const [what, value] of Object.entries(leaves)) {
    expect(JSON.stringify(value).split(CANARY).length - 1, what).toBe(0);
  }
});
