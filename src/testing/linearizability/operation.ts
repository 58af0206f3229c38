import type { EntryTemplate } from "../../core/job/history.js";
import type { JobStatus } from "../../core/job/lifecycle.js";
import type { PlannedOn, WriteGuard } from "../../core/ports/store.js";
import type { Cursors } from "../../core/job/record.js";
import type { JobState } from "./job-state.js";

/** What a write changes of a job, as far as the checker looks. */
export type StatePatch = Partial<Omit<JobState, "kind" | "inStore" | "recordVersion" | "cursors">>;

/** What a claim carries, as far as the checker looks. */
export interface ClaimFacts {
  readonly token: string;
  readonly recordVersion: number;
  /** The entry of a claim, and the one before it where the job is still PENDING. */
  readonly started: EntryTemplate;
}

/** What a store was asked to do to one job. */
export type JobCall =
  | { readonly op: "create"; readonly state: JobState }
  | { readonly op: "read" | "takeDue" | "purge" }
  | {
      readonly op: "write";
      readonly guard: WriteGuard;
      readonly patch: StatePatch & { readonly version: number };
      readonly leaseMs: number | null;
    }
  | { readonly op: "beat"; readonly token: string; readonly leaseMs: number }
  | {
      readonly op: "claim";
      readonly facts: ClaimFacts;
      readonly dispatch: number;
      readonly leaseMs: number;
    }
  | {
      readonly op: "claimNext";
      readonly facts: ClaimFacts;
      readonly leaseMsByKind: Readonly<Record<string, number>>;
    }
  | {
      readonly op: "advance";
      readonly plannedOn: PlannedOn;
      readonly purgeAt: number | null;
      readonly cursors: Cursors;
    };

/** What a store answered about one job. `seen`: what the answer shows of it; `null`: that there is none. */
export type JobAnswer =
  /** A create, claim or write that was accepted, and whatever only looks. */
  | {
      readonly status: "ok";
      readonly seen?: JobState | null;
      /** Of a write that extends the lease. */
      readonly leaseUntil?: number;
    }
  | {
      readonly status: "beaten";
      readonly leaseUntil: number;
      readonly version: number;
      readonly cancelRequested: boolean;
    }
  | { readonly status: "advanced"; readonly wake: "written" | "kept" | "refused"; readonly cursors: Cursors }
  | { readonly status: "refused"; readonly seen: JobState | null }
  /** A purge: it may have removed this job, or others. */
  | { readonly status: "perhaps" };

/**
 * One call of a store, for one job. Plain data: histories of several recorders can be put together where the numbers of
 * their events come from one counter.
 */
export interface StoreOperation {
  /** `null`: a call that names no job and has no answer, so that it may have changed any. */
  readonly jobId: string | null;
  readonly call: JobCall;
  /** The number of the event, in the order in which things happened; never an instant. */
  readonly invokedAt: number;
  /** The number of the event; `null`: no answer that says what happened, then or ever. */
  readonly answeredAt: number | null;
  readonly answer: JobAnswer | null;
  /** The clock that the store decided by; `null`: its own, and then every guard on time may go either way. */
  readonly nowMs: number | null;
}

/** The store lost writes that it had acknowledged. */
export interface LostWrites {
  readonly at: number;
  /** The jobs that it may have changed; `null`: any. */
  readonly jobIds: readonly string[] | null;
}

/** What a call was, in a few words without a secret. */
export function describeCall({ call, invokedAt }: StoreOperation): string {
  const number = `#${invokedAt}`;
  switch (call.op) {
    case "write":
      return `the write ${number} (${place(call.guard)} to version ${call.patch.version})`;
    case "advance":
      return `the advance ${number} (planned on ${place(call.plannedOn)})`;
    case "claimNext":
      return `the claim of the next jobs ${number}`;
    case "claim":
      return `the claim ${number} by the message of dispatch ${call.dispatch}`;
    case "create":
    case "read":
    case "takeDue":
    case "purge":
    case "beat":
      return `the ${call.op} ${number}`;
  }
}

/** What it was answered, in a few words without a secret. */
export function describeAnswer(answer: JobAnswer): string {
  switch (answer.status) {
    case "ok":
      if (answer.seen === undefined) return "was accepted";
      return answer.seen === null ? "found no job" : `was answered with ${describeState(answer.seen)}`;
    case "beaten":
      return `was accepted at version ${answer.version}`;
    case "advanced":
      return answer.wake === "refused"
        ? "was refused"
        : `moved the cursors (wake-up ${answer.wake}) to ${cursorsText(answer.cursors)}`;
    case "refused":
      return answer.seen === null ? "found no job" : `was refused with ${describeState(answer.seen)}`;
    case "perhaps":
      return "removed jobs";
  }
}

/** A state in a few words: the token is a secret, so only whether there is one is said. */
export function describeState(state: JobState): string {
  const held = state.token === null ? "" : ", held";
  const { status, version, fence, dispatch, attempt } = state;
  return `${status} version ${version} (fence ${fence}, dispatch ${dispatch}, attempt ${attempt}${held}, cursors ${cursorsText(state.cursors)})`;
}

function place({ status, version }: { readonly status: JobStatus; readonly version: number }): string {
  return `${status} version ${version}`;
}

function cursorsText(cursors: Cursors): string {
  const texts = Object.entries(cursors).map(([name, { upTo, attempts }]) => `${name} ${upTo}/${attempts}`);
  return texts.length === 0 ? "none" : texts.join(" ");
}
