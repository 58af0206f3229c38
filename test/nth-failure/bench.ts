import { memoryFeed } from "../../src/adapters/memory/feed.js";
import { type MemoryQueue, memoryQueue } from "../../src/adapters/memory/queue.js";
import { DEFAULT_POLICY, type Policy } from "../../src/core/defaults.js";
import type { Store } from "../../src/core/ports/store.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import { storeHistory } from "../../src/testing/linearizability/store-history.js";
import { judgeAck } from "../simulate/acks.js";
import { Answers } from "../simulate/answers.js";
import { Monitors } from "../simulate/monitors.js";
import { Outside } from "../simulate/outside.js";
import { type Role, type Shared, SimulatedProcess } from "../simulate/process.js";
import { Receiver } from "../simulate/receivers.js";
import { SharedStore } from "../simulate/shared-store.js";
import { REFERENCE, type Variant } from "../simulate/variants.js";
import { type CutAt, CutNetwork } from "./cut-network.js";
import { WaitingWorld } from "./waiting-world.js";

/** Short paces: a recovery then takes seconds of the simulated time. */
const POLICY: Partial<Policy> = {
  sendGraceMs: 1_500,
  notifyGraceMs: 1_500,
  redispatchAfterMs: 6_000,
  redispatchCapMs: 12_000,
  redriveAfterMs: 2_000,
  redriveCapMs: 4_000,
  pollEveryMs: 2_000,
  pollCapMs: 4_000,
  pollLeaseMs: 3_000,
  parkAfterMs: 5_000,
  takeDueHoldMs: 3_000,
  reconcileBusyMs: 500,
  reconcileIdleMs: 2_500,
  unknownRetryMs: 3_000,
  storeTimeoutMs: 2_000,
  watchEveryMs: 2_000,
};

export const MAX_RECEIVES = 4;
/** Every run goes the same way but for its cut. */
const SEED = 1;
/** When the second process begins to work, where nobody crashed before. */
const SECOND_STARTS_MS = 60_000;
/** How soon the loss of a process is noticed. */
const REPLACED_AFTER_MS = 500;

export interface BenchOptions {
  readonly at: CutAt | null;
  readonly makeStore: (now: () => number) => Store;
  readonly roles: readonly [Role, Role];
  /** How the receivers answer: how often each fails first, and whether it refuses for good. */
  readonly receivers: Readonly<Record<string, { readonly fails: number; readonly refuses: boolean }>>;
  readonly variant: Variant | null;
}

/** Two processes on one store, one queue and some receivers; the first works, the second waits to take over. */
export class Bench {
  readonly world = new WaitingWorld(SEED, 80);
  readonly network: CutNetwork;
  readonly store: SharedStore;
  /** What the processes asked of the store, and what they were answered. */
  readonly history = storeHistory();
  readonly monitors: Monitors;
  readonly answers: Answers;
  readonly outside: Outside;
  readonly queues: Readonly<Record<string, MemoryQueue>>;
  readonly receivers: Readonly<Record<string, Receiver>>;
  readonly first: SimulatedProcess;
  readonly second: SimulatedProcess;
  readonly policy: Policy = { ...DEFAULT_POLICY, ...POLICY };
  readonly #variant: Variant;
  readonly #crashed = new Map<string, (() => void)[]>();

  constructor(options: BenchOptions) {
    const { world } = this;
    this.#variant = options.variant ?? REFERENCE;
    this.outside = new Outside(world);
    this.network = new CutNetwork(world, options.at, ({ index }) => {
      this.#crash(index === 0 ? this.first : this.second);
    });
    this.monitors = new Monitors({
      world,
      policy: this.policy,
      isProven: (ref) => this.outside.isProven(ref),
      onEntry: (id, entry) => {
        this.answers.onEntry(id, entry);
      },
      isDelivered: (name, id, entry) => this.receivers[name]?.isDone(id, entry) === true,
    });
    this.answers = new Answers(world, this.monitors.logs);
    const parked = new Set<string>();
    this.store = new SharedStore({
      make: () => {
        const made = options.makeStore(() => world.now);
        return interceptStore(made, (_method, _items, call) => world.awaited(call()));
      },
      now: () => world.now,
      onChange: this.monitors.onChange,
      onPark: (body) => parked.add(body),
    });
    this.queues = this.#makeQueues();
    this.receivers = this.#makeReceivers(options.receivers);
    const shared = this.#shared(parked);
    this.first = new SimulatedProcess(shared, 0, options.roles[0]);
    this.second = new SimulatedProcess(shared, 1, options.roles[1]);
    this.first.start(0);
    world.after(SECOND_STARTS_MS, null, () => {
      this.second.start(0);
    });
  }

  /** Calls back when this life of the process has crashed. */
  onCrash(process: SimulatedProcess, then: () => void): void {
    this.#crashed.set(process.name, [...(this.#crashed.get(process.name) ?? []), then]);
  }

  /** The process itself, or the one that has taken over. */
  alive(wanted: SimulatedProcess): SimulatedProcess {
    if (wanted.waybill !== null) return wanted;
    const other = wanted === this.first ? this.second : this.first;
    other.start(0);
    return other;
  }

  #crash(process: SimulatedProcess): void {
    process.crash();
    for (const then of this.#crashed.get(process.name) ?? []) then();
    this.#crashed.delete(process.name);
    this.world.after(REPLACED_AFTER_MS, null, () => {
      (process === this.first ? this.second : this.first).start(0);
    });
  }

  #makeQueues(): Readonly<Record<string, MemoryQueue>> {
    const { clock, random } = this.world;
    const options = { clock, random, visibilityMs: 5_000, maxReceives: MAX_RECEIVES };
    return { main: memoryQueue(options), fifo: memoryQueue({ ...options, ordered: true }) };
  }

  #makeReceivers(given: BenchOptions["receivers"]): Readonly<Record<string, Receiver>> {
    const { world, monitors } = this;
    const isListed = (name: string, id: string, version: number): boolean =>
      this.store.rows.get(id)?.cursors[name]?.exhausted.includes(version) === true;
    return Object.fromEntries(
      Object.entries(given).map(([name, { fails, refuses }]) => {
        let left = fails;
        const chances = () => ({ retry: left-- > 0 ? 1 : 0, rejected: refuses ? 1 : 0 });
        return [name, new Receiver({ world, logs: monitors.logs, name, isListed, chances })];
      }),
    );
  }

  #shared(parked: ReadonlySet<string>): Shared {
    const { world, network, monitors } = this;
    const { clock, random } = world;
    const { logs } = monitors;
    const facts = {
      world,
      logs,
      rows: this.store.rows,
      maxReceives: MAX_RECEIVES,
      isParked: (body: string) => parked.has(body),
    };
    return {
      seed: SEED,
      world,
      network,
      store: this.store.store,
      history: this.history,
      queues: this.queues,
      receivers: this.receivers,
      feed: memoryFeed({ clock, random }),
      onAck: (name, delivery, dead) => {
        judgeAck(facts, name, delivery, dead);
      },
      policy: POLICY,
      variant: this.#variant,
      outside: this.outside,
      running: new Set(),
      lostWrites: () => false,
      errors: new Map(),
    };
  }
}
