import { cursorOf } from "../../decide/change/cursors.js";
import type { ServerEvent } from "../../job/event.js";
import type { PublishResult } from "../../ports/notifier.js";
import type { Cursor } from "../../job/record.js";
import { count } from "../../environment/telemetry.js";
import type { Core } from "../context.js";
import { outcomeOf } from "./attempt.js";
import type { RelayJob } from "./job.js";
import { cleanReason } from "./reason.js";

/** What one call came to for one job. */
interface Told {
  readonly job: RelayJob;
  readonly lane: string;
  readonly events: readonly ServerEvent[];
  readonly results: readonly PublishResult[];
  readonly moved: Cursor;
  readonly durationMs: number;
}

/** Says how publishing to one notifier goes: to the log, to telemetry, and to the application's hook. */
export class PublishTeller {
  readonly #core: Core;
  readonly #name: string;

  constructor(core: Core, name: string) {
    this.#core = core;
    this.#name = name;
  }

  /** Before the job moves on: the tries are counted from where its cursor stood. */
  tell({ job, lane, events, results, moved, durationMs }: Told): void {
    const before = cursorOf(job.cursors, this.#name);
    const reasons = new Map<number, string>();
    for (const [index, event] of events.entries()) {
      const result = results[index];
      if (result === undefined) continue;
      const reason = result.status === "delivered" ? null : result.reason;
      if (reason !== null) reasons.set(event.version, reason);
      this.#core.tellPublish({
        notifier: this.#name,
        lane,
        eventId: event.id,
        jobId: event.jobId,
        attempt: index === 0 ? before.attempts + 1 : 1,
        outcome: outcomeOf(result, event.version, moved),
        reason,
        durationMs,
      });
    }
    for (const version of moved.exhausted.slice(before.exhausted.length)) {
      count(this.#core.telemetry, "notification_exhausted");
      this.#core.logger.warn("a notification was given up", {
        jobId: job.record.id,
        notifier: this.#name,
        version,
        reason: reasons.get(version) ?? null,
      });
    }
    if (moved.retryAt !== null) this.#waits(job, moved);
  }

  #waits({ record }: RelayJob, { reason, retryAt }: Cursor): void {
    const at = retryAt === null ? null : new Date(retryAt).toISOString();
    const fields = { jobId: record.id, notifier: this.#name, reason, retryAt: at };
    this.#core.logger.debug("a notification waits", fields);
  }

  receiverFails(lane: string, reason: string): void {
    this.#core.logger.warn(
      "a notifier fails again and again: its events wait, and one is tried now and then",
      {
        notifier: this.#name,
        lane: cleanReason(lane, ""),
        reason,
      },
    );
  }

  receiverIsBack(lane: string): void {
    const fields = { notifier: this.#name, lane: cleanReason(lane, "") };
    this.#core.logger.info("a notifier is back: what waited is delivered", fields);
  }
}
