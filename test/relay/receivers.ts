import { setTimeout as wait } from "node:timers/promises";
import type { Notifier, PublishResult, ServerEvent } from "waybill";
import { type AppendLog, readLog } from "../torture/append-log.js";

/**
 * How a receiver behaves: `well`; `fails` now and then, before or after it has noted what it was given; `hangs` now and then
 * for seconds and ignores its signal; answers `late`, also when nobody waits any more; notes all of it `twice`.
 */
export type Receiver = "well" | "fails" | "hangs" | "late" | "twice";

/** A line of what was received, in the order of receiving. */
export interface Received {
  readonly jobId: string;
  readonly version: number;
  readonly type: string;
  readonly status: string;
  /** When the change was made, and when it was heard of, Unix milliseconds. */
  readonly madeAt: number;
  readonly heardAt: number;
}

/** A call of a receiver that hangs is given up after this, as is one of a receiver that answers too late. */
const TIMEOUT_MS = 300;
/** A call that is never let go of keeps its lane for as long as the process lives. */
const HANG_MS = 5_000;
/** Lanes, so that a few failures in a row take a part of all jobs for a receiver that is down, and not all. */
const LANES = 16;

const DELIVERED: PublishResult = { status: "delivered" };

/** A receiver that keeps what it hears in a file that outlives it. */
export function receiverOf(receiver: Receiver, log: AppendLog): Notifier {
  const take = (events: readonly ServerEvent[]): readonly PublishResult[] => {
    for (const event of events) log.write(received(event));
    return events.map(() => DELIVERED);
  };
  const publish: Readonly<Record<Receiver, Notifier["publish"]>> = {
    well: async (events) => take(events),
    fails: async (events) => {
      const dice = Math.random();
      if (dice < 0.05) throw new Error("the connection broke before it");
      if (dice < 0.1) {
        take(events);
        throw new Error("the connection broke behind it");
      }
      // From one on nothing is taken, so that no event overtakes one of its job.
      const failing = dice < 0.25 ? Math.floor(Math.random() * events.length) : events.length;
      const taken = take(events.slice(0, failing));
      return events.map((_, place) => taken[place] ?? { status: "retry", reason: "503" });
    },
    hangs: async (events) => {
      if (Math.random() < 0.02) await wait(HANG_MS);
      return take(events);
    },
    late: async (events) => {
      await wait(Math.random() < 0.1 ? TIMEOUT_MS + 200 : 10 + Math.random() * 100);
      return take(events);
    },
    twice: async (events) => {
      take(events);
      return take(events);
    },
  };
  return { publish: publish[receiver], timeoutMs: TIMEOUT_MS, lane: ({ jobId }) => laneOf(jobId) };
}

function laneOf(jobId: string): string {
  return String(parseInt(jobId.slice(-4), 16) % LANES);
}

function received({ jobId, version, type, status, at }: ServerEvent): Received {
  return { jobId, version, type, status, madeAt: at.getTime(), heardAt: Date.now() };
}

/** What a receiver heard so far. */
export function readReceived(folder: string, name: string): readonly Received[] {
  return readLog(`${folder}/${name}.log`) as readonly Received[];
}
