import { seen, type SeenWork } from "../../decide/poll.js";
import type { Definition } from "../../definition.js";
import { InputInvalidError, WaybillError } from "../../errors.js";
import type { PollAnswer } from "../../handler.js";
import type { Json } from "../../json.js";
import { parseJsonText, toJsonText } from "../../json-text.js";
import { isFinal } from "../../lifecycle.js";
import { ANYBODY, isOf, type Whose } from "../../owner-option.js";
import type { StoredJob } from "../../ports/store.js";
import { err, ok, type Result } from "../../result.js";
import type { Core } from "../context.js";
import type { RuntimeJob } from "../read/job.js";
import { shown } from "../read/reads.js";
import { pollAnswerOf } from "../reconcile/poll-answer.js";
import { wholeRefKey } from "../ref-key.js";
import { applyCommand } from "../store/apply.js";
import { UNFINISHED } from "../../unfinished.js";
import { alreadyFinal, notFound } from "./commands.js";

type Refusal = WaybillError<
  "job.not_found" | "job.already_final" | "job.not_awaiting" | "ref.ambiguous" | "input.invalid"
>;

const STATES: readonly unknown[] = ["open", "done", "failed"];
/** Of the jobs that may be launching right now, the newest; more than these are not begun within a retry's time. */
const LAUNCHING_LIMIT = 100;
const MOST_NAMED = 10;

/**
 * An outside event about tracked work, by a key that its kind declares or by the whole reference. Early, late, doubled and
 * made-up events do no harm, and each is told what became of it.
 */
export async function report(
  core: Core,
  definition: Definition,
  ref: unknown,
  answer: PollAnswer,
  whose: Whose = ANYBODY,
): Promise<Result<RuntimeJob, Refusal>> {
  const state: unknown = (answer as PollAnswer | null | undefined)?.state;
  if (!STATES.includes(state)) {
    const issue = { path: "state", message: "must be open, done or failed" };
    return err(new InputInvalidError("What was reported is in no known state.", [issue]));
  }
  let named = await jobsNamed(core, definition, ref, whose);
  if (named.length === 0) {
    if (await isLaunching(core, definition, whose)) return err(tooEarly(definition));
    // Nobody was launching when that was asked: what has begun to wait since the first look is found now.
    named = await jobsNamed(core, definition, ref, whose);
  }
  const [stored, other] = named;
  if (stored === undefined) return err(unknown(definition));
  if (other !== undefined) return err(ambiguous(definition, named));
  const work = await pollAnswerOf(core, definition, { pollEveryMs: null }, answer);
  if (work.state === "invalid") {
    return err(new InputInvalidError(work.message, [{ path: "output", message: work.message }]));
  }
  return tell(core, stored, work);
}

async function tell(
  core: Core,
  { job, refKey }: Named,
  work: SeenWork,
): Promise<Result<RuntimeJob, Refusal>> {
  const applied = await applyCommand(core, job, (snapshot, context) =>
    seen(snapshot, { by: "event", refKey }, work, context),
  );
  const { id } = job.record;
  if (applied.status === "gone") return err(notFound(id));
  if (applied.status !== "refused") return ok(await shown(core, { ...job, ...applied.snapshot }));
  // It left the index of open work between the look-up and the write.
  const { status } = applied.snapshot.record;
  if (isFinal(status)) return err(alreadyFinal(applied.snapshot));
  return err(
    new WaybillError("job.not_awaiting", `Job ${id} is run again and has not said what it waits for.`, {
      jobId: id,
    }),
  );
}

interface Named {
  readonly job: StoredJob;
  readonly refKey: string;
}

/** The jobs that await work of this name. */
async function jobsNamed(
  core: Core,
  definition: Definition,
  ref: unknown,
  whose: Whose,
): Promise<readonly Named[]> {
  for (const refKey of keysOf(core, ref)) {
    const { jobs } = await core.gateway.call("byRef", (store, request) =>
      store.byRef({ ...request, kind: definition.kind, refKey }),
    );
    const named = jobs.filter(({ record }) => isOf(whose, record.owner));
    if (named.length > 0) return named.map((job) => ({ job, refKey }));
  }
  return [];
}

/** What is looked up for a reference, which may come from anywhere: a single value may be a declared key too. */
function keysOf(core: Core, ref: unknown): readonly string[] {
  const text = toJsonText(ref, { maxBytes: core.policy.maxPayloadBytes });
  if (!text.ok) throw new WaybillError("config.invalid", `The ref given to report ${text.message}.`);
  const json: Json = parseJsonText(text.text);
  const whole = wholeRefKey(json);
  return typeof json === "string" || typeof json === "number" ? [String(json), whole] : [whole];
}

/** Whether one of the kind has begun and not yet said what it waits for. */
async function isLaunching(core: Core, { kind }: Definition, whose: Whose): Promise<boolean> {
  const { jobs } = await core.gateway.call("list", (store, request) =>
    store.list({
      ...request,
      kinds: [kind],
      statuses: UNFINISHED,
      ...(whose === ANYBODY ? {} : { owner: whose }),
      limit: LAUNCHING_LIMIT,
    }),
  );
  return jobs.some(({ record }) => record.awaiting === null && record.fence > 0);
}

function tooEarly({ kind }: Definition): Refusal {
  const sentence = `No ${kind} job awaits external work with this reference yet, and one that has begun may still say so.`;
  return new WaybillError("job.not_awaiting", sentence);
}

function unknown({ kind }: Definition): Refusal {
  return new WaybillError("job.not_found", `No ${kind} job awaits external work with this reference.`);
}

function ambiguous(definition: Definition, named: readonly Named[]): Refusal {
  const keys = named
    .slice(0, MOST_NAMED)
    .map(({ job }) => definition.refKeysOf(job.record.awaiting?.ref ?? null).join(", "))
    .join(" | ");
  const sentence = `The reference names ${named.length} ${definition.kind} jobs. Their declared keys are: ${keys || "none"}.`;
  return new WaybillError("ref.ambiguous", sentence);
}
