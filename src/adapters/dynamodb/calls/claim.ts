import { isWaybillError, StoreUnavailableError } from "../../../core/errors/errors.js";
import { fillTemplate, joinHistory } from "../../../core/job/history.js";
import type { ClaimByMessage, ClaimResult, ClaimTerms, StoredJob } from "../../../core/ports/store.js";
import type { JobRecord } from "../../../core/job/record.js";
import type { HotJob } from "../items/codec.js";
import { Update } from "../client/expression.js";
import { encodePatch, numeric } from "../items/fields.js";
import { wakeAttributes } from "../items/indexed.js";
import { hotOf, metBy } from "../items/items.js";
import { jobKey } from "../names.js";
import { withPayloads } from "../items/payload.js";
import type { Session } from "../settings.js";
import { encodeText } from "../items/text.js";
import { chunks } from "./write.js";

/** Each refusal is somebody's change: a job that changes this often is not one that waits to be claimed. */
const MAX_ROUNDS = 20;

/** A claim: its entry needs the version and the attempt, so the job is read first and changed under its version. */
export async function claimJob(
  session: Session,
  terms: ClaimTerms,
  item: ClaimByMessage,
  { read, nowMs }: { readonly read: HotJob | null; readonly nowMs: number },
): Promise<ClaimResult> {
  let hot = read;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (hot === null) return { status: "gone" };
    const { record } = hot.job;
    // The same delivery asks again, or the client's own retry meets what its first try wrote.
    if (record.status === "PROCESSING" && record.token === item.token) return answered(session, hot);
    if (!isClaimable(record, item, terms, nowMs)) return { status: "refused", job: hot.job };
    const update = claim(session, record, { terms, item, nowMs });
    // The input never changes: it is on its way while the claim is.
    const payload = settledPayload(session, hot);
    const written = await session.connection.update(jobKey(item.id), update, "ALL_NEW");
    if (written.status === "ok") return taken(hotOf(written.item) ?? hot, await payload);
    hot = await metBy(session.connection, item.id, written.item);
  }
  throw new StoreUnavailableError("A job kept changing while it was claimed.", { outcome: "not_applied" });
}

async function answered(session: Session, hot: HotJob): Promise<ClaimResult> {
  const [job = null] = await withPayloads(session.connection, [hot], { input: true });
  return job === null ? { status: "gone" } : { status: "ok", job };
}

type Payload = { readonly job: StoredJob | null } | { readonly error: unknown };

/** Never rejects: whether the input can be read counts only when the claim is stored. */
async function settledPayload(session: Session, hot: HotJob): Promise<Payload> {
  try {
    const [job] = await withPayloads(session.connection, [hot], { input: true });
    return { job: job ?? null };
  } catch (error) {
    return { error };
  }
}

function taken({ job }: HotJob, payload: Payload): ClaimResult {
  if ("error" in payload) {
    if (isWaybillError(payload.error, "store.corrupt")) throw payload.error;
    throw new StoreUnavailableError("A job was claimed, and its input could not be read.", {
      outcome: "unknown",
      jobId: job.record.id,
      cause: payload.error,
    });
  }
  const input = payload.job?.input;
  return input === undefined ? { status: "gone" } : { status: "ok", job: { ...job, input } };
}

function isClaimable(record: JobRecord, item: ClaimByMessage, terms: ClaimTerms, nowMs: number): boolean {
  if (record.recordVersion > terms.recordVersion) return false;
  // An older dispatch was recalled: its message is stale.
  if (item.dispatch < record.dispatch) return false;
  if (record.status === "QUEUED") return true;
  return record.status === "PENDING" && record.sendAt !== null && record.sendAt <= nowMs;
}

interface Claiming {
  readonly terms: ClaimTerms;
  readonly item: ClaimByMessage;
  readonly nowMs: number;
}

function claim(session: Session, record: JobRecord, { terms, item, nowMs }: Claiming): Update {
  const { status, attempt } = record;
  const pending = status === "PENDING";
  const version = record.version + (pending ? 2 : 1);
  const before = pending ? fillTemplate(terms.queued, record.version + 1, nowMs, attempt) : "";
  const started = fillTemplate(terms.started, version, nowMs, attempt + 1);
  const leaseUntil = nowMs + item.leaseMs + session.clockSkewMs;
  const notifyAt = record.notifiers.length > 0 ? nowMs + terms.notifyGraceMs : Infinity;
  const patch = {
    status: "PROCESSING",
    version,
    // A message may be ahead of a record that lost writes; it never falls back.
    dispatch: Math.max(record.dispatch, item.dispatch),
    fence: record.fence + 1,
    attempt: attempt + 1,
    token: item.token,
    worker: terms.worker,
    leaseUntil,
    startedAt: record.startedAt ?? nowMs,
    queuedAt: record.queuedAt ?? nowMs,
    readyAt: null,
    sendAt: null,
    retryAt: null,
    updatedAt: nowMs,
  };
  return new Update()
    .setAll(encodePatch(patch))
    .setAll(wakeAttributes(record.id, Math.min(leaseUntil, record.deadlineAt ?? Infinity, notifyAt)))
    .append("history", chunks(joinHistory(before, started)))
    .when("status", { S: status })
    .when("version", numeric(record.version))
    .when("token", record.token === null ? null : { S: encodeText(record.token) });
}
