import type { Redis } from "ioredis";
import { defineQueue, systemClock, WaybillError, type Clock, type Queue } from "waybill";
import { SEND, SETTLE, TAKE } from "./scripts.js";

export interface SmallQueueOptions {
  /** Never closed by the queue, which makes a second connection to wait on. */
  readonly client: Redis;
  /** Its keys begin with it, in braces. */
  readonly name: string;
  /** @default 30_000 // 30 s */
  readonly visibilityMs?: number;
  /** Receives after which a message that comes back goes to the dead letters. @default 20 */
  readonly maxReceives?: number;
  /** Of all processes: a message is visible by the clock of who asks. @default the system clock */
  readonly clock?: Clock;
}

const MAX_BATCH = 100;

/** Nobody waits longer before looking again, whatever happens to the connection that would wake him up. */
const LOOK_AGAIN_MS = 1_000;

/** The answer of `TAKE`. */
type Taken = [messages: [id: string, body: string, sentAt: string, receives: number][], nextAt: string];

/** A queue on Redis Streams, 7.0 or newer. */
export function smallQueue(options: SmallQueueOptions): Queue {
  const { client, name, visibilityMs = 30_000, maxReceives = 20, clock = systemClock } = options;
  const key = (part: string): string => `{${name}}:${part}`;
  const waiting = waiter(client, key("stream"));
  const closing = new AbortController();
  let sent = 0;

  function admit(call: string, size: number): void {
    if (closing.signal.aborted) throw new WaybillError("waybill.closed", "The small queue was closed.");
    if (size >= 1 && size <= MAX_BATCH) return;
    throw new WaybillError("config.invalid", `A ${call} carries 1 to ${MAX_BATCH} messages, not ${size}.`);
  }

  /** All of a batch is in one step: it is sent, or in doubt. */
  const send: Queue["send"] = async (messages) => {
    admit("send", messages.length);
    const items = messages.flatMap(({ body, delayMs, dedupId }) => [
      Math.max(0, delayMs),
      body,
      `${dedupId}/${sent++}`,
    ]);
    try {
      await client.eval(SEND, 2, key("stream"), key("delayed"), clock.now(), ...items);
      return messages.map(() => ({ status: "sent" }));
    } catch {
      return messages.map(() => ({ status: "unknown", reason: "Redis did not confirm the messages" }));
    }
  };

  /** Receives from the queue, or from its dead letters, which are a queue of their own without such. */
  function receiver(stream: string, most: number): Queue["receive"] {
    const hidden = `${stream}:hidden`;
    // Dead letters are never delayed, and have no dead letters: keys that are not there.
    const keys = [stream, hidden, ...(most > 0 ? [key("delayed"), key("dead")] : [key("none"), key("none")])];

    async function take(max: number) {
      const asked = client.eval(TAKE, 4, ...keys, clock.now(), max, visibilityMs, most) as Promise<Taken>;
      const [taken, nextAt] = await asked.catch(unavailable("Redis could not be asked for messages."));
      const deliveries = taken.map(([id, body, sentAt, receives]) => {
        const settle = async (ms: number | ""): Promise<void> => {
          await client.eval(SETTLE, 2, stream, hidden, id, receives, clock.now(), ms);
        };
        const release = (afterMs: number): Promise<void> => settle(Math.max(0, afterMs));
        return { body, receives, sentAt: Number(sentAt), ack: () => settle(""), release, extend: settle };
      });
      return { deliveries, nextAt: nextAt === "" ? Infinity : Number(nextAt) };
    }

    return async ({ max, waitMs, signal }) => {
      admit("receive", max);
      const deadline = clock.now() + waitMs;
      const end = AbortSignal.any([signal, closing.signal]);
      for (;;) {
        if (end.aborted) return [];
        const changed = waiting.next();
        const { deliveries, nextAt } = await take(max);
        const now = clock.now();
        if (deliveries.length > 0 || now >= deadline) return deliveries;
        await firstOf(clock, Math.min(deadline, nextAt, now + LOOK_AGAIN_MS), end, changed);
      }
    };
  }

  return defineQueue({
    capabilities: {
      maxDelayMs: 24 * 3_600_000,
      ordered: false,
      maxBatch: MAX_BATCH,
      maxReceives,
      visibilityMs,
    },
    send,
    receive: receiver(key("stream"), maxReceives),
    deadLetters: { receive: receiver(key("dead"), 0) },
    async backlog() {
      admit("count", 1);
      const counts = Promise.all([client.xlen(key("stream")), client.zcard(key("delayed"))]);
      const [waits, delays] = await counts.catch(
        unavailable("Redis could not be asked how many messages wait."),
      );
      return waits + delays;
    },
    async close() {
      closing.abort();
      waiting.close();
    },
  });
}

function unavailable(sentence: string): (cause: unknown) => never {
  return (cause) => {
    throw new WaybillError("queue.unavailable", sentence, { cause });
  };
}

/** Wakes up everybody who waits when something is added, with one connection and one blocking read for all of them. */
function waiter(client: Redis, stream: string): { next(): Promise<unknown>; close(): void } {
  let connection: Redis | null = null;
  let next: Promise<unknown> | null = null;
  return {
    next() {
      connection ??= client.duplicate();
      // "$": what is added from now on. It takes nothing, so nothing is lost with a wait that is given up.
      next ??= connection
        .xread("BLOCK", LOOK_AGAIN_MS, "STREAMS", stream, "$")
        // Without the connection nobody is woken up; who waits looks again by himself.
        .catch(() => new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS)))
        .finally(() => {
          next = null;
        });
      return next;
    },
    close() {
      connection?.disconnect();
    },
  };
}

/** At the instant, when the signal aborts, or when something has changed: whatever comes first. */
function firstOf(clock: Clock, at: number, signal: AbortSignal, changed: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.timer(at - clock.now(), end, true);
    signal.addEventListener("abort", end, { once: true });
    void changed.then(end);
  });
}
