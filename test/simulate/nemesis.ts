import type { MemoryFeed } from "../../src/adapters/memory/feed.js";
import type { MemoryQueue } from "../../src/adapters/memory/queue.js";
import type { StoreHistory } from "../../src/testing/linearizability/store-history.js";
import type { Monitors } from "./monitors.js";
import type { Network } from "./network.js";
import type { SimulatedProcess } from "./process.js";
import type { Chaos, Profile } from "./profile.js";
import type { SharedStore } from "./shared-store.js";
import type { World } from "./world.js";

export interface NemesisParts {
  readonly world: World;
  readonly network: Network;
  readonly profile: Profile;
  readonly processes: readonly SimulatedProcess[];
  readonly store: SharedStore;
  readonly history: StoreHistory;
  readonly monitors: Monitors;
  readonly queues: Readonly<Record<string, MemoryQueue>>;
  readonly feed: MemoryFeed;
}

const MINUTE_MS = 60_000;

/** Breaks processes, connections, brokers, clocks and the store, until it heals all of it. */
export class Nemesis {
  readonly #parts: NemesisParts;
  #breaking = true;
  #rollbacks: number;

  constructor(parts: NemesisParts) {
    this.#parts = parts;
    this.#rollbacks = parts.profile.rollbacks;
  }

  begin(): void {
    for (const process of this.#parts.processes) process.start(this.#skew());
    this.#tick();
    this.#planRollback();
  }

  heal(): void {
    const { network, processes, queues, feed, world, profile } = this.#parts;
    this.#breaking = false;
    network.heal();
    for (const queue of Object.values(queues)) queue.faults.heal();
    feed.setFaults({ loss: 0, duplicate: 0, delayMs: 0 });
    // Instants that a fast clock wrote down come to pass while all machines sleep; then their clocks are right.
    if (profile.skewMs > 0) world.now += 2 * profile.skewMs + MINUTE_MS;
    for (const process of processes) {
      const { life } = process;
      if (life === null) {
        process.start(0);
        continue;
      }
      life.partitioned = false;
      life.skewMs = 0;
      if (life.held !== null) world.resume(life);
    }
  }

  #skew(): number {
    const { skewMs } = this.#parts.profile;
    return skewMs === 0 ? 0 : this.#parts.world.between(-skewMs, skewMs);
  }

  #tick(): void {
    const { world, profile } = this.#parts;
    if (profile.chaos.length === 0) return;
    world.after(world.between(1, 2 * profile.chaosEveryMs), null, () => {
      if (!this.#breaking) return;
      this.#do(world.pick(profile.chaos));
      this.#tick();
    });
  }

  #do(what: Chaos): void {
    const { world, processes } = this.#parts;
    const process = world.pick(processes);
    if (process.life === null) return;
    world.count(what);
    switch (what) {
      case "crash":
        process.crash();
        this.#restartLater(process);
        return;
      case "stop":
        process.stop(() => {
          if (this.#breaking) this.#restartLater(process);
          else process.start(0);
        });
        return;
      case "pause":
        // Beyond the lease more often than not.
        process.pause(world.between(1_000, 20_000));
        return;
      case "storeOutage":
        this.#outage("store");
        return;
      case "queueOutage":
        this.#queueOutage();
        return;
      case "partition":
        this.#partition(process);
        return;
      case "clockStep":
        process.life.skewMs = this.#skew();
        world.trace(`${process.life.name} sets its clock to ${String(process.life.skewMs)}`);
    }
  }

  #restartLater(process: SimulatedProcess): void {
    this.#parts.world.after(this.#parts.world.between(10, 8_000), null, () => {
      process.start(this.#breaking ? this.#skew() : 0);
    });
  }

  #outage(part: "store" | "queue"): void {
    const { world, network } = this.#parts;
    const outcome = world.chance(0.5) ? "not_applied" : "unknown";
    world.trace(`the ${part} cannot be reached (${outcome})`);
    network.outage(part, outcome);
    world.after(world.between(300, 12_000), null, () => {
      world.trace(`the ${part} is back`);
      network.restore(part);
    });
  }

  #queueOutage(): void {
    const { world, queues } = this.#parts;
    if (world.chance(0.5)) {
      this.#outage("queue");
      return;
    }
    world.trace("nothing can be received");
    for (const { faults } of Object.values(queues)) faults.receiveOutage(true);
    world.after(world.between(300, 12_000), null, () => {
      for (const { faults } of Object.values(queues)) faults.receiveOutage(false);
    });
  }

  #partition(process: SimulatedProcess): void {
    const { world } = this.#parts;
    const { life } = process;
    if (life === null) return;
    world.trace(`${life.name} is cut off`);
    life.partitioned = true;
    world.after(world.between(500, 15_000), null, () => {
      world.trace(`${life.name} is reachable again`);
      life.partitioned = false;
    });
  }

  #planRollback(): void {
    const { world, store, history, monitors } = this.#parts;
    if (this.#rollbacks <= 0) return;
    this.#rollbacks -= 1;
    world.after(world.between(5_000, 60_000), null, () => {
      if (!this.#breaking) return;
      world.count("rollback");
      world.trace("the store falls back");
      const lost = store.rollBack(world.between(10, 6_000));
      void lost.then((ids) => {
        monitors.rolledBack(ids, store.rows);
        history.noteLostWrites(ids);
      });
      this.#planRollback();
    });
  }
}
