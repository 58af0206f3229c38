import { NO_FAULTS } from "../simulate/profile.js";
import { type Broken, type Life, Network, type Part } from "../simulate/network.js";
import type { World } from "../simulate/world.js";

/**
 * What befalls one call.
 * - `not_applied`: it never left, and the caller is told so.
 * - `request_lost`: nothing happened, and the caller cannot know.
 * - `response_lost`: it took effect, and the caller cannot know.
 * - `hang`: nothing happened, and no answer comes for longer than any timeout of the library.
 * - `hang_applied`: it took effect, and no answer comes either.
 * - `outage`: from this call on the part cannot be reached, and the caller is told so, for longer than any retry of a caller.
 * - `outage_after`: it took effect, then nobody can know of anything for as long.
 * - `crash_before`, `crash_after`: its process ends at this call, before or after the effect.
 */
export type Cut =
  | "not_applied"
  | "request_lost"
  | "response_lost"
  | "hang"
  | "hang_applied"
  | "outage"
  | "outage_after"
  | "crash_before"
  | "crash_after";

export const CUTS: readonly Cut[] = [
  "not_applied",
  "request_lost",
  "response_lost",
  "hang",
  "hang_applied",
  "outage",
  "outage_after",
  "crash_before",
  "crash_after",
];

/** One call of a process to a part outside it. */
export interface CutPoint {
  /** Which life of which process. */
  readonly process: string;
  readonly part: Part;
  readonly method: string;
}

/** The n-th call, counted from 1 over all processes and parts. */
export interface CutAt {
  readonly nth: number;
  readonly cut: Cut;
}

/** How long a driver waits before it says that it does not know. */
const DRIVER_TIMEOUT_MS = 300;
/** Longer than the timeout of any store, queue or notifier call here. */
const HANG_MS = 6_000;

const AFTER_EFFECT: ReadonlySet<Cut> = new Set([
  "response_lost",
  "hang_applied",
  "outage_after",
  "crash_after",
]);
const SURELY_NOT: ReadonlySet<Cut> = new Set(["not_applied", "outage"]);
/** Longer than `unknownRetryMs` of the bench: callers hear of it. */
const OUTAGE_MS = 5_000;
const HANGS: ReadonlySet<Cut> = new Set(["hang", "hang_applied"]);

/** Counts every call of every process, and breaks exactly one of them. */
export class CutNetwork extends Network {
  readonly points: CutPoint[] = [];
  /** Where the cut took place; `null`: not yet. */
  struck: CutPoint | null = null;
  readonly #world: World;
  readonly #at: CutAt | null;
  readonly #crash: (life: Life) => void;
  #counting = true;
  /** Nobody reaches this part before that instant. */
  #outage: { readonly part: Part; readonly until: number; readonly cut: Cut } | null = null;

  constructor(world: World, at: CutAt | null, crash: (life: Life) => void) {
    super(world, NO_FAULTS);
    this.#world = world;
    this.#at = at;
    this.#crash = crash;
  }

  /** What comes now is no part of the scenario. */
  endCounting(): void {
    this.#counting = false;
  }

  override call<T>(
    life: Life,
    part: Part,
    name: string,
    effect: () => Promise<T>,
    broken: (known: Broken) => T,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      // A process that crashed in this very turn reaches nobody any more.
      if (!life.alive) return;
      const cut = this.#next(life, part, name);
      const arrive = (lost: boolean, then: () => void): void => {
        this.#world.after(0, null, () => {
          const done = effect();
          const settled = (answer: () => void) => (): void => {
            if (!lost) this.#world.after(0, life, answer);
            else then();
          };
          done.then(
            (value) => {
              settled(() => {
                resolve(value);
              })();
            },
            (error: unknown) => {
              settled(() => {
                // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- passed on as it was thrown
                reject(error);
              })();
            },
          );
        });
      };
      if (cut === null) {
        arrive(false, () => undefined);
        return;
      }
      const strike = (): void => {
        this.#strike(cut, life, () => {
          try {
            resolve(broken(SURELY_NOT.has(cut) ? "not_applied" : "unknown"));
          } catch (error) {
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- passed on as it was thrown
            reject(error);
          }
        });
      };
      if (AFTER_EFFECT.has(cut)) arrive(true, strike);
      else this.#world.after(0, null, strike);
    });
  }

  #next(life: Life, part: Part, method: string): Cut | null {
    // What handlers call outside is no I/O of the library.
    if (!this.#counting || part === "outside") return null;
    const point = { process: life.name, part, method };
    this.points.push(point);
    if (this.#at?.nth !== this.points.length) return this.#outageOf(part);
    const { cut } = this.#at;
    this.struck = point;
    this.#world.trace(`${life.name} ${part}.${method} meets ${cut}`);
    const until = this.#world.now + OUTAGE_MS;
    if (cut === "outage") this.#outage = { part, until, cut: "not_applied" };
    if (cut === "outage_after") this.#outage = { part, until, cut: "request_lost" };
    return cut;
  }

  #outageOf(part: Part): Cut | null {
    if (this.#outage === null || this.#outage.part !== part || this.#world.now >= this.#outage.until)
      return null;
    return this.#outage.cut;
  }

  #strike(cut: Cut, life: Life, answer: () => void): void {
    if (cut === "crash_before" || cut === "crash_after") this.#crash(life);
    else
      this.#world.after(HANGS.has(cut) ? HANG_MS : SURELY_NOT.has(cut) ? 0 : DRIVER_TIMEOUT_MS, life, answer);
  }
}
