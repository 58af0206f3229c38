import { codeOf, queueReasonOf } from "../../context.js";
import { inTime } from "../../../environment/clock.js";
import { leaseMsOf } from "../../kind-settings.js";
import { queueOf } from "../../submit/submit.js";
import type { WorkerParts } from "../parts.js";

/** A look at a queue's settings is no reason to wait. */
const CHECK_PATIENCE_MS = 30_000;

/** Logs what is amiss in how the queues of a worker are set up. Never rejects. */
export async function logFindings({ core, dispatcher, settings }: WorkerParts): Promise<void> {
  await Promise.all(
    settings.queues.map(async (name) => {
      const queue = core.queues.get(name);
      if (queue?.check === undefined) return;
      const leases = [...settings.handlers.values()]
        .filter(({ definition }) => queueOf(core, definition) === name)
        .map(({ definition }) => leaseMsOf(core, definition));
      const expected = {
        longestLeaseMs: Math.max(0, ...leases),
        redispatchAfterMs: dispatcher.redispatchAfterMs(name),
      };
      try {
        const findings = await inTime(core.clock, CHECK_PATIENCE_MS, queue.check(expected), []);
        for (const { code, severity, sentence } of findings) {
          const level = severity === "error" ? "error" : "warn";
          core.logger[level](`the queue ${name} is not set up as it should be: ${sentence}`, { code });
        }
      } catch (error) {
        core.logger.warn("a queue could not be checked", {
          queue: name,
          code: codeOf(error),
          ...queueReasonOf(error),
        });
      }
    }),
  );
}
