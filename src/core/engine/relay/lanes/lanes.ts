import type { ServerEvent } from "../../../job/event.js";
import type { Notifier } from "../../../ports/notifier.js";
import { Breaker } from "./breaker.js";
import type { RelayJob } from "../job.js";
import { Lane } from "./lane.js";

/** Jobs in line before one notifier, each with its record: what does not fit is left to the reconciler. */
const MOST_WAITING = 5_000;
/** Of one lane, where a notifier has several: one that stands still must not fill the line of all. */
const MOST_WAITING_IN_LANE = 1_000;
/** Lanes that are remembered although nothing waits in them, for what their breakers know. */
const MOST_REMEMBERED = 1_000;

/** The lanes of one notifier, taken in turn. */
export class Lanes {
  readonly #notifier: Notifier;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes with a line; who was served goes to the end. */
  readonly #turn = new Set<Lane>();
  #waiting = 0;

  constructor(notifier: Notifier) {
    this.#notifier = notifier;
  }

  /** The key of an event's lane. What `lane` throws costs the event its own lane, not its delivery. */
  keyOf(event: ServerEvent): string {
    try {
      // Not every notifier is typed.
      const key: unknown = this.#notifier.lane?.(event);
      return typeof key === "string" ? key : "";
    } catch {
      return "";
    }
  }

  /** Puts a job in line. @returns its lane; `null`: the line is full */
  add(key: string, job: RelayJob): Lane | null {
    const lane = this.#lane(key);
    const most = this.#notifier.lane === undefined ? MOST_WAITING : MOST_WAITING_IN_LANE;
    if (this.#waiting >= MOST_WAITING || lane.line.size >= most) return null;
    if (!lane.line.has(job)) this.#waiting += 1;
    lane.line.add(job);
    this.#turn.add(lane);
    return lane;
  }

  remove(lane: Lane, job: RelayJob): void {
    if (!lane.line.delete(job)) return;
    this.#waiting -= 1;
    if (lane.line.size === 0) this.#turn.delete(lane);
  }

  /** The lanes with a line, the one that has waited longest first. */
  inTurn(): readonly Lane[] {
    return [...this.#turn];
  }

  /** A lane has had its turn. */
  served(lane: Lane): void {
    if (this.#turn.delete(lane)) this.#turn.add(lane);
  }

  #lane(key: string): Lane {
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    if (this.#lanes.size >= MOST_REMEMBERED) this.#forget();
    const lane = new Lane(key, new Breaker());
    this.#lanes.set(key, lane);
    return lane;
  }

  /** Those that nothing is under way in, oldest first, until half are gone. */
  #forget(): void {
    for (const [key, lane] of this.#lanes) {
      if (this.#lanes.size <= MOST_REMEMBERED / 2) return;
      if (lane.line.size === 0 && lane.open === 0) this.#lanes.delete(key);
    }
  }
}
