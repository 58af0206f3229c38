import { sleep } from "../../environment/clock.js";
import { needs } from "../../decide/change/wake.js";
import { neutralContext } from "../../environment/neutral-context.js";
import type { Core } from "../context.js";
import type { Dispatcher } from "../submit/dispatch.js";
import { Pass, type PassMemory, type PassOptions, type ReconcileReport } from "./pass.js";
import { type Handlers, serveNotifiers, servePoll, serveQuick, type Tools } from "./record.js";
import { PollTimes } from "./poll-times.js";
import type { Relay } from "../relay/relay.js";

export type { PassOptions, ReconcileReport } from "./pass.js";

/** Looks at records whose wake-up has come and does what they need. Safe in any number of processes at once. */
export interface Reconciler {
  /** When polls are due that this process knows of, told by whoever hears of stored changes. */
  readonly polls: PollTimes;
  /**
   * One pass over everything that is due, oldest first.
   *
   * Every due need of a record is acted on by a strong look at it, others are left alone. A need that this process cannot
   * serve (no such queue, notifier or handler) is left to one that can and counted. An error of one record is logged and
   * counted and never ends the pass.
   *
   * @throws StoreUnavailableError when the store cannot be reached
   */
  pass(options: PassOptions): Promise<ReconcileReport>;
  /** When the next record was to be due, as the store told the last pass; `null`: never, or it does not tell. */
  nextDueAt(): number | null;
  /**
   * The same for one record, as a wake message asks for it; resolves when all of it is done.
   *
   * @param handlers - by kind, for polls. @default those of the last pass
   */
  look(id: string, handlers?: Handlers, signal?: AbortSignal): Promise<void>;
}

/** A delayed message may come a little before its time. */
const EARLY_MS = 1_000;

export function createReconciler(core: Core, dispatcher: Dispatcher, relay: Relay): Reconciler {
  const polls = new PollTimes((id) => core.gateway.read(id));
  const memory: PassMemory = {
    drainAt: new Map(),
    purgeAt: 0,
    polls,
    nextDueAt: null,
    pulseAt: Number.NEGATIVE_INFINITY,
  };
  let lastHandlers: Handlers = new Map();
  const neutral = neutralContext();

  return {
    polls,
    async pass(options) {
      lastHandlers = options.handlers;
      return neutral(() => new Pass(core, dispatcher, relay, memory, options).run());
    },
    nextDueAt: () => memory.nextDueAt,
    look: (id, handlers = lastHandlers, signal) =>
      neutral(() => lookAt({ core, dispatcher, relay }, id, handlers, signal)),
  };
}

/** Where a record's needs are looked at, one by one. */
async function lookAt(
  { core, dispatcher, relay }: Pick<Tools, "core" | "dispatcher" | "relay">,
  id: string,
  handlers: Handlers,
  signal?: AbortSignal,
): Promise<void> {
  const stored = await core.gateway.read(id);
  if (stored === null) return;
  const earliest = Math.min(...needs(stored, core.policy).map((need) => need.at));
  const earlyMs = earliest - core.time.now();
  if (earlyMs > EARLY_MS) return;
  if (earlyMs > 0) await sleep(core.clock, earlyMs, signal, true);
  const tally = { sent: 0, swept: 0, polled: 0, notified: 0, failedDeadlines: 0 };
  const tools: Tools = { core, dispatcher, relay, handlers, tally };
  const rest = await serveQuick(tools, { record: stored.record, cursors: stored.cursors });
  if (rest === null) return;
  await Promise.all([
    rest.notify ? serveNotifiers(tools, rest.snapshot) : null,
    rest.poll === null ? null : servePoll(tools, rest.poll, rest.snapshot, signal),
  ]);
}
