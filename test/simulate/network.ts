import type { Owner } from "./events.js";
import { NO_FAULTS, type Profile } from "./profile.js";
import type { World } from "./world.js";

export type Part = "store" | "queue" | "notifier" | "outside";
export type Broken = "not_applied" | "unknown";

/** One life of a process, from its start to its crash or stop. */
export interface Life extends Owner {
  /** Which process, from 0. */
  readonly index: number;
  skewMs: number;
  partitioned: boolean;
  /** Ends what brokers do on its behalf: its connections break with it. */
  readonly gone: AbortController;
}

/** What becomes of one call on its way. */
type Fate = "ok" | "notApplied" | "requestLost" | "responseLost" | "late" | "slow";

/** How it goes with one call. */
interface Way {
  readonly arrives: boolean;
  readonly arrivesMs: number;
  /** It takes effect, and the answer is lost. */
  readonly lost: boolean;
  readonly known: Broken;
  readonly answersMs: number;
}

const FATES: readonly Exclude<Fate, "ok">[] = ["notApplied", "requestLost", "responseLost", "late", "slow"];

/** How long a driver waits before it says that it does not know. */
const TIMEOUT_MS = { least: 300, most: 3_000 };
/** Beyond the lease: a write that was held up can come behind the next claim. */
const LATEST_MS = 15_000;

/** Everything that processes reach outside themselves passes here: a request event, an effect, a reply event. */
export class Network {
  profile: Profile;
  readonly #world: World;
  readonly #outages = new Map<Part, Broken>();

  constructor(world: World, profile: Profile) {
    this.#world = world;
    this.profile = profile;
  }

  outage(part: Part, outcome: Broken): void {
    this.#outages.set(part, outcome);
  }

  restore(part: Part): void {
    this.#outages.delete(part);
  }

  heal(): void {
    this.profile = NO_FAULTS;
    this.#outages.clear();
  }

  /**
   * One call of a process. The reply never comes to a process that crashed; the effect of a request that was under way
   * still takes place.
   *
   * @param broken - answers or throws for the caller, as the port says it
   */
  call<T>(
    life: Life,
    part: Part,
    name: string,
    effect: () => Promise<T>,
    broken: (known: Broken) => T,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const way = this.#wayOf(life, part, name);
      const world = this.#world;
      const answer = (afterMs: number, how: () => void): void => {
        world.after(afterMs, life, how);
      };
      const breakDown = (known: Broken): void => {
        try {
          resolve(broken(known));
        } catch (error) {
          reject(asError(error));
        }
      };
      if (!way.arrives) {
        answer(way.answersMs, () => {
          breakDown(way.known);
        });
        return;
      }
      if (way.known === "unknown" && way.lost) {
        answer(way.answersMs, () => {
          breakDown("unknown");
        });
      }
      world.after(way.arrivesMs, null, () => {
        const done = effect();
        if (way.lost) {
          done.catch(() => undefined);
          return;
        }
        done.then(
          (value) => {
            answer(way.answersMs, () => {
              resolve(value);
            });
          },
          (error: unknown) => {
            answer(way.answersMs, () => {
              reject(asError(error));
            });
          },
        );
      });
    });
  }

  #wayOf(life: Life, part: Part, name: string): Way {
    const world = this.#world;
    const fate = this.#fateOf(life, part);
    if (fate !== "ok") {
      world.count(`${part}.${fate}`);
      world.trace(`${life.name} ${part}.${name} ${fate}`);
    }
    const timeoutMs = world.between(TIMEOUT_MS.least, TIMEOUT_MS.most);
    const latencyMs = world.chance(0.15) ? world.between(3, 60) : world.between(0, 2);
    const replyMs = world.chance(0.15) ? world.between(3, 60) : world.between(0, 2);
    const lost = fate === "responseLost" || fate === "late";
    const arrivesMs =
      fate === "late"
        ? world.between(200, LATEST_MS)
        : fate === "slow"
          ? world.between(50, 2_500)
          : latencyMs;
    return {
      arrives: fate !== "notApplied" && fate !== "requestLost",
      arrivesMs,
      lost,
      known: fate === "notApplied" ? "not_applied" : "unknown",
      answersMs: lost || fate === "requestLost" ? timeoutMs : replyMs,
    };
  }

  #fateOf(life: Life, part: Part): Fate {
    const world = this.#world;
    const outage = this.#outages.get(part);
    if (outage !== undefined) return outage === "not_applied" ? "notApplied" : "requestLost";
    if (life.partitioned) {
      return world.chance(0.3) ? "notApplied" : world.chance(0.8) ? "requestLost" : "responseLost";
    }
    let position = world.random();
    for (const fate of FATES) {
      const share = this.profile.calls[fate];
      if (position < share) return fate;
      position -= share;
    }
    return "ok";
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
