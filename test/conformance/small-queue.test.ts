import { Redis } from "ioredis";
import { describe, it } from "vitest";
import { fakeClock, queueSuite } from "waybill/testing";
import { smallQueue } from "../../examples/small-queue/small-queue.js";
import { redisMissing, redisServer } from "../integration/redis-server.js";

let queues = 0;
describe.skipIf(redisMissing() !== null)("the small queue on Redis Streams", () => {
  queueSuite(
    { describe, it },
    {
      async create() {
        const { port } = await redisServer();
        const redis = new Redis({ port, host: "127.0.0.1" });
        const clock = fakeClock();
        queues += 1;
        const queue = smallQueue({ client: redis, name: `queue-${queues}`, maxReceives: 4, clock });
        return {
          queue,
          visibilityMs: 30_000,
          advance: async (ms) => {
            await clock.advance(ms);
            // What came of it has been to the server and back.
            await redis.ping().catch(() => undefined);
          },
          outage: async (on) => {
            if (on) redis.disconnect();
            else await redis.connect();
          },
          close: async () => {
            await queue.close();
            redis.disconnect();
          },
        };
      },
    },
  );
});
