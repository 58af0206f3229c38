/**
 * How one request goes wrong.
 * - `refuse`: an error answer, without effect.
 * - `lost_before`: the connection breaks before the request has an effect.
 * - `lost_after`: it has its effect, and the connection breaks before the answer.
 * - `hang`: no answer at all, with or without effect.
 * - `fail_entries`: a batch is answered, and these entries of it are refused.
 * - `forget_entries`: these entries have their effect, and are in neither list of the answer.
 * - `stale_receipts`: a receive is answered, and its receipts are those of an older receive already.
 */
export type Fault =
  | { readonly kind: "refuse"; readonly code: string; readonly status?: number; readonly message?: string }
  | { readonly kind: "lost_before" }
  | { readonly kind: "lost_after" }
  | { readonly kind: "hang"; readonly effect?: boolean }
  | { readonly kind: "fail_entries"; readonly places: readonly number[]; readonly code: string }
  | { readonly kind: "forget_entries"; readonly places: readonly number[] }
  | { readonly kind: "stale_receipts" };

/** "Common Errors" and "Error messages": SQS asks to slow down. */
export const THROTTLED: Fault = { kind: "refuse", code: "RequestThrottled", status: 403 };

export const DENIED: Fault = {
  kind: "refuse",
  code: "AccessDenied",
  status: 403,
  message: "User is not authorized to perform this action on this resource.",
};

/** Breaks requests by their action; `*` is any. */
export class Faults {
  readonly #next = new Map<string, (Fault | null)[]>();
  readonly #always = new Map<string, Fault>();

  /**
   * The next `times` requests of the action suffer it; `null`: they go through. The SDK tries again by itself: mind its
   * `maxAttempts`.
   */
  next(action: string, fault: Fault | null, times = 1): void {
    const faults = this.#next.get(action) ?? [];
    for (let time = 0; time < times; time += 1) faults.push(fault);
    this.#next.set(action, faults);
  }

  /** All requests of the action suffer it until `heal`. */
  always(action: string, fault: Fault): void {
    this.#always.set(action, fault);
  }

  /** Whether every fault that was to strike next has struck. */
  get hasStruck(): boolean {
    return [...this.#next.values()].every((faults) => faults.length === 0);
  }

  heal(): void {
    this.#next.clear();
    this.#always.clear();
  }

  /** What becomes of a request; `null`: nothing. */
  take(action: string): Fault | null {
    return (
      this.#next.get(action)?.shift() ??
      this.#next.get("*")?.shift() ??
      this.#always.get(action) ??
      this.#always.get("*") ??
      null
    );
  }
}
