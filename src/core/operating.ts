import type { Health } from "./api/waybill.js";
import type { Runtime } from "./engine/compose/runtime.js";
import type { ReconcileReport } from "./engine/reconcile/reconciler.js";
import { type Handler, runtimeHandlers } from "./options/given-handlers.js";
import { RECONCILE_OPTIONS } from "./options/option-names.js";
import { checkOptions, checkWhole } from "./options/options.js";

/** Enough for what a process still has to say; what takes longer is the reconciler's. */
const FLUSH_MS = 30_000;

/** The methods of those who operate a Waybill. */
interface Operating {
  reconcile(options?: ReconcileOptions): Promise<Pick<ReconcileReport, "looked" | "unserved"> & Complete>;
  flush(options?: { readonly timeoutMs?: number | undefined }): Promise<boolean>;
  health(): Promise<Health>;
}

interface Complete {
  readonly complete: boolean;
}

export function operating(runtime: Runtime): Operating {
  return {
    reconcile: async (options: ReconcileOptions = {}) => {
      checkOptions("reconcile", options, RECONCILE_OPTIONS);
      checkWhole("budgetMs", options.budgetMs);
      runtime.checkOpen();
      return reconcile(runtime, options);
    },
    flush: async (options: { readonly timeoutMs?: number | undefined } = {}) => {
      checkOptions("flush", options, ["timeoutMs"]);
      checkWhole("timeoutMs", options.timeoutMs);
      runtime.checkOpen();
      return runtime.flush(options.timeoutMs ?? FLUSH_MS);
    },
    health: async () => {
      runtime.checkOpen();
      return health(runtime);
    },
  };
}

interface ReconcileOptions {
  readonly handlers?: readonly Handler[] | undefined;
  readonly budgetMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Half of the shortest pause of a scheduler: a pass is over before the next begins. */
const RECONCILE_BUDGET_MS = 25_000;

async function reconcile(runtime: Runtime, options: ReconcileOptions) {
  const handlers = runtimeHandlers(runtime.core, options.handlers ?? []);
  const { looked, unserved, more } = await runtime.reconciler.pass({
    handlers: new Map(handlers.map((handler) => [handler.definition.kind, handler])),
    budgetMs: options.budgetMs ?? RECONCILE_BUDGET_MS,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return { looked, unserved, complete: !more };
}

async function health(runtime: Runtime): Promise<Health> {
  const found = await runtime.health();
  const since = (instant: number | null): number | null =>
    instant === null ? null : Math.max(0, found.nowMs - instant);
  return {
    reconcilerLagMs: since(found.lastPulseAt),
    oldestOverdueMs: since(found.oldestDueAt) ?? 0,
    oldestReadyMs: since(found.oldestReadyAt) ?? 0,
    oldestExpiredMs: since(found.oldestExpiredAt ?? null) ?? 0,
    unserved: found.unserved,
    parked: found.parked,
    undeliverable: found.undeliverable,
    lostWrites:
      found.lostWrites === undefined
        ? null
        : { calls: found.lostWrites.calls, agoMs: since(found.lostWrites.lastSeenAt) ?? 0 },
  };
}
