import type {
  AdvanceItem,
  BeatItem,
  ClaimByMessage,
  ClaimNext,
  ClaimTerms,
  CreateItem,
  WriteItem,
} from "../../core/ports/store.js";
import { lastEntryOf, stateOf } from "./job-state.js";
import type { ClaimFacts, JobCall, StatePatch } from "./operation.js";

interface CallOfJob {
  readonly jobId: string;
  readonly call: JobCall;
}

/** Items of the port as the checker keeps them: without payloads. */
export const callsOf = {
  create: ({ record }: CreateItem): CallOfJob => ({
    jobId: record.id,
    call: { op: "create", state: stateOf({ record, cursors: {} }) },
  }),

  read: (id: string): CallOfJob => ({ jobId: id, call: { op: "read" } }),

  write: ({ id, guard, patch, history, leaseMs }: WriteItem): CallOfJob => {
    const entries = "append" in history ? history.append : history.replace;
    const isUntouched = "append" in history && entries === "";
    return {
      jobId: id,
      call: {
        op: "write",
        guard,
        patch: { ...patchOf(patch), ...(isUntouched ? {} : { lastEntry: lastEntryOf(entries) }) },
        leaseMs: leaseMs ?? null,
      },
    };
  },

  beat: ({ id, token, leaseMs }: BeatItem): CallOfJob => ({
    jobId: id,
    call: { op: "beat", token, leaseMs },
  }),

  claim: ({ id, token, dispatch, leaseMs }: ClaimByMessage, terms: ClaimTerms): CallOfJob => ({
    jobId: id,
    call: { op: "claim", facts: factsOf(token, terms), dispatch, leaseMs },
  }),

  claimNext: ({ token, terms, kinds }: ClaimNext): JobCall => ({
    op: "claimNext",
    facts: factsOf(token, terms),
    // The first of a kind named twice counts.
    leaseMsByKind: Object.fromEntries([...kinds].reverse().map(({ kind, leaseMs }) => [kind, leaseMs])),
  }),

  advance: ({ id, plannedOn, purgeAt, cursors }: AdvanceItem): CallOfJob => {
    // A plan may be a whole record: only what names it is kept.
    const { status, version, token } = plannedOn;
    return {
      jobId: id,
      call: { op: "advance", plannedOn: { status, version, token }, purgeAt, cursors },
    };
  },

  purge: { jobId: null, call: { op: "purge" } },
} as const;

function patchOf(given: WriteItem["patch"]): StatePatch & { readonly version: number } {
  const { awaiting, cancel } = given;
  const patch: Record<string, unknown> = {};
  for (const key of COPIED) if (given[key] !== undefined) patch[key] = given[key];
  if (awaiting !== undefined) patch["awaiting"] = awaiting !== null;
  if (cancel !== undefined) patch["cancelRequested"] = cancel !== null;
  return { ...patch, version: given.version };
}

const COPIED = [
  "status",
  "version",
  "token",
  "fence",
  "dispatch",
  "attempt",
  "leaseUntil",
  "readyAt",
  "sendAt",
  "purgeAt",
] as const satisfies readonly (keyof StatePatch & keyof WriteItem["patch"])[];

function factsOf(token: string, { recordVersion, started }: ClaimTerms): ClaimFacts {
  return { token, recordVersion, started };
}
