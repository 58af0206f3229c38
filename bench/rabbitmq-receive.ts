// `npx tsx bench/rabbitmq-receive.ts [messages] [runs] [prefetches]`: how fast Waybill's queue receives, beside a consumer of
// amqplib that is never cancelled, with the same prefetch on the same broker. Both acknowledge each message. A run is made of
// slices in which they take turns, and the order turns round each time: what else the machine does strikes both alike.
// What counts is the ratio: client and broker share the machine.
import { cpus, loadavg } from "node:os";
import { type ChannelModel, connect } from "amqplib";
import { rabbitmqConnection, rabbitmqQueue } from "../src/rabbitmq.js";
import type { Queue } from "../src/core/ports/queue.js";
import { type RabbitmqServer, rabbitmqMissing, startRabbitmq } from "../test/support/rabbitmq-server.js";
import { spreadOf } from "./lib/statistics.js";

const [messages = 4_000, runs = 5] = process.argv.slice(2, 4).map(Number);
const prefetches = (process.argv[4] ?? "1,10,50,100").split(",").map(Number);
/** A slow contestant has fewer: with a prefetch of 1 each message costs the broker a write to its disk. */
const SHARES: Readonly<Record<number, number>> = { 1: 0.1, 10: 0.5 };
const BATCH = 100;
/** Pairs of slices in a run. */
const SLICES = 2;
/** A worker has one signal for all its receives. */
const { signal } = new AbortController();

/** Milliseconds that it took. */
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
    const deliveries = await queue.receive({ max: prefetch, waitMs: 20_000, signal });
    await Promise.all(deliveries.map((delivery) => delivery.ack()));
    received += deliveries.length;
  }
  return performance.now() - startedAt;
};

function longLived(model: ChannelModel): Contestant {
  return async (_, name, { prefetch, count }) => {
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
    const elapsedMs = performance.now() - startedAt;
    await channel.close();
    return elapsedMs;
  };
}

function figure({ median, min, max }: ReturnType<typeof spreadOf>, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)} – ${max.toFixed(digits)})`;
}

type Who = "ours" | "theirs";

/** Messages a second of both. */
async function runOnce(
  queues: Readonly<Record<Who, { readonly queue: Queue; readonly name: string }>>,
  asked: { readonly prefetch: number; readonly count: number; readonly first: Who },
  contestants: Readonly<Record<Who, Contestant>>,
): Promise<Readonly<Record<Who, number>>> {
  const { prefetch, first } = asked;
  const count = Math.ceil(asked.count / SLICES);
  const elapsedMs = { ours: 0, theirs: 0 };
  let order: readonly Who[] = first === "ours" ? ["ours", "theirs"] : ["theirs", "ours"];
  for (let slice = 0; slice < SLICES; slice += 1) {
    for (const who of order) {
      const { queue, name } = queues[who];
      await fill(queue, count);
      elapsedMs[who] += await contestants[who](queue, name, { prefetch, count });
    }
    order = [...order].reverse();
  }
  const rate = (ms: number): number => (count * SLICES * 1_000) / ms;
  return { ours: rate(elapsedMs.ours), theirs: rate(elapsedMs.theirs) };
}

async function measure(server: RabbitmqServer, prefetch: number): Promise<string> {
  const model = await connect(server.url, { noDelay: true });
  const connection = rabbitmqConnection(() => connect(server.url, { noDelay: true }));
  // A queue for each: a consumer of ours stays for a moment, and would take what is meant for the other.
  const own = async (who: Who) => {
    const name = `receive-${String(prefetch)}-${who}`;
    const queue = rabbitmqQueue({ connection, queue: name });
    await queue.backlog?.();
    return { queue, name };
  };
  const queues = { ours: await own("ours"), theirs: await own("theirs") };
  const contestants = { ours: waybill, theirs: longLived(model) };
  const count = Math.ceil(messages * (SHARES[prefetch] ?? 1));
  const rates: Readonly<Record<Who, number>>[] = [];
  for (let run = 0; run < runs; run += 1) {
    const first = run % 2 === 0 ? "theirs" : "ours";
    rates.push(await runOnce(queues, { prefetch, count, first }, contestants));
  }
  await Promise.all([queues.ours.queue.close(), queues.theirs.queue.close()]);
  await connection.close();
  await model.close();
  const spreads = [
    figure(spreadOf(rates.map(({ ours }) => ours)), 0),
    figure(spreadOf(rates.map(({ theirs }) => theirs)), 0),
    figure(spreadOf(rates.map(({ ours, theirs }) => ours / theirs)), 2),
  ];
  return `| ${[prefetch, ...spreads].join(" | ")} |`;
}

if (rabbitmqMissing() !== null) process.exit(1);
const server = await startRabbitmq();
const [load] = loadavg();
console.log(
  `${String(cpus().length)} cores, load at the start ${load?.toFixed(1) ?? "?"}; Node ${process.version}`,
);
console.log(
  `${String(runs)} alternating runs of ${String(messages)} messages each (prefetch 1: a tenth, 10: half), in ${String(SLICES)} slices; median (lowest – highest)`,
);
console.log("| prefetch | waybill, messages/s | amqplib, messages/s | ratio |\n| --- | --- | --- | --- |");
for (const prefetch of prefetches) console.log(await measure(server, prefetch));
await server.stop();
