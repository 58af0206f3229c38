// A client of ioredis as programs set theirs up: store and feed work with it, or say at once why not.
import { Redis, type RedisOptions } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob } from "../../src/index.js";
import { redisStore } from "../../src/redis.js";
import { recordingLogger } from "../support/engine.js";
import { redisMissing, redisServer } from "./redis-server.js";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const work = defineJob({ kind: "sample.work", input: z.object({}), output: z.object({ n: z.number() }) });

/** Nobody is told by a re-read in that time: what is heard comes through the feed. */
const NEVER_MS = 3_600_000;

const SETTINGS = {
  keyPrefix: { keyPrefix: "app:" },
  "keyPrefix with a hash tag": { keyPrefix: "{app}:" },
  "replyMapping: resp3": { protocol: 3, replyMapping: "resp3" },
  lazyConnect: { lazyConnect: true },
  "enableOfflineQueue: false": { enableOfflineQueue: false },
  "lazyConnect without an offline queue": { lazyConnect: true, enableOfflineQueue: false },
  "autoResubscribe: false": { autoResubscribe: false },
  readOnly: { readOnly: true },
  stringNumbers: { stringNumbers: true },
  "enableReadyCheck: false": { enableReadyCheck: false },
  "maxRetriesPerRequest: null": { maxRetriesPerRequest: null },
  "maxRetriesPerRequest: 0": { maxRetriesPerRequest: 0 },
  db: { db: 3 },
  enableAutoPipelining: { enableAutoPipelining: true },
  "autoResendUnfulfilledCommands: false": { autoResendUnfulfilledCommands: false },
  commandTimeout: { commandTimeout: 5_000 },
  connectionName: { connectionName: "app" },
  showFriendlyErrorStack: { showFriendlyErrorStack: true },
  "noDelay and keepAlive": { noDelay: false, keepAlive: 1_000 },
} satisfies Readonly<Record<string, RedisOptions>>;

describe.skipIf(redisMissing() !== null)("a Redis client with other options than the default", () => {
  for (const [name, options] of Object.entries(SETTINGS))
    it(`${name}: another process hears of the end of a job`, async () => {
      const server = await redisServer();
      const prefix = server.prefix();
      const { logger, lines } = recordingLogger();
      const make = () => {
        const client = server.own(new Redis(server.port, "127.0.0.1", options));
        const store = redisStore({ client, prefix, onWarning: () => undefined });
        const waybill = createWaybill({ jobs: [work], store, logger, policy: { watchEveryMs: NEVER_MS } });
        closers.push(() => waybill.close());
        return { client, waybill };
      };
      const web = make();
      const back = make();
      for (const { client } of [web, back])
        if (client.options.enableOfflineQueue === false && client.status !== "ready") {
          if (client.status === "wait") await client.connect();
          else await new Promise((resolve) => void client.once("ready", resolve));
        }
      let go: () => void = () => undefined;
      const watched = new Promise<void>((resolve) => (go = resolve));
      const worker = back.waybill.worker([work.handle(() => watched.then(() => ({ n: 7 })))]);
      const running = worker.run();
      const job = await web.waybill.submit(work, {}).unwrap();
      let last: string | null = null;
      for await (const { status } of web.waybill.watch(work, job.id)) {
        last = status;
        go();
      }
      expect(last).toBe("COMPLETED");
      await worker.stop();
      await running;
      expect(lines).toEqual([]);
    });
});
