// The application's own messages: durable queues that it declares, fills and empties itself.
import { setTimeout as sleep } from "node:timers/promises";
import { type Channel, type ChannelModel, connect } from "amqplib";

/** What travels between the workers. */
export interface WorkMessage {
  readonly jobId: string;
  readonly documentId: string;
}

/** What becomes of a message: it may go, or it comes again after a while. */
export type Fate =
  { readonly acknowledge: true } | { readonly acknowledge: false; readonly retryAfterMs: number };

export const DONE: Fate = { acknowledge: true };
export const later = (retryAfterMs: number): Fate => ({ acknowledge: false, retryAfterMs });

/** The three workers, each with a queue. */
export type Role = "ingest" | "embed" | "graph";
const ROLES: readonly Role[] = ["ingest", "embed", "graph"];

export const queueOf = (exchange: string, role: Role): string => `${exchange}.${role}`;

/** What was there before the worker is waited for no longer than this before it is tried again. */
const AGAIN_MS = 1_000;
const CONNECT_AGAIN_MS = 200;

/** Where Waybill says that a job of the ingest worker is to be done: its queue is bound before the first job is made. */
export function handOverExchange(exchange: string): string {
  return `${exchange}.work`;
}

export async function declareQueues(channel: Channel, exchange: string): Promise<void> {
  await channel.assertExchange(handOverExchange(exchange), "topic", { durable: true });
  for (const role of ROLES) await channel.assertQueue(queueOf(exchange, role), { durable: true });
  await channel.bindQueue(queueOf(exchange, "ingest"), handOverExchange(exchange), "document.status.updated");
}

export interface Loop {
  readonly url: string;
  readonly exchange: string;
  readonly role: Role;
  readonly handle: (message: WorkMessage) => Promise<Fate>;
  readonly signal: AbortSignal;
}

/**
 * Takes messages one at a time until it is told to stop, over as many connections as that takes. A message goes when `handle`
 * says so; what it throws, or was lost on the way, comes again.
 */
export async function runLoop(loop: Loop): Promise<void> {
  const { signal } = loop;
  while (!signal.aborted) {
    try {
      const model = await connect(loop.url, { noDelay: true });
      await onConnection(loop, model);
    } catch {
      // Refused or broken: what was held comes again over the next connection.
    }
    await sleep(CONNECT_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function onConnection(loop: Loop, model: ChannelModel): Promise<void> {
  const over = new Promise<void>((resolve) => {
    model.on("close", resolve);
    // `close` follows.
    model.on("error", () => undefined);
    loop.signal.addEventListener("abort", () => {
      resolve();
    });
  });
  const channel = await model.createChannel();
  // A channel that breaks takes the connection with it: half of one would look alive.
  channel.on("error", () => void model.close().catch(() => undefined));
  await declareQueues(channel, loop.exchange);
  await channel.prefetch(1);
  let atWork: Promise<void> = Promise.resolve();
  await channel.consume(queueOf(loop.exchange, loop.role), (delivery) => {
    if (delivery === null) return;
    atWork = fateOf(loop, delivery.content).then((fate) => {
      settle(() => {
        if (fate.acknowledge) channel.ack(delivery);
        else channel.nack(delivery);
      });
    });
  });
  await over;
  await atWork;
  await model.close().catch(() => undefined);
}

/** Waits here before a message goes back: returned at once it would turn in a circle. */
async function fateOf({ handle, signal }: Loop, content: Buffer): Promise<Fate> {
  const fate = await Promise.resolve(readMessage(content))
    .then((message) => (message === null ? DONE : handle(message)))
    .catch((error: unknown): Fate => {
      console.error(error instanceof Error ? error.message : error);
      return later(AGAIN_MS);
    });
  if (!fate.acknowledge) await sleep(fate.retryAfterMs, undefined, { signal }).catch(() => undefined);
  return fate;
}

/** `null`: nobody can read it, and it would come for ever. */
function readMessage(content: Buffer): WorkMessage | null {
  try {
    const { job_id: jobId, document_id: documentId } = JSON.parse(content.toString("utf8")) as Record<
      string,
      unknown
    >;
    return typeof jobId === "string" && typeof documentId === "string" ? { jobId, documentId } : null;
  } catch {
    return null;
  }
}

/** On a connection that is gone there is nothing to settle: the broker has taken the message back. */
function settle(say: () => void): void {
  try {
    say();
  } catch {
    return;
  }
}

/** Hands work on. Resolves when the broker has it. Documents are few: a busy service keeps a connection for this. */
export async function sendWork(
  url: string,
  queue: string,
  { jobId, documentId }: WorkMessage,
): Promise<void> {
  const model = await connect(url, { noDelay: true });
  model.on("error", () => undefined);
  try {
    const channel = await model.createConfirmChannel();
    const body = Buffer.from(JSON.stringify({ job_id: jobId, document_id: documentId }));
    channel.sendToQueue(queue, body, { persistent: true, contentType: "application/json" });
    await channel.waitForConfirms();
  } finally {
    await model.close().catch(() => undefined);
  }
}
