import type { ClaimTerms } from "../../../core/ports/store.js";
import { encodeLine } from "../documents/document.js";

/** The terms of a claim, as scripts take them: entries come as the parts around what only the server knows. */
export function encodeTerms({ worker, recordVersion, notifyGraceMs, queued, started }: ClaimTerms): string[] {
  return [
    String(recordVersion),
    String(notifyGraceMs),
    encodeLine(worker),
    queued.afterVersion,
    queued.afterAt,
    queued.afterAttempt,
    started.afterVersion,
    started.afterAt,
    started.afterAttempt,
  ];
}
