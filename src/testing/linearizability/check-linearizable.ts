import { ABSENT, ANYTHING, type Possible } from "./job-state.js";
import {
  describeAnswer,
  describeCall,
  describeState,
  type LostWrites,
  type StoreOperation,
} from "./operation.js";
import { findOrder, type Found } from "./search.js";
import { sortByJob, type Timeline, timelinesOf, withoutAnswer } from "./timelines.js";

/** What was recorded of a store: see `recordingStore`. */
export interface RecordedOperations {
  readonly operations: readonly StoreOperation[];
  readonly lostWrites: readonly LostWrites[];
}

/** A job whose answers fit no order of its operations, or whose search was given up. */
export interface LinearizabilityFault {
  readonly jobId: string;
  readonly verdict: "not_linearizable" | "undecided";
  /** The first operation, by its answer, that no order explains; `null`: undecided. */
  readonly operation: StoreOperation | null;
  /** How many of the job's operations were answered up to that answer, it included. */
  readonly answered: number;
  /** One readable sentence, without tokens. */
  readonly text: string;
}

/** How long `checkLinearizable` looks for an order. */
export interface LinearizabilityOptions {
  /**
   * Operations that may be tried for one job before it is called undecided.
   *
   * @default 200_000 // under a second; histories of a few hundred operations take as many tries as operations
   */
  readonly mostTried?: number | undefined;
}

const MOST_TRIED = 200_000;
const MOST_STATES_SHOWN = 3;

/**
 * Checks that the store behaved, towards each job, as if every call had taken effect at once at some instant between its
 * invocation and its answer, with the answers that the contract of the port gives in that order. Empty: it did.
 *
 * Checked for itself is each job: what a batch, a limit or a scope means across jobs is not, nor are wake-ups and what
 * lies outside of `JobState`. A call without an answer may take effect later or never; one that was said not to have been
 * applied must not show. Where the store has a clock of its own, guards on time may go either way. After a loss of
 * acknowledged writes (`lostWrites`) each piece is checked for itself, the later one from whatever is first seen.
 */
export function checkLinearizable(
  recorded: RecordedOperations,
  { mostTried = MOST_TRIED }: LinearizabilityOptions = {},
): readonly LinearizabilityFault[] {
  const { jobs, anonymous } = sortByJob(recorded.operations);
  const faults: LinearizabilityFault[] = [];
  for (const [jobId, own] of jobs) {
    for (const timeline of timelinesOf(jobId, own, anonymous, recorded.lostWrites)) {
      const fault = checkTimeline(jobId, timeline, mostTried);
      if (fault !== null) faults.push(fault);
    }
  }
  return faults;
}

function checkTimeline(jobId: string, timeline: Timeline, mostTried: number): LinearizabilityFault | null {
  const limits = { mostTried, mostEnds: 1 };
  const { verdict } = findOrder(timeline.operations, timeline.initial, limits);
  if (verdict === "linearizable") return null;
  const answered = byAnswer(timeline);
  if (verdict === "undecided") {
    const text = `Job ${jobId}: no order of its ${answered.length} operations was found in ${mostTried} tries, and not every order was tried.`;
    return { jobId, verdict, operation: null, answered: answered.length, text };
  }
  return { jobId, verdict, ...explain(jobId, timeline, answered, mostTried) };
}

function byAnswer({ operations }: Timeline): readonly StoreOperation[] {
  return operations
    .filter(({ answer }) => answer !== null && answer.status !== "perhaps")
    .sort((a, b) => (a.answeredAt ?? 0) - (b.answeredAt ?? 0));
}

/**
 * The shortest beginning that has no order. Every beginning of a history that has one has one too, so it is found by
 * halving.
 */
function explain(
  jobId: string,
  timeline: Timeline,
  answered: readonly StoreOperation[],
  mostTried: number,
): Pick<LinearizabilityFault, "operation" | "answered" | "text"> {
  let good = 0;
  let bad = answered.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const found = orderUpTo(timeline, answered[middle - 1], { mostTried, mostEnds: 1 });
    if (found.verdict === "not_linearizable") bad = middle;
    else good = middle;
  }
  const operation = answered[bad - 1];
  if (operation === undefined || operation.answer === null)
    throw new TypeError("an empty history has an order");
  const limits = { mostTried, mostEnds: MOST_STATES_SHOWN };
  const { ends } = orderUpTo(timeline, answered[good - 1], limits);
  const text = `Job ${jobId}: ${describeCall(operation)} ${describeAnswer(operation.answer)}, which no order of its operations explains: by the ${good} answers before it the store held ${alternatives(ends)}.`;
  return { operation, answered: bad, text };
}

/** What was known when this answer came: later calls were not made yet, and later answers not heard. */
function orderUpTo(
  { operations, initial }: Timeline,
  last: StoreOperation | undefined,
  limits: Parameters<typeof findOrder>[2],
): Found {
  const until = last?.answeredAt ?? -1;
  const known = operations
    .filter(({ invokedAt }) => invokedAt <= until)
    .flatMap((operation) =>
      operation.answeredAt !== null && operation.answeredAt <= until ? [operation] : withoutAnswer(operation),
    );
  return findOrder(known, initial, limits);
}

function alternatives(states: readonly Possible[]): string {
  const texts = states.map((state) => {
    if (state === ABSENT) return "no such job";
    return state === ANYTHING ? "anything" : describeState(state);
  });
  const more = states.length === MOST_STATES_SHOWN ? ", or something else" : "";
  return [...new Set(texts)].join(" or ") + more;
}
