import type { MemoryFeed } from "../../src/adapters/memory/feed.js";
import type { MemoryQueue } from "../../src/adapters/memory/queue.js";
import { StoreUnavailableError, WaybillError } from "../../src/core/errors/errors.js";
import type { Feed, FeedHint } from "../../src/core/ports/feed.js";
import type { Notifier } from "../../src/core/ports/notifier.js";
import type { Delivery, Queue, ReceiveRequest } from "../../src/core/ports/queue.js";
import type { Store } from "../../src/core/ports/store.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import type { Life, Network } from "./network.js";
import type { World } from "./world.js";

/** A broken read has changed nothing, whatever became of its answer. */
const READS: ReadonlySet<string> = new Set(["read", "list", "byRef", "parked", "health", "ready"]);

/** The store as one life of a process reaches it. Closing it closes the connection, not the store. */
export function storeOf(network: Network, life: Life, store: Store): Store {
  const reached = interceptStore(store, (method, _items, call) =>
    network.call(life, "store", method, call, (known) => {
      const outcome = READS.has(method) ? "not_applied" : known;
      throw new StoreUnavailableError(`The store did not answer "${method}".`, { outcome });
    }),
  );
  return { ...reached, close: () => Promise.resolve() };
}

/** Hears of a message being acknowledged, before it goes. */
export type OnAck = (queue: string, delivery: Delivery, dead: boolean) => void;

/** The queue as one life reaches it. */
export function queueOf(
  { network, world }: { readonly network: Network; readonly world: World },
  life: Life,
  name: string,
  queue: MemoryQueue,
  onAck: OnAck,
): Queue {
  const unreachable = (known: "not_applied" | "unknown"): never => {
    throw new WaybillError("queue.unavailable", "The queue did not answer.", { outcome: known });
  };
  const delivered = (delivery: Delivery, dead: boolean): Delivery => ({
    body: delivery.body,
    receives: delivery.receives,
    sentAt: delivery.sentAt,
    ack: () =>
      network.call(
        life,
        "queue",
        "ack",
        () => {
          onAck(name, delivery, dead);
          return delivery.ack();
        },
        unreachable,
      ),
    release: (afterMs) =>
      network.call(life, "queue", "release", () => delivery.release(afterMs), unreachable),
    extend: (ms) => network.call(life, "queue", "extend", () => delivery.extend(ms), unreachable),
  });
  const receive = async (
    request: ReceiveRequest,
    from: Pick<Queue, "receive">,
    dead: boolean,
  ): Promise<readonly Delivery[]> => {
    const either = eitherSignal(request.signal, life.gone.signal);
    try {
      const deliveries = await network.call(
        life,
        "queue",
        "receive",
        () => {
          if (!dead) spoilReceive(world, network, queue);
          return from.receive({ ...request, signal: either.signal });
        },
        unreachable,
      );
      return deliveries.map((delivery) => delivered(delivery, dead));
    } finally {
      either.letGo();
    }
  };
  return {
    capabilities: queue.capabilities,
    send: (messages) =>
      network.call(
        life,
        "queue",
        "send",
        () => {
          for (const _ of messages) spoilSend(world, network, queue);
          return queue.send(messages);
        },
        (known) => messages.map(() => ({ status: "unknown", reason: `no answer (${known})` }) as const),
      ),
    receive: (request) => receive(request, queue, false),
    deadLetters: { receive: (request) => receive(request, queue.deadLetters, true) },
    close: () => Promise.resolve(),
  };
}

/** What the broker does to the next message that it is given. */
function spoilSend(world: World, { profile }: Network, { faults }: MemoryQueue): void {
  if (world.chance(profile.sendRejected)) {
    world.count("queue.sendRejected");
    faults.breakSends("rejected");
    return;
  }
  for (const fault of ["loss", "duplicate"] as const) {
    if (!world.chance(profile.messages[fault])) continue;
    world.count(`queue.${fault}`);
    faults.next(fault);
    return;
  }
}

/** What it does to the next message that it hands over. */
function spoilReceive(world: World, { profile }: Network, queue: MemoryQueue): void {
  const waiting = queue.depth();
  if (waiting > 1 && world.chance(profile.messages.reorder)) {
    world.count("queue.reorder");
    queue.faults.next("reorder");
  }
  if (waiting > 0 && world.chance(profile.messages.redelivery)) {
    world.count("queue.redelivery");
    queue.faults.next("redelivery");
  }
}

/** The receiver as one life reaches it, with failures of the receiver's own. */
export function notifierOf(network: Network, world: World, life: Life, receiver: Notifier): Notifier {
  return {
    on: receiver.on,
    giveUpAfterMs: receiver.giveUpAfterMs,
    timeoutMs: receiver.timeoutMs,
    maxBatch: receiver.maxBatch,
    publish: (events, { signal, view }) =>
      network.call(
        life,
        "notifier",
        "publish",
        async () => {
          const { throws, hangs } = network.profile.notifier;
          if (world.chance(throws)) {
            world.count("notifier.throws");
            throw new Error("The receiver fails.");
          }
          if (world.chance(hangs)) {
            world.count("notifier.hangs");
            return new Promise<never>((_, reject) => {
              signal.addEventListener("abort", () => {
                reject(new Error("The receiver did not answer in time."));
              });
            });
          }
          return receiver.publish(events, { signal: life.gone.signal, view });
        },
        () => {
          throw new Error("The receiver did not answer.");
        },
      ),
  };
}

/** One end of the feed: what a process hears, it hears as an event of its own. */
export function feedOf(world: World, life: Life, feed: MemoryFeed): Feed {
  const end = feed.second();
  life.gone.signal.addEventListener("abort", () => void end.close());
  return {
    publish: (hints) => (life.partitioned ? Promise.reject(new Error("no link")) : end.publish(hints)),
    subscribe: (listener) =>
      end.subscribe((hint: FeedHint) => {
        if (life.partitioned) return;
        world.after(0, life, () => {
          listener(hint);
        });
      }),
    close: () => end.close(),
  };
}

/** Aborts with either; `AbortSignal.any` holds its sources weakly, which would let chance in. */
function eitherSignal(a: AbortSignal, b: AbortSignal) {
  const either = new AbortController();
  const abort = (): void => {
    either.abort();
  };
  const letGo = (): void => {
    a.removeEventListener("abort", abort);
    b.removeEventListener("abort", abort);
  };
  if (a.aborted || b.aborted) abort();
  a.addEventListener("abort", abort);
  b.addEventListener("abort", abort);
  return { signal: either.signal, letGo };
}
