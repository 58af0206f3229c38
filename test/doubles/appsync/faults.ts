/**
 * How the double fails.
 *
 * Of a whole request: `unavailable` (503), `throttled` (429), `unauthorized` (401), `errors` (200 with an error and no data),
 * `hang` (no answer), `lost_reply` (everything is accepted and told, the connection is cut instead of an answer).
 * Of one push: `failed` (an error of the service), `refused` (an error about the push itself).
 */
export type Fault = RequestFault | PushFault;
export type RequestFault = "unavailable" | "throttled" | "unauthorized" | "errors" | "hang" | "lost_reply";
export type PushFault = "failed" | "refused";

const OF_A_PUSH: readonly Fault[] = ["failed", "refused"];

/** What a push says: the arguments of a mutation, or an event of the Events API. */
export type Push = Readonly<Record<string, unknown>>;

export interface FaultOptions {
  /** How many requests, or pushes. @default 1 */
  readonly count?: number;
  /** Only after so many further pushes have been accepted. @default 0 */
  readonly afterAccepted?: number;
  /** Only pushes for which this holds, or requests with such a push. @default all */
  readonly where?: (push: Push) => boolean;
}

interface Planned {
  readonly fault: Fault;
  readonly where: (push: Push) => boolean;
  after: number;
  left: number;
}

/** The faults that are set, in order. */
export class Faults {
  #planned: Planned[] = [];

  next(fault: Fault, { count = 1, afterAccepted = 0, where = () => true }: FaultOptions = {}): void {
    this.#planned.push({ fault, where, after: afterAccepted, left: count });
  }

  /** Ends all faults; what hangs goes on hanging. */
  heal(): void {
    this.#planned = [];
  }

  /** The fault of a request with these pushes. */
  ofRequest(pushes: readonly Push[]): RequestFault | null {
    return this.#take((fault): fault is RequestFault => !OF_A_PUSH.includes(fault), pushes);
  }

  ofPush(push: Push): PushFault | null {
    return this.#take((fault): fault is PushFault => OF_A_PUSH.includes(fault), [push]);
  }

  /** Counts a push that was accepted. */
  accepted(): void {
    for (const planned of this.#planned) planned.after = Math.max(0, planned.after - 1);
  }

  #take<F extends Fault>(isOf: (fault: Fault) => fault is F, pushes: readonly Push[]): F | null {
    const found = this.#planned.find(
      ({ fault, after, where }) => isOf(fault) && after === 0 && pushes.some(where),
    );
    if (found === undefined || !isOf(found.fault)) return null;
    found.left -= 1;
    if (found.left <= 0) this.#planned = this.#planned.filter((planned) => planned !== found);
    return found.fault;
  }
}
