import { isWaybillError } from "../../src/core/errors/errors.js";
import type { HistoryEntry } from "../../src/core/job/history.js";
import type { JobLog } from "./job-log.js";
import type { World } from "./world.js";

/** What an answer says of a job. */
export interface Told {
  readonly id: string;
  readonly status: string;
  readonly version: number;
}

/**
 * Holds the answers that callers get against what is stored: what took effect is found by the actor that each call puts
 * into the entries of its writes.
 */
export class Answers {
  readonly #world: World;
  readonly #logs: ReadonlyMap<string, JobLog>;
  /** By actor. */
  readonly #effects = new Map<string, string>();
  /** Callers who were told that nothing was written, and how often the store had fallen back by then. */
  readonly #denied = new Map<string, { readonly why: string; readonly rollbacks: number }>();

  constructor(world: World, logs: ReadonlyMap<string, JobLog>) {
    this.#world = world;
    this.#logs = logs;
  }

  readonly onEntry = (id: string, entry: HistoryEntry): void => {
    if (entry.actor === null) return;
    const denied = this.#denied.get(entry.actor);
    // What stood in the way may be lost since, and a request of that call still on its way.
    if (denied?.rollbacks === this.#rollbacks())
      this.#world.fail("S9", `${entry.actor} was told ${denied.why}, then took effect on ${id}`);
    this.#effects.set(entry.actor, id);
  };

  /** The caller was told that nothing was written. */
  denied(actor: string, why: string): void {
    const id = this.#effects.get(actor);
    if (id !== undefined && this.#stands(id, actor))
      this.#world.fail("S9", `${actor} was told ${why}, but took effect on ${id}`);
    this.#denied.set(actor, { why, rollbacks: this.#rollbacks() });
  }

  #rollbacks(): number {
    return this.#world.injected["rollback"] ?? 0;
  }

  /** Whether an effect is still there: a store that fell back may have lost it, and the caller is told what holds now. */
  #stands(id: string, actor: string): boolean {
    const log = this.#logs.get(id);
    return log !== undefined && [...log.earlier, ...log.entries].some((entry) => entry.actor === actor);
  }

  /** The caller was told that the call took effect, or holds already. */
  accepted(call: string, told: Told, holds: (log: JobLog) => boolean): void {
    const log = this.told(call, told);
    if (log !== null && !log.lostWrites && !holds(log)) {
      this.#world.fail("S9", `${call} of ${told.id} was told yes, but nothing of it is stored`);
    }
  }

  /** A job that was shown to somebody: it must have been so. @returns its log; `null`: nothing can be said */
  told(call: string, { id, status, version }: Told): JobLog | null {
    const log = this.#logs.get(id);
    if (log === undefined) {
      this.#world.fail("S11", `${call} showed ${id}, which was never stored`);
      return null;
    }
    const stored = log.statuses.get(version);
    if (!log.lostWrites && stored !== status) {
      this.#world.fail(
        "S9",
        `${call} showed ${id} ${status} at ${String(version)}, stored: ${String(stored)}`,
      );
    }
    return log;
  }

  /** What was thrown: doubt may be said; certainty must be true; anything else is a defect. */
  thrown(call: string, actor: string | null, error: unknown): void {
    if (!isWaybillError(error)) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#world.fail("S9", `${call} threw what is no WaybillError: ${text}`);
      return;
    }
    this.#world.trace(`${call} threw ${error.code} ${error.outcome}`);
    if (error.outcome === "not_applied" && actor !== null) this.denied(actor, error.code);
  }
}
