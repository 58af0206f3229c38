import { entryTemplate } from "../job/history.js";
import type { ClaimTerms } from "../ports/store.js";
import { RECORD_VERSION } from "../job/record.js";
import type { Policy } from "../defaults.js";

/**
 * What a claim carries into the store, the only place that writes entries by itself: the entries as templates, whose
 * slots only the store can fill.
 */
export function claimTerms(worker: string, transitionId: string, policy: Policy): ClaimTerms {
  return {
    worker,
    recordVersion: RECORD_VERSION,
    notifyGraceMs: policy.notifyGraceMs,
    queued: entryTemplate("T2", { transitionId, actor: null }),
    started: entryTemplate("T4", { transitionId, actor: worker }),
  };
}
