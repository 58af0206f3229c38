import { monotonicNow } from "../../environment/clock.js";
import type { Core } from "../context.js";
import { codeOf } from "../context.js";

/** Looks, now and then, whether what is submitted here is seen to: nobody doing it is an alarm, not a silence. */
export interface Watchdog {
  /** Jobs of a kind were submitted. Never throws and never waits. */
  submitted(kind: string): void;
}

/** Long enough that a deploy does not trip it, short enough that somebody is still at the keyboard. */
const SILENCE_MS = 5 * 60_000;
/** The newest jobs of a kind, among which those of other processes are. */
const LOOKED_AT = 50;

interface Look {
  readonly failed: string;
  /** @returns whether there was something to warn of: it is told once */
  readonly look: (kinds: ReadonlySet<string>) => Promise<boolean>;
}

export function createWatchdog(core: Core): Watchdog {
  const kinds = new Set<string>();
  let left: readonly Look[] = [
    { failed: "whether a reconciler runs could not be read", look: () => isUnreconciled(core) },
    { failed: "whom other processes notify could not be read", look: (of) => isUnnamed(core, of) },
  ];
  let nextLookAt: number | null = null;

  const tryAll = async (): Promise<void> => {
    const warned = await Promise.all(
      left.map(async ({ look, failed }) => {
        try {
          return await look(kinds);
        } catch (error) {
          core.logger.debug(failed, { code: codeOf(error) });
          return false;
        }
      }),
    );
    left = left.filter((_, place) => warned[place] !== true);
  };

  return {
    submitted(kind) {
      const now = monotonicNow(core.clock);
      nextLookAt ??= now + SILENCE_MS;
      kinds.add(kind);
      if (left.length === 0 || now < nextLookAt) return;
      nextLookAt = now + SILENCE_MS;
      void tryAll();
    },
  };
}

/** All promises hang on a reconciler. */
async function isUnreconciled(core: Core): Promise<boolean> {
  const { lastPulseAt, nowMs } = await core.gateway.call("health", (store, request) => store.health(request));
  if (lastPulseAt !== null && nowMs - lastPulseAt < SILENCE_MS) return false;
  core.logger.warn(
    "no reconciler was seen for 5 minutes: jobs of crashed workers and unsent messages stay as they are; run a worker, or call reconcile() on a schedule",
    { lastPulseAt: lastPulseAt === null ? null : new Date(lastPulseAt).toISOString() },
  );
  return true;
}

/** Names are fixed at submit: a process that lacks one makes jobs that its notifier is never told of. */
async function isUnnamed(core: Core, kinds: ReadonlySet<string>): Promise<boolean> {
  const { notifierNames, retired } = core;
  const isKnown = (name: string): boolean => notifierNames.includes(name) || retired.has(name);
  const { jobs } = await core.gateway.call("list", (store, request) =>
    store.list({ ...request, kinds: [...kinds], limit: LOOKED_AT }),
  );
  const lacking = new Set(jobs.flatMap(({ record }) => record.notifiers.filter((name) => !isKnown(name))));
  if (lacking.size === 0) return false;
  core.logger.warn(
    "jobs are submitted here without the name of a notifier that other jobs of the kind have, and it is never told of them: pass it, name it with servedElsewhere(), or put it into retired",
    { notifiers: [...lacking] },
  );
  return true;
}
