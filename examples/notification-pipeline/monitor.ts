import type { Counter, Health, Logger, Telemetry } from "waybill";

/** Logs each entry as a line of JSON, which is what a log group can search. */
export function jsonLogger(write: (line: string) => void): Logger {
  const at =
    (level: string) =>
    (message: string, fields: object = {}): void => {
      write(JSON.stringify({ level, message, ...fields }));
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Counts calls and counters, for whatever takes metrics. */
export class Metrics implements Telemetry {
  readonly counters = new Map<string, number>();

  readonly start: NonNullable<Telemetry["start"]> = ({ port, operation }) => {
    this.#add(`${port}.${operation}`, 1);
    return ({ error }) => {
      if (error !== undefined) this.#add(`${port}.${operation}.failed`, 1);
    };
  };

  readonly count = (counter: Counter, by: number): void => {
    this.#add(counter, by);
  };

  of(name: string): number {
    return this.counters.get(name) ?? 0;
  }

  #add(name: string, by: number): void {
    this.counters.set(name, this.of(name) + by);
  }
}

/** Half a minute without a reconciler, or with work that is overdue, and promises wait. */
const LATE_MS = 30_000;

/** The three alarms, by what `health()` says; empty: all is well. */
export function alarmsOf({ reconcilerLagMs, oldestOverdueMs, parked }: Health): readonly string[] {
  return [
    ...(reconcilerLagMs === null || reconcilerLagMs > LATE_MS ? ["Nobody reconciles."] : []),
    ...(oldestOverdueMs > LATE_MS
      ? [`A job is overdue by ${String(Math.round(oldestOverdueMs / 1_000))} s.`]
      : []),
    ...(parked > 0 ? [`${String(parked)} messages could not be read.`] : []),
  ];
}
