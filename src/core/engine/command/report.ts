import { seen, type Witness } from "../../decide/poll.js";
import { isRefKey } from "../../define/ref-keys.js";
import type { Definition } from "../../definition.js";
import { InputInvalidError, WaybillError } from "../../errors/errors.js";
import type { PollAnswer } from "../../handler.js";
import type { Json } from "../../json/json.js";
import { parseJsonText, toJsonText } from "../../json/json-text.js";
import { ANYBODY, isOf, type Whose } from "../../options/owner-option.js";
import type { ListReply, StoredJob } from "../../ports/store.js";
import { err, ok, type Result } from "../../errors/result.js";
import type { Core } from "../context.js";
import type { RuntimeJob } from "../read/job.js";
import { find, shown } from "../read/reads.js";
import { pollAnswerOf } from "../reconcile/poll-answer.js";
import { wholeRefKey } from "../ref-key.js";
import { applyCommand } from "../store/apply.js";
import { UNFINISHED } from "../../job/unfinished.js";
import { alreadyFinal, notFound } from "./commands.js";

type Refusal = WaybillError<
  | "job.not_found"
  | "job.already_final"
  | "job.not_awaiting"
  | "ref.ambiguous"
  | "callback.invalid"
  | "input.invalid"
>;

const STATES: readonly unknown[] = ["open", "done", "failed"];
/** Jobs of a page while one is looked for that may be launching right now. */
const LAUNCHING_PAGE = 100;
const MOST_NAMED = 10;

/**
 * An outside event about tracked work, by a key that its kind declares or by the whole reference. Early, late, doubled and
 * made-up events do no harm, and each is told what became of it. A job keeps no reference beyond its end: to keep it findable
 * would cost every store an index entry for as long as the job is kept. So by reference what is over is as unknown as what
 * never was, and to be dropped alike; a token (`reportCallback`) still finds its job, and learns that it has ended.
 */
export async function report(
  core: Core,
  definition: Definition,
  ref: unknown,
  answer: PollAnswer,
  whose: Whose = ANYBODY,
): Promise<Result<RuntimeJob, Refusal>> {
  const unknownState = stateProblem(answer);
  if (unknownState !== null) return err(unknownState);
  let named = await jobsNamed(core, definition, ref, whose);
  if (named.length === 0) {
    if (await isLaunching(core, definition, whose)) return err(tooEarly(definition));
    // One that was launching at the first look may await its work since.
    named = await jobsNamed(core, definition, ref, whose);
  }
  const [stored, other] = named;
  if (stored === undefined) return err(nobodyAwaits(definition));
  if (other !== undefined) return err(ambiguous(definition, named));
  return tell(core, definition, stored.job, { by: "event", refKey: stored.refKey }, answer);
}

/** As `report`, by the token that a run made before it launched the work: it names one launch of one job, for ever. */
export async function reportCallback(
  core: Core,
  definition: Definition,
  token: unknown,
  answer: PollAnswer,
  whose: Whose = ANYBODY,
): Promise<Result<RuntimeJob, Refusal>> {
  if (core.callbacks === null) {
    const sentence = "report takes a token only where createWaybill has callbacks: { secrets }.";
    throw new WaybillError("config.invalid", sentence);
  }
  const unknownState = stateProblem(answer);
  if (unknownState !== null) return err(unknownState);
  const callback = core.callbacks.read(token, core.time.now());
  if (callback === null) {
    return err(new WaybillError("callback.invalid", "The token was not signed here, or it has expired."));
  }
  const { id, fence } = callback;
  const stored =
    callback.kind === definition.kind ? await find(core, id, { kind: definition.kind, whose }) : null;
  if (stored === null) return err(notFound(id));
  return tell(core, definition, stored, { by: "callback", fence }, answer);
}

function stateProblem(answer: PollAnswer): InputInvalidError | null {
  const state: unknown = (answer as PollAnswer | null | undefined)?.state;
  if (STATES.includes(state)) return null;
  const issue = { path: "state", message: "must be open, done or failed" };
  return new InputInvalidError("What was reported is in no known state.", [issue]);
}

async function tell(
  core: Core,
  definition: Definition,
  job: StoredJob,
  witness: Witness,
  answer: PollAnswer,
): Promise<Result<RuntimeJob, Refusal>> {
  const work = await pollAnswerOf(core, definition, { pollEveryMs: null }, answer);
  if (work.state === "invalid") {
    return err(new InputInvalidError(work.message, [{ path: "output", message: work.message }]));
  }
  const applied = await applyCommand(core, job, (snapshot, context) =>
    seen(snapshot, witness, work, context),
  );
  const { id } = job.record;
  if (applied.status === "gone") return err(notFound(id));
  if (applied.status !== "refused") return ok(await shown(core, { ...job, ...applied.snapshot }));
  if (applied.reason === "already_final") return err(alreadyFinal(applied.snapshot));
  // Else it awaits other work by now, or is to be run again: what is told of is over.
  if (applied.reason !== "not_awaiting") return err(notFound(id));
  return err(
    new WaybillError("job.not_awaiting", `Job ${id} has not said yet what it waits for.`, { jobId: id }),
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
      store.byRef({
        ...request,
        kind: definition.kind,
        refKey,
        ...(whose === ANYBODY ? {} : { owner: whose }),
      }),
    );
    // A store that somebody wrote before owners were asked for answers everybody's.
    const named = jobs.filter(({ record }) => isOf(whose, record.owner));
    if (named.length > 0) return named.map((job) => ({ job, refKey }));
  }
  return [];
}

/** What is looked up for a reference, which may come from anywhere: a single value may be a declared key too. */
function keysOf(core: Core, ref: unknown): readonly string[] {
  // As many as a reference that is tracked may have.
  const text = toJsonText(ref, { maxBytes: core.policy.maxCheckpointBytes });
  if (!text.ok) throw new WaybillError("config.invalid", `The ref given to report ${text.message}.`);
  const json: Json = parseJsonText(text.text);
  const whole = wholeRefKey(json);
  const isSingle = typeof json === "string" || typeof json === "number";
  return isSingle && isRefKey(String(json)) ? [String(json), whole] : [whole];
}

/**
 * Whether one of the kind has begun and not yet said what it waits for: of all that are unfinished, however many there are,
 * the newest first. An event that is told "nobody" is dropped for good.
 */
async function isLaunching(core: Core, { kind }: Definition, whose: Whose): Promise<boolean> {
  let after: ListReply["next"] = null;
  do {
    const place: ListReply["next"] = after;
    const page: ListReply = await core.gateway.call("list", (store, request) =>
      store.list({
        ...request,
        kinds: [kind],
        statuses: UNFINISHED,
        ...(whose === ANYBODY ? {} : { owner: whose }),
        ...(place === null ? {} : { after: place }),
        limit: LAUNCHING_PAGE,
      }),
    );
    if (page.jobs.some(({ record }) => record.awaiting === null && record.fence > 0)) return true;
    after = page.next;
  } while (after !== null);
  return false;
}

function tooEarly({ kind }: Definition): Refusal {
  const sentence = `No ${kind} job awaits external work with this reference yet, and one that has begun may still say so.`;
  return new WaybillError("job.not_awaiting", sentence);
}

function nobodyAwaits({ kind }: Definition): Refusal {
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
