import { memoryFeed } from "../../src/adapters/memory/feed.js";
import { memoryQueue } from "../../src/adapters/memory/queue.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { DEFAULT_POLICY, type Policy } from "../../src/core/defaults.js";
import { storeHistory } from "../../src/testing/linearizability/store-history.js";
import { judgeAck } from "./acks.js";
import { Answers } from "./answers.js";
import { Nemesis } from "./nemesis.js";
import { Monitors } from "./monitors.js";
import { Network } from "./network.js";
import { Outside } from "./outside.js";
import { type Shared, SimulatedProcess } from "./process.js";
import { drawProfile, type Profile } from "./profile.js";
import { judgeEnd, unsettled } from "./quiet.js";
import { Receiver } from "./receivers.js";
import { SharedStore } from "./shared-store.js";
import { REFERENCE, type Variant } from "./variants.js";
import { type Violation, World } from "./world.js";
import { Workload } from "./workload.js";

export interface SimulationOptions {
  readonly seed: number;
  /** Of the phase with faults; the phase without comes on top. */
  readonly steps: number;
  readonly variant?: Variant;
  /** Instead of what the seed draws. */
  readonly profile?: Profile;
  /** How much of the trace is kept. @default 40 */
  readonly keptLines?: number;
}

export interface SimulationResult {
  readonly seed: number;
  readonly steps: number;
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly injected: Readonly<Record<string, number>>;
  readonly jobs: number;
  readonly lines: readonly string[];
  /** What the library logged as an error. */
  readonly errors: Readonly<Record<string, number>>;
  readonly healMs: number;
}

/** Short paces: a run of a few minutes then holds what takes an application days. */
const POLICY: Partial<Policy> = {
  sendGraceMs: 3_000,
  notifyGraceMs: 2_000,
  redispatchAfterMs: 15_000,
  redispatchCapMs: 60_000,
  pollEveryMs: 3_000,
  pollCapMs: 10_000,
  pollLeaseMs: 6_000,
  parkAfterMs: 20_000,
  takeDueHoldMs: 5_000,
  reconcileBusyMs: 500,
  reconcileIdleMs: 2_500,
  unknownRetryMs: 4_000,
  // By the clocks of two processes an entry may have failed for hours: nobody here waits that long for the next try.
  notifier: { ...DEFAULT_POLICY.notifier, baseMs: 300, capMs: 6_000 },
  maxHistoryEntries: 24,
  maxWarnings: 3,
};

const MAX_RECEIVES = 5;
/** Where many calls lost their answers an order is long looked for: seed 5023 takes more than the 200,000 tries by default. */
const MOST_TRIED = 20_000_000;
/** By then everything must have come to its end. */
const LIVENESS_MS = 15 * 60_000;

/** One run of the whole library, from one seed: faults, then their end, then what must have come of it. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const simulation = new Simulation(options);
  return simulation.run();
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #world: World;
  readonly #network: Network;
  readonly #shared: Shared;
  readonly #store: SharedStore;
  readonly #monitors: Monitors;
  readonly #receivers: Readonly<Record<string, Receiver>>;
  readonly #processes: readonly SimulatedProcess[];
  readonly #nemesis: Nemesis;
  readonly #workload: Workload;
  readonly #history = storeHistory();
  readonly #parked = new Set<string>();
  #calling = true;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const { seed, variant = REFERENCE } = options;
    const world = new World(seed, options.keptLines);
    this.#world = world;
    const profile = options.profile ?? variant.profile ?? drawProfile(world);
    this.#network = new Network(world, profile);
    const outside = new Outside(world);
    const policy = { ...DEFAULT_POLICY, ...POLICY };
    const monitors: Monitors = new Monitors({
      world,
      policy,
      isProven: (ref) => outside.isProven(ref),
      onEntry: (id, entry) => {
        answers.onEntry(id, entry);
      },
      isDelivered: (name, id, entry) => this.#receivers[name]?.isDone(id, entry) === true,
    });
    const answers = new Answers(world, monitors.logs);
    this.#monitors = monitors;
    this.#store = new SharedStore({
      make: variant.make ?? memoryStore,
      now: () => world.now,
      onChange: monitors.onChange,
      onPark: (body) => this.#parked.add(body),
    });
    this.#receivers = this.#makeReceivers();
    this.#shared = { ...this.#makeShared(outside, policy, variant), seed };
    this.#processes = this.#makeProcesses();
    this.#nemesis = new Nemesis({
      world,
      network: this.#network,
      profile,
      processes: this.#processes,
      store: this.#store,
      history: this.#history,
      monitors,
      queues: this.#shared.queues,
      feed: this.#shared.feed,
    });
    this.#workload = new Workload({ world, answers, outside, logs: monitors.logs });
  }

  async run(): Promise<SimulationResult> {
    const world = this.#world;
    const { seed, steps } = this.#options;
    this.#nemesis.begin();
    this.#call();
    await world.run(() => world.steps >= steps);
    this.#calling = false;
    world.trace("everything heals");
    this.#nemesis.heal();
    const healedAt = world.now;
    const left = { quiet: false };
    this.#watchForQuiet(left);
    await world.run(() => left.quiet || world.now > healedAt + LIVENESS_MS);
    const healMs = world.now - healedAt;
    if (world.violations.length === 0) judgeEnd(this.#endFacts(), left.quiet);
    for (const { text } of this.#history.check({ mostTried: MOST_TRIED })) world.fail("S7", text);
    if (world.violations.length === 0) await this.#close();
    return {
      seed,
      steps: world.steps,
      hash: world.hash(),
      violations: world.violations,
      injected: world.injected,
      jobs: this.#monitors.logs.size,
      lines: world.lastLines(),
      errors: Object.fromEntries(this.#shared.errors),
      healMs,
    };
  }

  #makeReceivers(): Readonly<Record<string, Receiver>> {
    const world = this.#world;
    const { logs } = this.#monitors;
    const chances = (): { readonly retry: number; readonly rejected: number } =>
      this.#network.profile.notifier;
    const isListed = (name: string, id: string, version: number): boolean =>
      this.#store.rows.get(id)?.cursors[name]?.exhausted.includes(version) === true;
    return {
      ui: new Receiver({ world, logs, name: "ui", chances, isListed }),
      billing: new Receiver({
        world,
        logs,
        name: "billing",
        chances,
        isListed,
        on: ["job.completed", "job.failed", "job.warning"],
      }),
    };
  }

  #makeShared(outside: Outside, policy: Partial<Policy>, variant: Variant): Omit<Shared, "seed"> {
    const world = this.#world;
    const { clock, random } = world;
    const { feed } = this.#network.profile;
    const queue = { clock, random, visibilityMs: 8_000, maxReceives: MAX_RECEIVES };
    const { logs } = this.#monitors;
    const ackFacts = {
      world,
      logs,
      rows: this.#store.rows,
      maxReceives: MAX_RECEIVES,
      isParked: (body: string) => this.#parked.has(body),
    };
    return {
      world,
      network: this.#network,
      store: this.#store.store,
      history: this.#history,
      queues: { main: memoryQueue(queue), fifo: memoryQueue({ ...queue, ordered: true }) },
      receivers: this.#receivers,
      feed: memoryFeed({ clock, random, faults: feed }),
      onAck: (name, delivery, dead) => {
        judgeAck(ackFacts, name, delivery, dead);
      },
      policy,
      variant,
      outside,
      running: new Set(),
      lostWrites: (id) => logs.get(id)?.lostWrites === true,
      errors: new Map(),
    };
  }

  #makeProcesses(): readonly SimulatedProcess[] {
    const world = this.#world;
    const roles = [
      { works: true, reconciles: true },
      { works: true, reconciles: world.chance(0.6) },
      { works: world.chance(0.5), reconciles: world.chance(0.5) },
    ];
    return roles.map((role, index) => new SimulatedProcess(this.#shared, index, role));
  }

  /** Calls go on until the end of the faults. */
  #call(): void {
    const world = this.#world;
    world.after(world.chance(0.2) ? world.between(1, 50) : world.between(50, 1_500), null, () => {
      if (!this.#calling) return;
      const { name, waybill } = world.pick(this.#processes);
      if (waybill !== null) this.#workload.call({ name, waybill });
      this.#call();
    });
  }

  #endFacts() {
    const { queues } = this.#shared;
    return {
      world: this.#world,
      monitors: this.#monitors,
      rows: this.#store.rows,
      receivers: this.#receivers,
      queues,
    };
  }

  #watchForQuiet(left: { quiet: boolean }): void {
    this.#world.after(1_000, null, () => {
      left.quiet = unsettled(this.#endFacts()).length === 0;
      if (!left.quiet) this.#watchForQuiet(left);
    });
  }

  /** A stop in good order leaves nothing behind. */
  async #close(): Promise<void> {
    const world = this.#world;
    const closingAt = world.now;
    let open = 0;
    for (const process of this.#processes) {
      if (process.waybill === null) continue;
      open += 1;
      process.stop(() => {
        open -= 1;
      });
    }
    await world.run(() => open === 0 || world.now > closingAt + 120_000);
    if (open > 0) world.fail("L8", `${String(open)} processes did not end`);
  }
}
