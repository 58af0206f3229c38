import { isFinal } from "waybill";
import { decodeHistory } from "waybill/store-kit";
import { checkHistory } from "../../src/testing/check-history.js";
import { EDGES } from "../../src/core/job/lifecycle.js";
import type { Case } from "./case.js";
import type { Evidence, Rule, Violation } from "./evidence.js";
import { tracked } from "./kinds.js";
import { judgeDelivery } from "./verdict-delivery.js";
import { judgeOutcome } from "./verdict-outcome.js";

/** Holds what a run left behind against every promise. Empty: nothing is wrong. */
export function judge(evidence: Evidence): readonly Violation[] {
  const violations: Violation[] = [];
  const fail = (rule: Rule, jobId: string, text: string): void => {
    violations.push({ rule, jobId, text });
  };
  const planned = new Map(evidence.planned.map((one) => [one.id, one]));
  const stored = new Set(evidence.stored.map(({ record }) => record.id));
  for (const id of evidence.acknowledged)
    if (!stored.has(id)) fail("lost", id, "was acknowledged and is not stored");
  const effects = grouped(evidence.effects);
  const events = grouped(evidence.events);
  for (const id of [...effects.keys(), ...events.keys()]) {
    if (!stored.has(id) && !evidence.acknowledged.has(id))
      fail("lost", id, "was worked on and is not stored");
  }
  for (const { life, by, said } of evidence.ended) {
    if (by === "itself") fail("worker", life, `ended by itself: ${said ?? ""}`);
  }
  for (const job of evidence.stored) {
    const { id, kind } = job.record;
    const plan = planned.get(id);
    if (plan === undefined) {
      fail("unexpected", id, "is stored and was never submitted");
      continue;
    }
    const entries = decodeHistory(job.record.history);
    judgeJob({
      job,
      planned: plan,
      entries,
      claims: entries.filter(({ edge }) => edge === "T4"),
      tracked: kind === tracked.kind,
      effects: effects.get(id) ?? [],
      events: events.get(id) ?? [],
      evidence,
      fail: (rule, text) => {
        fail(rule, id, text);
      },
    });
  }
  return violations;
}

function grouped<Item extends { readonly jobId: string }>(
  items: readonly Item[],
): ReadonlyMap<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(item.jobId);
    if (group === undefined) groups.set(item.jobId, [item]);
    else group.push(item);
  }
  return groups;
}

function judgeJob(found: Case): void {
  const { job, entries, fail } = found;
  for (const { rule, version, text } of checkHistory(entries)) fail(rule, `version ${version}: ${text}`);
  judgeEnd(found);
  if (!isFinal(job.record.status) || job.record.wakeAt !== null) {
    fail(
      "stuck",
      `is ${job.record.status} at version ${job.record.version}, its wake-up ${job.record.wakeAt ?? "none"}`,
    );
  }
  judgeClaims(found);
  judgeCheckpoints(found);
  judgeOutcome(found);
  judgeDelivery(found);
  judgeAnswers(found);
}

/** S3: exactly one final entry, and the record is what it says. */
function judgeEnd({ job: { record }, entries, fail }: Case): void {
  const ends = entries.filter(({ edge }) => isFinal(EDGES[edge].to));
  if (isFinal(record.status) && ends.length !== 1) fail("S3", `${ends.length} final entries`);
  const last = entries[entries.length - 1];
  if (last === undefined) {
    fail("S1", "has no history");
    return;
  }
  const { to } = EDGES[last.edge];
  if (to !== record.status) fail("S3", `is ${record.status}, but its last entry leads to ${to}`);
  if (isFinal(record.status) && last.version !== record.version) fail("S4", "changed after its end");
  if (isFinal(record.status) && (record.token !== null || record.readyAt !== null)) {
    fail("S3", "has ended and could still be worked on");
  }
}

/** S5, S12: each claim its own fence, each run under one of them; attempts are claims that were not given back. */
function judgeClaims({ job: { record }, entries, claims, effects, fail, ...found }: Case): void {
  const refunds = entries.filter(({ edge, reason }) => edge === "T7" && reason === "released").length;
  if (record.attempt !== claims.length - refunds) {
    fail("S12", `attempt ${record.attempt} after ${claims.length} claims and ${refunds} given back`);
  }
  if (record.attempt > record.maxAttempts) fail("S12", `attempt ${record.attempt} of ${record.maxAttempts}`);
  // A look at outside work takes a fence too, and leaves no entry.
  if (found.tracked ? record.fence < claims.length : record.fence !== claims.length) {
    fail("S5", `fence ${record.fence} after ${claims.length} claims`);
  }
  const runs = effects.filter(({ what }) => what === "begin").sort((a, b) => a.fence - b.fence);
  let behind = -1;
  for (const [index, { fence, life, attempt }] of runs.entries()) {
    if (runs[index - 1]?.fence === fence) fail("S5", `two runs under fence ${fence}`);
    const at = found.tracked
      ? claims.findIndex(
          (claim, place) => place > behind && claim.actor === life && claim.attempt === attempt,
        )
      : fence - 1;
    const claim = claims[at];
    if (claim?.actor !== life || claim.attempt !== attempt) {
      fail("S5", `${life} ran attempt ${attempt} under fence ${fence}, which no claim gave it`);
    }
    if (at >= 0) behind = at;
  }
}

/** What was answered as durable is found by every later run. */
function judgeCheckpoints({ effects, fail }: Case): void {
  const kept = effects.filter(({ what }) => what === "checkpoint");
  for (const run of effects.filter(({ what }) => what === "begin")) {
    const before = kept.filter(({ fence }) => fence < run.fence).map(({ step }) => step ?? 0);
    const least = Math.max(0, ...before);
    if ((run.step ?? 0) < least)
      fail("checkpoint", `fence ${run.fence} found step ${run.step ?? 0}, not ${least}`);
  }
}

/** S9: what the parent and its watchers were told is what is stored. */
function judgeAnswers({ job: { record }, evidence, entries, fail }: Case): void {
  const answer = evidence.cancels.get(record.id);
  const asked = entries.some(({ edge, reason }) => edge === "cancel" || reason === "cancelled");
  if (answer === "accepted" && !asked) fail("S9", "a cancel was accepted, and nothing of it is stored");
  if (answer === "ended" && record.failure?.reason !== "cancelled")
    fail("S9", "was answered as cancelled, and is not");
  if ((answer === "refused" || answer === "not_applied") && asked)
    fail("S9", `a cancel was ${answer}, and took effect`);
  for (const { jobId, seen } of evidence.watched) {
    if (jobId !== record.id) continue;
    const last = seen[seen.length - 1]?.version ?? 0;
    if (isFinal(record.status) && last !== record.version)
      fail("S9", `a watcher saw no end, version ${last} last`);
    for (const [index, { version, status }] of seen.entries()) {
      if (version <= (seen[index - 1]?.version ?? 0)) fail("S9", `a watcher saw version ${version} again`);
      const entry = entries.filter((one) => one.version <= version).pop();
      if (entry !== undefined && EDGES[entry.edge].to !== status) {
        fail("S9", `a watcher saw ${status} at version ${version}`);
      }
    }
  }
}
