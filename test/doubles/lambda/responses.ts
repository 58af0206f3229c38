import type { Outcome } from "./outcome.js";

/**
 * Which messages of a batch are not done ("Implementing partial batch responses"). Without `ReportBatchItemFailures` an
 * answer of any kind is success, whatever it says. With it: `{}`, null and an empty or null list are success; an answer that
 * is no JSON, an identifier that is empty, null or under another name is failure of the whole batch. Of an identifier that is
 * not in the batch the documentation says nothing; here that is failure too, the worst for a function.
 */
export function failedOf(
  outcome: Outcome,
  messageIds: readonly string[],
  reportBatchItemFailures: boolean,
): readonly string[] {
  if (outcome.status !== "answered") return messageIds;
  if (!reportBatchItemFailures) return [];
  const failures = failuresIn(outcome.body);
  if (failures === null) return messageIds;
  return failures.every((id) => typeof id === "string" && messageIds.includes(id))
    ? (failures as readonly string[])
    : messageIds;
}

/** `null`: it cannot be read. */
function failuresIn(body: string): readonly unknown[] | null {
  try {
    const answer = JSON.parse(body) as { readonly batchItemFailures?: unknown } | null;
    const failures = answer?.batchItemFailures ?? [];
    if (!Array.isArray(failures)) return null;
    return failures.map(
      (failure: unknown) => (failure as { itemIdentifier?: unknown } | null)?.itemIdentifier,
    );
  } catch {
    return null;
  }
}
