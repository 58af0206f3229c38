import { join } from "node:path";
import type { JobEvent, Notifier, PublishResult } from "waybill";
import { type AppendLog, appendLog, readLog } from "./append-log.js";
import type { Random } from "./plans.js";

/** An event as the receiver noted it. */
export interface NotedEvent {
  readonly id: string;
  readonly jobId: string;
  readonly version: number;
  readonly type: string;
  readonly status: string;
  readonly at: number;
  readonly attempt: number;
}

const FILE = "events.log";

/** The one file that all processes deliver to: its order is the order of delivery. */
export function eventLog(folder: string): AppendLog {
  return appendLog(join(folder, FILE));
}

export function readEvents(folder: string): readonly NotedEvent[] {
  return readLog(join(folder, FILE)) as readonly NotedEvent[];
}

/** A receiver that keeps what it is told in a file, and is out of order now and then. */
export function fileNotifier(log: AppendLog, random: Random): Notifier {
  return {
    async publish(events) {
      const held = new Set<string>();
      const results = events.map((event): PublishResult => {
        if (held.has(event.jobId) || random() < 0.03) {
          // What comes later of the same job waits too: its order is part of the promise.
          held.add(event.jobId);
          return { status: "retry", reason: "busy" };
        }
        log.write(noted(event));
        return { status: "delivered" };
      });
      // Delivered, and nobody hears of it.
      if (random() < 0.02) throw new Error("the answer was lost");
      return results;
    },
  };
}

function noted({ id, jobId, version, type, status, at, attempt }: JobEvent): NotedEvent {
  return { id, jobId, version, type, status, at: at.getTime(), attempt };
}
