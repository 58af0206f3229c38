import type { Clock } from "../../core/environment/clock.js";
import { seededRandom } from "../seeded-ids.js";

/**
 * Where on the way a call breaks.
 * - `not_applied`: it never left; nothing happened, and the caller is told so.
 * - `request_lost`: nothing happened, and the caller cannot know.
 * - `response_lost`: it took effect, and the caller cannot know.
 * - `late`: the caller cannot know; it takes effect `delayMs` later, behind what was done in between.
 * - `delay`: it starts `delayMs` later and succeeds.
 * - `hang`: nothing happened and no answer comes before `heal`; then as `request_lost`.
 * - `hang_applied`: it took effect and no answer comes before `heal`; then as `response_lost`.
 */
export type Fault =
  "not_applied" | "request_lost" | "response_lost" | "late" | "delay" | "hang" | "hang_applied";

/** A part that faults can be injected into. */
export type FaultPart = "store" | "queue" | "notifier";

/** Which calls of a method break, and how. */
export interface FaultRule {
  readonly fault: Fault;
  /** The first call that breaks, counted from when the rule is set. @default 1 */
  readonly nth?: number | undefined;
  /** How many calls break, one after the other. @default 1 */
  readonly times?: number | undefined;
  /** Of `late` and `delay`. @default 1_000 // 1 s */
  readonly delayMs?: number | undefined;
}

/** Faults by chance, drawn by the plan's seed for each call that neither an outage nor a rule breaks. */
export interface RandomFaults {
  /** Probability of each fault per call; together at most 1. */
  readonly probability: Readonly<Partial<Record<Fault, number>>>;
  /** @default all parts */
  readonly parts?: readonly FaultPart[] | undefined;
  /** The longest `late` and `delay`, drawn evenly from 0. @default 1_000 // 1 s */
  readonly delayMs?: number | undefined;
}

/** A fault that took place. */
export interface InjectedFault {
  readonly part: FaultPart;
  readonly method: string;
  readonly fault: Fault;
}

/** What happens to one call. */
export interface PlannedFault {
  readonly fault: Fault;
  readonly delayMs: number;
}

interface ActiveRule {
  readonly part: FaultPart;
  /** `null`: any. */
  readonly method: string | null;
  readonly fault: Fault;
  readonly delayMs: number;
  untilFirst: number;
  left: number;
}

/** The state behind a plan: which call breaks, who hangs. Methods are plain names here; `faults.ts` gives them their types. */
export class FaultPlan {
  readonly clock: Clock;
  readonly injected: InjectedFault[] = [];
  readonly #random: () => number;
  #rules: ActiveRule[] = [];
  #chance: RandomFaults | null = null;
  readonly #outages = new Map<FaultPart, Fault>();
  readonly #hanging = new Set<() => void>();

  constructor(clock: Clock, seed: number) {
    this.clock = clock;
    this.#random = seededRandom(seed);
  }

  add(part: FaultPart, method: string | null, rule: FaultRule): void {
    const { fault, nth = 1, times = 1, delayMs = 1_000 } = rule;
    this.#rules.push({ part, method, fault, delayMs, untilFirst: nth - 1, left: times });
  }

  random(chance: RandomFaults | null): void {
    const sum = Object.values(chance?.probability ?? {}).reduce((total, share) => total + share, 0);
    if (sum > 1)
      throw new RangeError(`The probabilities of faults add up to ${String(sum)}, which is more than 1.`);
    this.#chance = chance;
  }

  outage(part: FaultPart, fault: Fault): void {
    this.#outages.set(part, fault);
  }

  /** Ends every rule, outage and chance, and the calls that hang. */
  heal(): void {
    this.#rules = [];
    this.#chance = null;
    this.#outages.clear();
    const hanging = [...this.#hanging];
    this.#hanging.clear();
    for (const end of hanging) end();
  }

  /** Resolves at `heal`. */
  hang(): Promise<void> {
    return new Promise((resolve) => {
      this.#hanging.add(resolve);
    });
  }

  hanging(): number {
    return this.#hanging.size;
  }

  /** Decides about a call that begins now: an outage first, then rules in the order in which they were set, then chance. */
  next(part: FaultPart, method: string): PlannedFault | null {
    const rule = this.#nextRule(part, method);
    const outage = this.#outages.get(part);
    const planned = outage === undefined ? (rule ?? this.#draw(part)) : { fault: outage, delayMs: 0 };
    if (planned) this.injected.push({ part, method, fault: planned.fault });
    return planned;
  }

  #nextRule(part: FaultPart, method: string): PlannedFault | null {
    let planned: PlannedFault | null = null;
    for (const rule of this.#rules) {
      if (rule.part !== part || (rule.method !== null && rule.method !== method)) continue;
      // Every rule counts every call of its method, also those that another rule breaks.
      if (rule.untilFirst > 0) rule.untilFirst -= 1;
      else if (planned === null) {
        rule.left -= 1;
        planned = { fault: rule.fault, delayMs: rule.delayMs };
      }
    }
    this.#rules = this.#rules.filter((rule) => rule.left > 0);
    return planned;
  }

  #draw(part: FaultPart): PlannedFault | null {
    const chance = this.#chance;
    if (chance === null || (chance.parts && !chance.parts.includes(part))) return null;
    let position = this.#random();
    for (const [fault, share] of Object.entries(chance.probability) as [Fault, number][]) {
      if (position < share) return { fault, delayMs: Math.floor(this.#random() * (chance.delayMs ?? 1_000)) };
      position -= share;
    }
    return null;
  }
}
