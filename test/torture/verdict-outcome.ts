import type { FailureReason, HistoryEntry } from "waybill";
import type { Effect } from "./effects.js";
import type { TortureOutput } from "./kinds.js";
import type { Sighting } from "./outside.js";
import type { Case } from "./case.js";

/** S6, S13: an outcome is that of the claim that was held, and what it says had been noted before it was stored. */
export function judgeOutcome(found: Case): void {
  judgeReturns(found);
  const { record } = found.job;
  if (record.status === "COMPLETED") judgeCompleted(found);
  if (record.status === "FAILED") judgeFailed(found);
}

/** The claim that an entry ended: the newest before it, with its fence where claims alone give fences. */
function claimBefore({ claims, tracked }: Case, entry: HistoryEntry) {
  const place = claims.filter(({ version }) => version < entry.version).length - 1;
  return { claim: claims[place], fence: tracked ? null : place + 1 };
}

function said(
  { effects }: Case,
  wanted: Pick<Effect, "life" | "attempt" | "said">,
  fence: number | null,
): boolean {
  return effects.some(
    (effect) =>
      effect.what === "end" &&
      effect.said === wanted.said &&
      effect.life === wanted.life &&
      effect.attempt === wanted.attempt &&
      (fence === null || effect.fence === fence),
  );
}

/** Attempts that were followed by another, and work that was handed to the outside. */
function judgeReturns(found: Case): void {
  for (const entry of found.entries) {
    const { edge, reason, actor, version } = entry;
    const ran = edge === "T7" ? reason !== "lease_lost" : edge === "waiting";
    if (!ran) continue;
    const { claim, fence } = claimBefore(found, entry);
    if (claim?.actor !== actor) {
      found.fail("S6", `${edge} at version ${version} is by ${actor ?? "nobody"}, who held no claim`);
      continue;
    }
    if (reason === "released") continue;
    const wanted = edge === "waiting" ? "tracked" : "failed";
    if (!said(found, { life: actor ?? "", attempt: entry.attempt, said: wanted }, fence)) {
      found.fail("S13", `${edge} at version ${version}, and no run of that claim ended ${wanted}`);
    }
  }
}

function lastEntry({ entries }: Case): HistoryEntry | null {
  return entries[entries.length - 1] ?? null;
}

function outsideOf({ job, evidence }: Case): Sighting {
  return evidence.outside.get(`${job.record.id}_launch`) ?? "unknown";
}

function judgeCompleted(found: Case): void {
  const { job, effects, fail } = found;
  if (typeof job.output !== "string") {
    fail("S13", "is COMPLETED without an output");
    return;
  }
  const { by, life, fence } = JSON.parse(job.output) as TortureOutput;
  const proof = effects.some((effect) => {
    if (effect.fence !== fence || effect.life !== life || effect.said !== "done") return false;
    return effect.what === (by === "run" ? "end" : "poll");
  });
  if (!proof) fail("S13", `its output names fence ${fence} of ${life}, which noted no such end`);
  if (fence !== job.record.fence)
    fail("S6", `its output is of fence ${fence}, the last claim is ${job.record.fence}`);
  const entry = lastEntry(found);
  if (by === "run" && entry?.actor !== life)
    fail("S6", `${entry?.actor ?? "nobody"} stored the outcome of ${life}`);
  if (found.tracked) {
    const seen = outsideOf(found);
    if (by !== "poll" || seen !== "done") fail("S13", `is COMPLETED, and the outside is ${seen}`);
  }
}

/** Why a failure of this reason is not to be believed; `null`: it is. A reason that is not here comes from nothing in a run. */
const DOUBTS: Readonly<Partial<Record<FailureReason, (found: Case) => string | null>>> = {
  error: (found) => (endedWith(found, "permanent") ? null : "no run of the last claim ended for good"),
  attempts_exhausted: (found) => {
    if (attemptsLeft(found)) return "attempts were left";
    return endedWith(found, "failed") ? null : "the last run did not fail";
  },
  lease_lost: (found) => (attemptsLeft(found) ? "attempts were left" : null),
  cancelled: ({ job, evidence }) => (evidence.cancels.has(job.record.id) ? null : "nobody asked"),
  external_failed: (found) => {
    return ["failed", "cancelled"].includes(outsideOf(found)) ? null : "nothing failed outside";
  },
};

function attemptsLeft({ job: { record } }: Case): boolean {
  return record.attempt < record.maxAttempts;
}

/** Whether the run that stored the end had noted it so. */
function endedWith(found: Case, how: "permanent" | "failed"): boolean {
  const { attempt, fence } = found.job.record;
  const life = lastEntry(found)?.actor ?? "";
  return said(found, { life, attempt, said: how }, found.tracked ? null : fence);
}

function judgeFailed(found: Case): void {
  const { job, fail } = found;
  const reason = job.record.failure?.reason ?? null;
  const told = lastEntry(found)?.reason ?? null;
  if (reason === null || told !== reason) {
    fail("S3", `failed with ${reason ?? "nothing"}, its history says ${told ?? "nothing"}`);
    return;
  }
  const doubt = DOUBTS[reason];
  const why = doubt === undefined ? "nothing in this run leads to that" : doubt(found);
  if (why !== null) fail("S13", `is FAILED(${reason}): ${why}`);
  if (typeof job.output === "string") fail("S13", "is FAILED with an output");
}
