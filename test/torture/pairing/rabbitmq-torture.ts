import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "amqplib";
import { rabbitmqConnection, rabbitmqQueue } from "waybill/rabbitmq";
import { startRabbitmq } from "../../support/rabbitmq-server.js";
import type { OpenQueue, TortureQueue } from "./torture-queue.js";

/**
 * RabbitMQ 3.10 writes under which name a quorum queue keeps its log up to 3 s after it was declared; killed before that, it
 * begins the queue anew.
 */
const SETTLED_MS = 4_000;
/** The delays of a run use a few rungs of the ladder: they are there before the broker is first killed. */
const DELAYS_MS = [100, 200, 400, 800, 1_600];

/** A real broker, which is killed and comes back with what it had confirmed. */
export const rabbitmqTorture: TortureQueue = {
  name: "rabbitmq",
  hasServer: true,
  async start() {
    const server = await startRabbitmq();
    const opened = await open(server.url);
    const sent = await opened.queue.send(
      DELAYS_MS.map((delayMs) => ({ body: "{}", delayMs, dedupId: "first", groupId: "first" })),
    );
    if (!sent.every(({ status }) => status === "sent")) throw new Error("the broker takes no message");
    const end = new AbortController();
    let left = DELAYS_MS.length;
    while (left > 0) {
      for (const delivery of await opened.queue.receive({ max: left, waitMs: 5_000, signal: end.signal })) {
        await delivery.ack();
        left -= 1;
      }
    }
    await opened.close();
    const declaredAt = performance.now();
    return {
      address: server.url,
      async crash() {
        await sleep(Math.max(0, declaredAt + SETTLED_MS - performance.now()));
        await server.kill();
        await server.start();
      },
      stop: () => server.stop(),
    };
  },
  open,
};

async function open(url: string): Promise<OpenQueue> {
  const connection = rabbitmqConnection(() => connect(url, { noDelay: true }));
  const queue = rabbitmqQueue({ connection, queue: "work" });
  return {
    queue,
    async close() {
      await queue.close();
      await connection.close();
    },
  };
}
