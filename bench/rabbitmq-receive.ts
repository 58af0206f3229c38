// `npx tsx bench/rabbitmq-receive.ts [messages] [runs]`: how fast Waybill's queue receives, beside a consumer of amqplib that
// is never cancelled, with the same prefetch on the same broker. Both acknowledge each message. They alternate, and the order
// turns round each time. What counts is the ratio of two runs side by side: client and broker share the machine.
import { cpus, loadavg } from "node:os";
import { connect } from "amqplib";
import { rabbitmqConnection, rabbitmqQueue } from "../src/rabbitmq.js";
import type { Queue } from "../src/core/ports/queue.js";
import { type RabbitmqServer, rabbitmqMissing, startRabbitmq } from "../test/support/rabbitmq-server.js";
import { spreadOf } from "./lib/statistics.js";

const PREFETCHES = [1, 10, 50, 100];
/** A slow contestant has fewer: with a prefetch of 1 each message costs the broker a write to its disk. */
const SHARES: Readonly<Record<number, number>> = { 1: 0.1, 10: 0.5 };
const BATCH = 100;

const [messages = 5_000, runs = 5] = process.argv.slice(2).map(Number);

/** Messages a second. */
type Contestant = (queue: Queue, name: string, run: { prefetch: number; count: number }) => Promise<number>;

async function fill(queue: Queue, count: number): Promise<void> {
  const body = JSON.stringify({ v: 1, id: "01JD3Z8Q0V5T6W7X8Y9ZABCDEF", kind: "mail.send", dispatch: 1 });
  const message = { body, delayMs: 0, dedupId: "d", groupId: "g" };
  for (let sent = 0; sent < count; sent += BATCH)
    await queue.send(Array.from({ length: Math.min(BATCH, count - sent) }, () => message));
}

const waybill: Contestant = async (queue, _, { prefetch, count }) => {
  const startedAt = performance.now();
  let received = 0;
  while (received < count) {
    const deliveries = await queue.receive({
      max: prefetch,
      waitMs: 20_000,
      signal: new AbortController().signal,
    });
    await Promise.all(deliveries.map((delivery) => delivery.ack()));
    received += deliveries.length;
  }
  return (count / (performance.now() - startedAt)) * 1_000;
};

function longLived(server: RabbitmqServer): Contestant {
  return async (_, name, { prefetch, count }) => {
    const model = await connect(server.url, { noDelay: true });
    const channel = await model.createChannel();
    await channel.prefetch(prefetch);
    const startedAt = performance.now();
    let received = 0;
    await new Promise<void>((resolve, reject) => {
      const hear = (message: Parameters<Parameters<typeof channel.consume>[1]>[0]): void => {
        if (message === null) return;
        channel.ack(message);
        received += 1;
        if (received === count) resolve();
      };
      channel.consume(name, hear).catch(reject);
    });
    const rate = (count / (performance.now() - startedAt)) * 1_000;
    await channel.close();
    await model.close();
    return rate;
  };
}

function figure({ median, min, max }: ReturnType<typeof spreadOf>, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)} – ${max.toFixed(digits)})`;
}

async function measure(server: RabbitmqServer, prefetch: number): Promise<string> {
  const connection = rabbitmqConnection(() => connect(server.url, { noDelay: true }));
  const name = `receive-${String(prefetch)}`;
  const queue = rabbitmqQueue({ connection, queue: name });
  const plain = longLived(server);
  const rates = { ours: [] as number[], theirs: [] as number[] };
  const count = Math.ceil(messages * (SHARES[prefetch] ?? 1));
  await queue.backlog?.();
  for (let run = 0; run < runs; run += 1) {
    for (const who of run % 2 === 0 ? (["theirs", "ours"] as const) : (["ours", "theirs"] as const)) {
      await fill(queue, count);
      const contestant = who === "ours" ? waybill : plain;
      rates[who].push(await contestant(queue, name, { prefetch, count }));
    }
  }
  await queue.close();
  await connection.close();
  const { ours, theirs } = rates;
  const ratios = ours.map((rate, run) => rate / (theirs[run] ?? NaN));
  const cells = [figure(spreadOf(ours), 0), figure(spreadOf(theirs), 0), figure(spreadOf(ratios), 2)];
  return `| ${[prefetch, ...cells].join(" | ")} |`;
}

if (rabbitmqMissing() !== null) process.exit(1);
const server = await startRabbitmq();
const [load] = loadavg();
console.log(
  `${String(cpus().length)} cores, load at the start ${load?.toFixed(1) ?? "?"}; Node ${process.version}`,
);
console.log(
  `${String(runs)} alternating runs of ${String(messages)} messages (prefetch 1: a tenth, 10: half); median (lowest – highest)`,
);
console.log("| prefetch | waybill, messages/s | amqplib, messages/s | ratio |\n| --- | --- | --- | --- |");
for (const prefetch of PREFETCHES) console.log(await measure(server, prefetch));
await server.stop();
