import { cancel as decideCancel } from "../../decide/cancel.js";
import { recall as decideRecall } from "../../decide/dispatch.js";
import type { Definition } from "../../definition.js";
import { WaybillError } from "../../errors/errors.js";
import { historyOf } from "../../job/history.js";
import { isFinal } from "../../job/lifecycle.js";
import { parseJsonText } from "../../json/json-text.js";
import type { Snapshot } from "../../job/record.js";
import { err, ok, type Result } from "../../errors/result.js";
import { ANYBODY, type Whose } from "../../options/owner-option.js";
import { applyCommand } from "../store/apply.js";
import type { Core } from "../context.js";
import type { Dispatcher } from "../submit/dispatch.js";
import type { RuntimeJob } from "../read/job.js";
import { checkText, isId } from "../compose/option-checks.js";
import { ANY_JOB, type Asked, find, shown } from "../read/reads.js";
import { submit, type SubmitRefusal } from "../submit/submit.js";

type NotFound = WaybillError<"job.not_found">;
type AlreadyFinal = WaybillError<"job.already_final">;

export function notFound(jobId: string): NotFound {
  // What is no id may be anything that somebody sent, and is not repeated.
  if (!isId(jobId)) return new WaybillError("job.not_found", "There is no job with this id.");
  return new WaybillError("job.not_found", `There is no job ${jobId}.`, { jobId });
}

export function alreadyFinal({ record }: Snapshot): AlreadyFinal {
  return new WaybillError("job.already_final", `Job ${record.id} is ${record.status} already.`, {
    jobId: record.id,
  });
}

export interface CancelOptions {
  /** Told to whoever waits. */
  readonly reason?: string | undefined;
  /** Who asks, for the history. */
  readonly actor?: string | undefined;
}

/** A request to cancel; before a claim it is carried out at once. Asked twice, it is one request. */
export async function cancel(
  core: Core,
  dispatcher: Dispatcher,
  id: string,
  options: CancelOptions,
  asked: Asked = ANY_JOB,
): Promise<Result<RuntimeJob, NotFound | AlreadyFinal | WaybillError<"job.cannot_cancel">>> {
  checkText("reason", options.reason, core.policy.maxTextChars);
  checkText("actor", options.actor);
  const stored = await find(core, id, asked);
  if (stored === null) return err(notFound(id));
  const applied = await applyCommand(
    core,
    stored,
    (snapshot, context) => decideCancel(snapshot, { reason: options.reason ?? null }, context),
    { actor: options.actor ?? null },
  );
  if (applied.status === "gone") return err(notFound(id));
  if (applied.status === "refused") {
    if (applied.reason !== "cannot_cancel") return err(alreadyFinal(applied.snapshot));
    return err(
      new WaybillError("job.cannot_cancel", `The external work of job ${id} cannot be cancelled.`, {
        jobId: id,
      }),
    );
  }
  const { record } = applied.snapshot;
  // Nobody holds a claim that would learn of it: whoever polls is asked to look now.
  if (record.awaiting !== null) await dispatcher.wake(record, 0);
  return ok(await shown(core, { ...stored, ...applied.snapshot }));
}

export interface RerunOptions {
  /** Corrected, instead of the failed job's. */
  readonly input?: unknown;
  readonly actor?: string | undefined;
  /** Asked again with the same key: the same new job. */
  readonly idempotencyKey?: string | undefined;
}

/** Runs a FAILED job again as a new job of the same subject and owner that names its origin. */
export async function rerun(
  core: Core,
  dispatcher: Dispatcher,
  id: string,
  kind: string | null,
  options: RerunOptions,
  whose: Whose = ANYBODY,
): Promise<Result<RuntimeJob, NotFound | SubmitRefusal | WaybillError<"job.not_failed">>> {
  const stored = await find(core, id, { kind, whose });
  if (stored === null) return err(notFound(id));
  const { record } = stored;
  if (record.status !== "FAILED") {
    return err(new WaybillError("job.not_failed", `Job ${id} is ${record.status}.`, { jobId: id }));
  }
  const { input = parseJsonText(stored.input ?? "null"), actor, idempotencyKey } = options;
  const again = await submit(
    core,
    dispatcher,
    knownDefinition(core, record.kind),
    input,
    {
      owner: record.owner,
      ...(record.subject === null ? {} : { subject: record.subject }),
      metadata: record.metadata,
      actor,
      idempotencyKey,
    },
    { origin: id },
  );
  if (!again.ok || again.value.origin === id) return again;
  // The key found a job that runs something else, such as the failed one itself under the key that it was submitted with.
  const sentence = "This idempotency key was used before for another job than a rerun of this one.";
  return err(new WaybillError("idempotency.conflict", sentence));
}

/** Sends what a caller's transaction has committed, or what an operator wants sent now. */
export async function dispatch(
  core: Core,
  dispatcher: Dispatcher,
  id: string,
  asked: Asked = ANY_JOB,
): Promise<Result<RuntimeJob, NotFound>> {
  const stored = await find(core, id, asked, { input: true });
  if (stored === null) return err(notFound(id));
  const { record, cursors } = stored;
  const first = historyOf(record);
  // Nobody has touched it since its create: inside a transaction that create could not be told of.
  if (first.every(({ edge }) => edge === "T1" || edge === "T2") && record.version <= 2) {
    core.announce({ snapshot: { record, cursors }, entries: first, inTransaction: true });
  }
  if (record.status !== "PENDING") return ok(await shown(core, stored));
  const handed = await dispatcher.send({ record, cursors });
  return ok(await shown(core, { ...stored, ...handed.snapshot }, handed.state));
}

/**
 * Calls a QUEUED job's message back on an operator's word that it is lost, and sends the next dispatch. Of a job that has
 * no message out there is nothing to call back.
 */
export async function recall(
  core: Core,
  dispatcher: Dispatcher,
  id: string,
  options: Pick<CancelOptions, "actor">,
): Promise<Result<RuntimeJob, NotFound | AlreadyFinal | WaybillError<"job.claimed">>> {
  checkText("actor", options.actor);
  const stored = await find(core, id, ANY_JOB);
  if (stored === null) return err(notFound(id));
  const applied = await applyCommand(
    core,
    stored,
    (snapshot, context) => decideRecall(snapshot, "operator", context),
    {
      actor: options.actor ?? null,
    },
  );
  if (applied.status === "gone") return err(notFound(id));
  if (applied.status === "refused") {
    const { status } = applied.snapshot.record;
    if (isFinal(status)) return err(alreadyFinal(applied.snapshot));
    if (status === "PROCESSING") {
      return err(new WaybillError("job.claimed", `Job ${id} is being run.`, { jobId: id }));
    }
    // No message of it is out: it is sent next, or the store hands it over.
    return ok(await shown(core, { ...stored, ...applied.snapshot }));
  }
  const handed = await dispatcher.send(applied.snapshot);
  return ok(await shown(core, { ...stored, ...handed.snapshot }, handed.state));
}

/** The definition of a kind that must be known here. */
export function knownDefinition(core: Core, kind: string): Definition {
  const definition = core.definitions.get(kind);
  if (definition === undefined) {
    throw new WaybillError("config.kind_unknown", `The kind ${kind} is not among the jobs of this Waybill.`);
  }
  return definition;
}
