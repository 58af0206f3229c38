import { setMaxListeners } from "node:events";
import type { MemoryFeed } from "../../src/adapters/memory/feed.js";
import type { MemoryQueue } from "../../src/adapters/memory/queue.js";
import type { Waybill } from "../../src/core/api/waybill.js";
import { createWaybill } from "../../src/core/create-waybill.js";
import type { Policy } from "../../src/core/defaults.js";
import type { Logger } from "../../src/core/environment/logger.js";
import type { Notifier } from "../../src/core/ports/notifier.js";
import type { Queue } from "../../src/core/ports/queue.js";
import type { Store } from "../../src/core/ports/store.js";
import type { StoreHistory } from "../../src/testing/linearizability/store-history.js";
import { recordingStore } from "../../src/testing/recording-store.js";
import { seededIds } from "../../src/testing/seeded-ids.js";
import { type HandlerParts, handlersOf } from "./handlers.js";
import { type Kind, KINDS } from "./kinds.js";
import type { Life, Network } from "./network.js";
import { feedOf, notifierOf, type OnAck, queueOf, storeOf } from "./ports.js";
import type { Variant } from "./variants.js";
import type { World } from "./world.js";

/** What all processes share. */
export interface Shared extends Pick<HandlerParts, "outside" | "running" | "lostWrites"> {
  readonly seed: number;
  readonly world: World;
  readonly network: Network;
  readonly store: Store;
  /** What all processes asked of the store, and what they were answered. */
  readonly history: StoreHistory;
  readonly queues: Readonly<Record<string, MemoryQueue>>;
  readonly receivers: Readonly<Record<string, Notifier>>;
  readonly feed: MemoryFeed;
  readonly onAck: OnAck;
  readonly policy: Partial<Policy>;
  readonly variant: Variant;
  /** What the library logged as an error, by its text. */
  readonly errors: Map<string, number>;
}

/** What a process does besides taking calls. */
export interface Role {
  readonly works: boolean;
  readonly reconciles: boolean;
}

const SHUTDOWN_MS = 3_000;

/** One process of the application: it starts, crashes or stops, and starts again with nothing of its memory left. */
export class SimulatedProcess {
  readonly name: string;
  readonly #index: number;
  readonly #role: Role;
  readonly #shared: Shared;
  #life: Life | null = null;
  #waybill: Waybill<Kind> | null = null;
  #lives = 0;

  constructor(shared: Shared, index: number, role: Role) {
    this.#shared = shared;
    this.#index = index;
    this.#role = role;
    this.name = `p${String(index)}`;
  }

  get life(): Life | null {
    return this.#life;
  }

  /** What calls can be made on now. */
  get waybill(): Waybill<Kind> | null {
    return this.#life?.alive === true && this.#life.held === null ? this.#waybill : null;
  }

  start(skewMs: number): void {
    if (this.#life !== null) return;
    const { world, seed } = this.#shared;
    this.#lives += 1;
    const life: Life = {
      index: this.#index,
      name: `${this.name}.${String(this.#lives)}`,
      alive: true,
      held: null,
      skewMs,
      partitioned: false,
      gone: new AbortController(),
    };
    // One for each wait of the process: many at a time are as they should be.
    setMaxListeners(0, life.gone.signal);
    this.#life = life;
    world.trace(`${life.name} starts, its clock off by ${String(skewMs)}`);
    this.#waybill = this.#compose(life, seededIds(seed * 1_000 + this.#index * 100 + this.#lives));
  }

  #compose(life: Life, ids: ReturnType<typeof seededIds>): Waybill<Kind> {
    const { world, network, queues, receivers, feed, onAck, policy, variant } = this.#shared;
    const clock = world.clockOf(life, () => life.skewMs);
    const wrapQueue = (name: string, queue: MemoryQueue): Queue => {
      const reached = queueOf({ network, world }, life, name, queue, onAck);
      return variant.queue?.(reached) ?? reached;
    };
    const wrapStore = (reached: Store): Store => variant.store?.(reached) ?? reached;
    const named = <From, To>(parts: Readonly<Record<string, From>>, wrap: (name: string, part: From) => To) =>
      Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, wrap(name, part)]));
    const composition = {
      jobs: KINDS,
      store: wrapStore(
        recordingStore(storeOf(network, life, this.#shared.store), this.#shared.history).store,
      ),
      queues: named(queues, wrapQueue),
      notifiers: named(receivers, (_, receiver) => {
        const reached = notifierOf(network, world, life, receiver);
        return variant.notifier?.(reached) ?? reached;
      }),
      feed: feedOf(world, life, feed),
      clock,
      ids,
      logger: this.#logger(),
      policy,
    };
    // `ids` is not part of the published options: a simulation must not draw from the system's generator.
    const made: unknown = createWaybill(composition as never);
    const waybill = made as Waybill<Kind>;
    if (!this.#role.works) return waybill;
    const handlers = handlersOf({ ...this.#shared, life, clock });
    const reconcile = this.#role.reconciles && variant.reconcile !== false;
    const options = {
      concurrency: 4,
      pollIntervalMs: 2_000,
      shutdownTimeoutMs: SHUTDOWN_MS,
      reconcile,
      name: life.name,
    };
    waybill
      .worker(handlers, options)
      .run()
      .catch((error: unknown) => {
        world.fail("L7", `a worker ended with ${String(error)}`);
      });
    return waybill;
  }

  /** Everything of it ends at once: timers, continuations, connections. What it sent before is still under way. */
  crash(): void {
    if (this.#life === null) return;
    this.#shared.world.trace(`${this.#life.name} crashes`);
    this.#life.alive = false;
    this.#life.gone.abort();
    this.#life = null;
    this.#waybill = null;
  }

  /** Stops in good order, and calls back when it is done. */
  stop(done: () => void): void {
    const life = this.#life;
    const waybill = this.waybill;
    if (life === null || waybill === null) return;
    this.#waybill = null;
    this.#shared.world.trace(`${life.name} stops`);
    const ended = (): void => {
      if (this.#life !== life) return;
      life.alive = false;
      life.gone.abort();
      this.#life = null;
      done();
    };
    waybill.close().then(ended, (error: unknown) => {
      this.#shared.world.fail("L8", `close failed: ${String(error)}`);
    });
  }

  /** Nothing of it happens for a while: a frozen machine, a long collection of garbage. */
  pause(ms: number): void {
    const life = this.#life;
    if (life?.alive !== true || life.held !== null) return;
    const { world } = this.#shared;
    world.trace(`${life.name} is paused for ${String(ms)} ms`);
    life.held = [];
    world.after(ms, null, () => {
      if (!life.alive) return;
      world.trace(`${life.name} goes on`);
      world.resume(life);
    });
  }

  #logger(): Logger {
    const { errors, world } = this.#shared;
    const quiet = (): void => undefined;
    const error = (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      world.trace(`${this.name} logs ${message}`);
      const text = `${message} ${JSON.stringify(fields?.["code"] ?? fields?.["error"] ?? "")}`;
      errors.set(text, (errors.get(text) ?? 0) + 1);
    };
    return { debug: quiet, info: quiet, warn: quiet, error };
  }
}
