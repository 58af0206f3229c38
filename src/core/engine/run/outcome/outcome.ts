import { storedRefKeys } from "../../ref-key.js";
import type { AbortState } from "../abort-signal.js";
import type { Decision, DecideContext } from "../../../decide/change/change.js";
import {
  awaitExternal,
  type AttemptError,
  complete,
  fail,
  giveIn,
  release,
  retry,
} from "../../../decide/finish.js";
import type { FailureFacts } from "../../../decide/failed.js";
import type { Updates } from "../../../decide/held.js";
import type { Checked, Definition, Issue } from "../../../definition.js";
import { outcomeOf, type RuntimeHandler } from "../../../handler.js";
import type { Json } from "../../../json/json.js";
import { parseJsonText, toJsonText } from "../../../json/json-text.js";
import type { FailureReason, Snapshot } from "../../../job/record.js";
import type { Core } from "../../context.js";
import { limitedBy, payloadLimit } from "../../payload-limit.js";
import { awaitTimeoutMsOf, pollEveryMsOf, retryOf } from "../../kind-settings.js";
import { classify, reasonOf } from "./thrown.js";
import { storable } from "../text.js";
import { hearPromises, isThenable } from "../../../errors/foreign.js";

/** What is to become of a claim. */
export type Outcome =
  | { readonly do: "complete"; readonly output: string }
  | { readonly do: "await"; readonly ref: Json; readonly refKeys: readonly string[] }
  | { readonly do: "fail"; readonly failure: FailureFacts }
  | { readonly do: "retry"; readonly error: AttemptError }
  | { readonly do: "cancel" }
  /** The attempt is given back. `begun`: the handler was called. */
  | { readonly do: "release"; readonly afterMs?: number; readonly begun: boolean }
  /** Another has the job: there is nothing to write. */
  | { readonly do: "leave" };

/** An outcome that there is something to write of. */
export type WrittenOutcome = Exclude<Outcome, { do: "leave" }>;

/** What a claim that the application holds itself gives in place of an output, to give the attempt back. */
export class GiveBack {
  readonly afterMs: number;

  constructor(afterMs: number) {
    this.afterMs = afterMs;
  }
}

function failure(reason: FailureReason, message: string): Outcome {
  return { do: "fail", failure: { reason, message } };
}

/**
 * The stored input, checked; a promise only where the schema asks for time. Throws, or rejects, where the text is no JSON or
 * the schema itself fails.
 */
export function checkedInput(definition: Definition, text: string | undefined): Checked | Promise<Checked> {
  return definition.checkInput(parseJsonText(text ?? "null"));
}

/** What a checked input allows: its value, or the end of the job. */
export function runnable(
  { policy }: Core,
  checked: Checked,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly outcome: Outcome } {
  if (checked.ok) return checked;
  const message = `The stored input is invalid${at(checked.issues[0])}.`;
  return { ok: false, outcome: failure("input_invalid", storable(message, policy.maxTextChars)) };
}

/**
 * What a handler returned, checked and brought into the form that is stored before anything is written. Never throws; a
 * promise only where a schema asks for time.
 *
 * @param threw - told of what the schema throws, or the value when it is looked at
 */
export function outcomeOfReturned(
  core: Core,
  handler: RuntimeHandler,
  returned: unknown,
  threw: (error: unknown) => void,
): Outcome | Promise<Outcome> {
  const troubled = (error: unknown): Outcome => {
    threw(error);
    return heard(returned, uncheckable());
  };
  try {
    const outcome = told(core, handler.definition, returned);
    if (!isThenable(outcome)) return heard(returned, outcome);
    return outcome.then((later) => heard(returned, later), troubled);
  } catch (error) {
    return troubled(error);
  }
}

/** What was refused may hold a promise that nobody awaits. */
function heard(returned: unknown, outcome: Outcome): Outcome {
  if (outcome.do === "fail") hearPromises(returned);
  return outcome;
}

/** The schema threw, or the value when it was looked at. The work is done: running it again would not change that. */
function uncheckable(): Outcome {
  return failure("output_invalid", "What the handler returned could not be checked: looking at it threw.");
}

function told(core: Core, definition: Definition, returned: unknown): Outcome | Promise<Outcome> {
  if (returned instanceof GiveBack) return { do: "release", afterMs: returned.afterMs, begun: true };
  const said = outcomeOf(returned);
  if (said.kind === "track") {
    if (definition.external) return tracked(core, definition, said.ref);
    return failure(
      "output_invalid",
      `The handler returned track(…), but ${definition.kind} declares no external work.`,
    );
  }
  // `done(output)` is never its own output, so a value that is was returned plainly.
  if (definition.external && said.output === returned) {
    return failure(
      "output_invalid",
      `The handler of ${definition.kind} must return track(ref) or done(output), not a plain value.`,
    );
  }
  const checked = definition.checkOutput(said.output ?? null);
  return isThenable(checked) ? checked.then((answer) => completing(core, answer)) : completing(core, checked);
}

/** What is stored is what the schema made of the output: a key that it strips is in no store and no view. */
function completing(core: Core, checked: Checked): Outcome {
  if (!checked.ok) return unusable(core, "output_invalid", "The output is invalid", checked.issues[0]);
  const text = toJsonText(checked.value ?? null, { maxBytes: payloadLimit(core) });
  if (!text.ok) {
    const message = text.reason === "too_large" ? `${text.message} ${limitedBy(core)}` : text.message;
    return unusable(core, "result_unstorable", "The output cannot be stored", { ...text, message });
  }
  return { do: "complete", output: text.text };
}

async function tracked(core: Core, definition: Definition, ref: unknown): Promise<Outcome> {
  const checked = await definition.checkRef(ref);
  if (!checked.ok)
    return unusable(core, "output_invalid", "The reference given to track is invalid", checked.issues[0]);
  const text = toJsonText(checked.value, { maxBytes: core.policy.maxCheckpointBytes });
  if (!text.ok)
    return unusable(core, "result_unstorable", "The reference given to track cannot be stored", text);
  const stored = parseJsonText(text.text);
  return { do: "await", ref: stored, refKeys: storedRefKeys(definition, stored) };
}

function unusable({ policy }: Core, reason: FailureReason, what: string, issue: Issue | undefined): Outcome {
  return failure(reason, storable(`${what}${at(issue)}.`, policy.maxTextChars));
}

function at(issue: Issue | undefined): string {
  if (issue === undefined) return "";
  return issue.path === "" ? `: ${issue.message}` : ` at ${issue.path}: ${issue.message}`;
}

/** What a handler meant by throwing anything at all. */
export function outcomeOfThrown(
  thrown: unknown,
  signal: AbortState,
  maxTextChars: number,
  details?: (given: unknown) => Json,
): Outcome {
  const meant = classify(thrown, signal, maxTextChars, details);
  if (meant.is === "abort") return outcomeOfAbort(signal, true);
  if (meant.is === "retry") return { do: "retry", error: meant.error };
  const { message, code, expose, details: kept = null } = meant.error;
  return { do: "fail", failure: { reason: "error", message, code, expose, details: kept } };
}

/** The end of a run that gave in to its signal, or had not `begun`. */
export function outcomeOfAbort(signal: AbortState, begun: boolean): Outcome {
  switch (reasonOf(signal)) {
    case "Cancelled":
      return { do: "cancel" };
    case "ShuttingDown":
      return { do: "release", begun };
    case "DeadlineExceeded":
      return {
        do: "fail",
        failure: {
          reason: "deadline_exceeded",
          message: "The job was not done before its deadline.",
          expose: true,
        },
      };
    case "LeaseLost":
      return { do: "leave" };
  }
}

interface Terms {
  readonly token: string;
  readonly handler: RuntimeHandler;
  /** What the handler said and is not stored yet. */
  readonly newsFor: (snapshot: Snapshot) => Updates;
}

/** The decision of an outcome that is written, made anew for each record that it meets. */
export function decideOutcome(
  { policy }: Core,
  outcome: WrittenOutcome,
  { token, handler, newsFor }: Terms,
): (snapshot: Snapshot, context: DecideContext) => Decision {
  const retryPolicy = retryOf({ policy }, handler.definition);
  return (snapshot, context) => {
    const held = { token, updates: newsFor(snapshot) };
    switch (outcome.do) {
      case "complete":
        return complete(snapshot, { output: outcome.output, ...held }, context);
      case "fail":
        return fail(snapshot, { ...held, failure: outcome.failure }, context);
      case "retry":
        return retry(snapshot, { ...held, error: outcome.error, policy: retryPolicy }, context);
      case "release":
        return release(
          snapshot,
          {
            ...held,
            policy: retryPolicy,
            begun: outcome.begun,
            ...(outcome.afterMs === undefined ? {} : { afterMs: outcome.afterMs }),
          },
          context,
        );
      case "cancel":
        return giveIn(snapshot, held, context);
      case "await":
        return awaitExternal(snapshot, { ...held, awaiting: awaitingOf(handler, outcome, context) }, context);
    }
  };
}

function awaitingOf(
  handler: RuntimeHandler,
  { ref, refKeys }: Extract<Outcome, { do: "await" }>,
  { now, policy }: DecideContext,
) {
  const deadlineAt = now + awaitTimeoutMsOf({ policy }, handler);
  const nextPollAt = now + pollEveryMsOf({ policy }, handler);
  return {
    ref,
    refKeys,
    deadlineAt,
    // Nobody can poll: an outside event ends it, or the deadline.
    nextPollAt: handler.poll === null ? deadlineAt : Math.min(nextPollAt, deadlineAt),
    cancellable: handler.cancel !== null,
  };
}
