import type { Updates } from "../../decide/held.js";
import type { SeenWork } from "../../decide/poll.js";
import type { EntryDraft } from "../../decide/change/change.js";
import type { Checked, Definition, Issue } from "../../definition.js";
import type { PollAnswer, RuntimeHandler } from "../../handler.js";
import { hearPromises } from "../../errors/foreign.js";
import { parseJsonText, toJsonText } from "../../json/json-text.js";
import type { Core } from "../context.js";
import { etaOf } from "../eta.js";
import { detailsOf } from "../failure-details.js";
import { limitedBy, payloadLimit } from "../payload-limit.js";
import { storable } from "../run/text.js";
import { pollEveryMsOf, retryOf } from "../kind-settings.js";

/** Faster than this no outside service wants to be asked. */
const SHORTEST_POLL_MS = 100;
const LONGEST_POLL_MS = 30 * 24 * 3_600_000;

/** Of a warning or failure. */
const LONGEST_CODE_CHARS = 128;

/** How often external work is looked at. */
export type Pace = Pick<RuntimeHandler, "pollEveryMs">;

/**
 * What an answer about external work says, checked and brought into the form that is stored. An output that cannot be
 * accepted ends the job, since its work is done and will not become another; progress, phase or ETA that cannot is left
 * out, with a warning in the log. An answer that is none of the three counts as not seen.
 *
 * @throws whatever a schema throws about an output: then nothing is known of it
 */
export async function pollAnswerOf(
  core: Core,
  definition: Definition,
  pace: Pace,
  answer: PollAnswer,
): Promise<SeenWork> {
  // Handlers are the application's code, and not all of it is typed.
  hearPromises(answer);
  const state: unknown = (answer as PollAnswer | null | undefined)?.state;
  switch (state) {
    case "open":
      return open(core, definition, pace, answer as Extract<PollAnswer, { state: "open" }>);
    case "done":
      return done(core, definition, answer as Extract<PollAnswer, { state: "done" }>);
    case "failed":
      return failed(core, definition, answer as Extract<PollAnswer, { state: "failed" }>);
    default:
      core.logger.warn("a poll answered neither open, done nor failed", { kind: definition.kind });
      return unseen(core, pace);
  }
}

/** Nothing was seen: the next look is backed off from the usual pace. */
export function unseen(core: Core, pace: Pace): Extract<SeenWork, { state: "unseen" }> {
  const baseMs = paceMs(core, pace, undefined);
  return { state: "unseen", backoff: { baseMs, capMs: Math.max(baseMs, core.policy.pollCapMs) } };
}

/** Until the next look: what the answer asks for, else the pace of the handler, else that of the policy. */
function paceMs(core: Core, pace: Pace, asked: number | undefined): number {
  const wish = isFiniteNumber(asked) ? asked : pollEveryMsOf(core, pace);
  // Whole: stores keep instants as integers.
  return Math.ceil(Math.min(LONGEST_POLL_MS, Math.max(SHORTEST_POLL_MS, wish)));
}

async function open(
  core: Core,
  definition: Definition,
  pace: Pace,
  answer: Extract<PollAnswer, { state: "open" }>,
): Promise<SeenWork> {
  const now = core.time.now();
  const eta = etaOf(core, definition, answer.etaAt, now);
  const { progress, ...told } = await progressOf(core, definition, answer.progress);
  const updates: Updates = {
    ...progress,
    ...phaseOf(core, definition, answer.phase, answer.message),
    ...(eta === undefined ? {} : { etaAt: eta }),
  };
  const order = answer.allowDecrease === true ? {} : { order: definition.phases };
  return {
    state: "open",
    updates,
    ...order,
    ...told,
    nextPollAt: now + paceMs(core, pace, answer.nextPollMs),
  };
}

async function done(
  core: Core,
  definition: Definition,
  answer: Extract<PollAnswer, { state: "done" }>,
): Promise<SeenWork> {
  // A kind without an output need not name one; JSON has no `undefined`.
  const checked = await definition.checkOutput(answer.output ?? null);
  if (!checked.ok) {
    return {
      state: "invalid",
      reason: "output_invalid",
      message: `The output is invalid${at(checked.issues[0])}.`,
    };
  }
  const text = toJsonText(checked.value ?? null, { maxBytes: payloadLimit(core) });
  if (!text.ok) {
    const whose = text.reason === "too_large" ? ` ${limitedBy(core)}` : "";
    return {
      state: "invalid",
      reason: "result_unstorable",
      message: `The output cannot be stored${at(text)}${whose}.`,
    };
  }
  const { progress, ...told } = await progressOf(core, definition, answer.progress);
  return { state: "done", output: text.text, updates: progress, ...told };
}

async function failed(
  core: Core,
  definition: Definition,
  answer: Extract<PollAnswer, { state: "failed" }>,
): Promise<SeenWork> {
  const { message, code, expose, rerun } = answer;
  const { progress, ...told } = await progressOf(core, definition, answer.progress);
  const said: unknown = message;
  return {
    state: "failed",
    error: {
      message: storable(
        typeof said === "string" && said !== "" ? said : "The external work failed.",
        core.policy.maxTextChars,
      ),
      code: typeof code === "string" ? storable(code, LONGEST_CODE_CHARS) : null,
      expose: expose === true,
      details: detailsOf(core, definition.kind, answer.details),
      afterMs: null,
    },
    rerun: rerun === true ? retryOf(core, definition) : null,
    updates: progress,
    ...told,
  };
}

/** A warning as it is stored. Meant for the people who wait, by whoever wrote the handler. */
export function warningDraft(core: Core, code: string, message: string): EntryDraft {
  const text = storable(message, core.policy.maxTextChars);
  return { edge: "warning", reason: storable(code, LONGEST_CODE_CHARS), text, expose: true };
}

/** Progress as it is stored, and what people are told where it cannot be. */
interface Counted {
  readonly progress: Updates;
  readonly warnings?: readonly EntryDraft[];
}

const NOT_COUNTED: Counted = { progress: {} };

/** Progress never fails a job: what cannot be stored is left out. */
async function progressOf(core: Core, definition: Definition, progress: unknown): Promise<Counted> {
  if (progress === undefined) return NOT_COUNTED;
  const drop = (why: string): Counted => {
    core.logger.warn("the progress of external work was left out", { kind: definition.kind, why });
    return NOT_COUNTED;
  };
  let checked: Checked;
  try {
    checked = await definition.checkProgress(progress);
  } catch {
    return drop("its schema threw");
  }
  if (!checked.ok) return drop(`it is invalid${at(checked.issues[0])}`);
  const { maxProgressBytes } = core.policy;
  const text = toJsonText(checked.value, { maxBytes: maxProgressBytes });
  if (!text.ok) {
    // People look at it and see it stand still: whoever can make it smaller must hear of it.
    const warning = warningDraft(core, "progress_dropped", `The progress cannot be stored${at(text)}.`);
    return { ...drop(`it cannot be stored${at(text)}`), warnings: [warning] };
  }
  const stored = parseJsonText(text.text);
  return { progress: { progress: stored, percent: definition.percentOf(stored) } };
}

function phaseOf(
  core: Core,
  { kind, phases }: Definition,
  phase: string | undefined,
  message: unknown,
): Updates {
  if (phase === undefined) return {};
  if (!phases.includes(phase)) {
    core.logger.warn("a phase that the kind does not have was left out", { kind });
    return {};
  }
  const text = typeof message === "string" ? storable(message, core.policy.maxTextChars) : null;
  const drafts: readonly EntryDraft[] = [{ edge: "phase", reason: phase, text, expose: true }];
  return { phase, drafts };
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function at(issue: Issue | undefined): string {
  if (issue === undefined) return "";
  return issue.path === "" ? `: ${issue.message}` : ` at ${issue.path}: ${issue.message}`;
}
