// Ways to spoil a good history. Each says why no order of the operations can explain what comes of it; where the reason
// rests on something that the history must have, a history without it is left alone (`null`).
import type { JobState } from "../../src/testing/linearizability/job-state.js";
import type { JobAnswer, StoreOperation } from "../../src/testing/linearizability/operation.js";
import { START } from "../../src/core/job/record.js";

type Operations = readonly StoreOperation[];

export interface Corruption {
  readonly name: string;
  readonly because: string;
  /** `pick` chooses among the places where it can be done. */
  spoil(operations: Operations, pick: <T>(from: readonly T[]) => T | undefined): Operations | null;
}

type Answered<
  Op extends StoreOperation["call"]["op"],
  Status extends JobAnswer["status"],
> = StoreOperation & {
  readonly jobId: string;
  readonly call: { readonly op: Op };
  readonly answer: { readonly status: Status };
  readonly answeredAt: number;
};

function those<Op extends StoreOperation["call"]["op"], Status extends JobAnswer["status"]>(
  operations: Operations,
  op: Op,
  status: Status,
): readonly (Answered<Op, Status> & { call: Extract<StoreOperation["call"], { op: Op }> })[] {
  return operations.filter(
    (each): each is Answered<Op, Status> & { call: Extract<StoreOperation["call"], { op: Op }> } =>
      each.call.op === op && each.answer?.status === status && each.jobId !== null,
  );
}

interface SeenWork {
  readonly operation: StoreOperation;
  readonly seen: JobState;
}

function sights(operations: Operations, jobId?: string | null): readonly SeenWork[] {
  return operations.flatMap((operation) => {
    const { answer } = operation;
    if (jobId !== undefined && operation.jobId !== jobId) return [];
    if (answer?.status !== "ok" && answer?.status !== "refused") return [];
    return answer.seen === null || answer.seen === undefined ? [] : [{ operation, seen: answer.seen }];
  });
}

/** Reads only: what they show binds no call of theirs. */
function reads(operations: Operations): readonly SeenWork[] {
  return sights(operations).filter(({ operation }) => operation.call.op === "read");
}

function replaced(operations: Operations, from: StoreOperation, to: StoreOperation | null): Operations {
  return operations.flatMap((each) => (each === from ? (to === null ? [] : [to]) : [each]));
}

function seeing(operation: StoreOperation, seen: JobState): StoreOperation {
  return { ...operation, answer: { status: "ok", seen } };
}

/** An entry is known by the call that wrote it: whoever shows it has seen that call's effect. */
function isShown(operations: Operations, { jobId, call }: StoreOperation): boolean {
  if (call.op !== "write" || call.patch.lastEntry === undefined) return false;
  return sights(operations, jobId).some(({ seen }) => seen.lastEntry === call.patch.lastEntry);
}

function isBefore(first: StoreOperation, second: StoreOperation): boolean {
  return first.answeredAt !== null && first.answeredAt < second.invokedAt;
}

/** An operation behind all others. */
function atTheEnd(
  operations: Operations,
  operation: Omit<StoreOperation, "invokedAt" | "answeredAt">,
): Operations {
  const last = Math.max(...operations.map((each) => Math.max(each.invokedAt, each.answeredAt ?? 0)));
  return [...operations, { ...operation, invokedAt: last + 1, answeredAt: last + 2 }];
}

function lastEventOf(operations: Operations): number {
  return Math.max(...operations.map(({ invokedAt, answeredAt }) => Math.max(invokedAt, answeredAt ?? 0)));
}

/** Nothing newer was shown of the job. */
function isLastSight(operations: Operations, seen: JobState): boolean {
  const { version } = seen;
  const jobs = sights(operations).filter((each) => each.seen === seen);
  return jobs.every(({ operation }) =>
    sights(operations, operation.jobId).every((each) => each.seen.version <= version),
  );
}

type OpenState = JobState & { readonly status: "PENDING" | "QUEUED" | "PROCESSING" };

function isOpen(seen: JobState): seen is OpenState {
  return seen.status !== "COMPLETED" && seen.status !== "FAILED";
}

export const CORRUPTIONS: readonly Corruption[] = [
  {
    name: "an accepted write is lost",
    because: "its entry is shown, and no other call could have written it",
    spoil(operations, pick) {
      const found = pick(those(operations, "write", "ok").filter((each) => isShown(operations, each)));
      return found === undefined ? null : replaced(operations, found, null);
    },
  },
  {
    name: "a call in doubt that took effect is called not applied",
    because: "what was not applied cannot show, and its entry does",
    spoil(operations, pick) {
      const doubtful = operations.filter(({ answer }) => answer === null);
      const found = pick(doubtful.filter((each) => isShown(operations, each)));
      return found === undefined ? null : replaced(operations, found, null);
    },
  },
  {
    name: "a refused write took effect",
    because: "a refusal writes nothing, and its entry is shown",
    spoil(operations, pick) {
      const found = pick(those(operations, "write", "ok").filter((each) => isShown(operations, each)));
      if (found === undefined) return null;
      const [other] = sights(operations, found.jobId);
      if (other === undefined) return null;
      return replaced(operations, found, { ...found, answer: { status: "refused", seen: other.seen } });
    },
  },
  {
    name: "a refused write is called accepted",
    because:
      "a higher version was shown before it was made, versions only rise, and its guard names a lower one",
    spoil(operations, pick) {
      const found = pick(
        those(operations, "write", "refused").filter((each) =>
          sights(operations, each.jobId).some(
            ({ operation, seen }) => isBefore(operation, each) && seen.version > each.call.guard.version,
          ),
        ),
      );
      return found === undefined ? null : replaced(operations, found, { ...found, answer: { status: "ok" } });
    },
  },
  {
    name: "two writes are accepted at one version",
    because: "the first raised the version, so the guard of the second held no more",
    spoil(operations, pick) {
      const found = pick(those(operations, "write", "ok"));
      return found === undefined ? null : [...operations, { ...found }];
    },
  },
  {
    name: "a read is stale",
    because: "a higher version was shown before the read was made, and versions only rise",
    spoil(operations, pick) {
      const stale = reads(operations).flatMap(({ operation }) => {
        const { jobId } = operation;
        const all = sights(operations, jobId);
        const newest = Math.max(
          0,
          ...all.filter((each) => isBefore(each.operation, operation)).map(({ seen }) => seen.version),
        );
        return all.filter(({ seen }) => seen.version < newest).map(({ seen }) => ({ operation, seen }));
      });
      const found = pick(stale);
      return found === undefined
        ? null
        : replaced(operations, found.operation, seeing(found.operation, found.seen));
    },
  },
  {
    name: "two answers change places",
    because: "the first call was answered before the second was made, and shows the higher version",
    spoil(operations, pick) {
      const pairs = reads(operations).flatMap((first) =>
        reads(operations)
          .filter((second) => second.operation.jobId === first.operation.jobId)
          .filter((second) => isBefore(first.operation, second.operation))
          .filter((second) => second.seen.version > first.seen.version)
          .map((second) => ({ first, second })),
      );
      const found = pick(pairs);
      if (found === undefined) return null;
      const { first, second } = found;
      const once = replaced(operations, first.operation, seeing(first.operation, second.seen));
      return replaced(once, second.operation, seeing(second.operation, first.seen));
    },
  },
  {
    name: "a version is repeated",
    because: "no call leaves this entry under that version",
    spoil(operations, pick) {
      const found = pick(reads(operations).filter(({ seen }) => seen.version > 2));
      if (found === undefined) return null;
      const { operation, seen } = found;
      return replaced(operations, operation, seeing(operation, { ...seen, version: seen.version - 1 }));
    },
  },
  {
    name: "a write of two parts is half done",
    because: "the status comes with the entry that says so, in one step",
    spoil(operations, pick) {
      const found = pick(reads(operations).filter(({ seen }) => seen.status === "PROCESSING"));
      if (found === undefined) return null;
      const { operation, seen } = found;
      return replaced(operations, operation, seeing(operation, { ...seen, status: "QUEUED" }));
    },
  },
  {
    name: "a write under another token is accepted",
    because: "under one version there is one token, and its guard names another",
    spoil(operations, pick) {
      const found = pick(those(operations, "write", "ok"));
      if (found === undefined) return null;
      const guard = { ...found.call.guard, token: "forged" };
      return replaced(operations, found, { ...found, call: { ...found.call, guard } });
    },
  },
  {
    name: "a write is refused although its guard holds",
    because: "the record that came with the refusal is the one that the guard asks for",
    spoil(operations, pick) {
      const open = reads(operations).filter(({ seen }) => isOpen(seen) && isLastSight(operations, seen));
      const found = pick(open);
      if (found === undefined || !isOpen(found.seen)) return null;
      const { status, version, token } = found.seen;
      const patch = { version: version + 1 };
      const call = { op: "write", guard: { status, version, token }, patch, leaseMs: null } as const;
      const answer: JobAnswer = { status: "refused", seen: found.seen };
      const { jobId, nowMs } = found.operation;
      return atTheEnd(operations, { jobId, call, answer, nowMs });
    },
  },
  {
    name: "a final record is overwritten",
    because: "no guard names a final status, and no call leaves it",
    spoil(operations, pick) {
      const found = pick(
        those(operations, "write", "ok").filter(({ call }) => call.patch.status === "COMPLETED"),
      );
      if (found === undefined) return null;
      const guard = { status: "PROCESSING", version: found.call.patch.version, token: null } as const;
      const call = { op: "write", guard, patch: { version: guard.version + 1 }, leaseMs: null } as const;
      return atTheEnd(operations, { jobId: found.jobId, call, answer: { status: "ok" }, nowMs: found.nowMs });
    },
  },
  {
    name: "a token is forged",
    because: "no claim was made under this token",
    spoil(operations, pick) {
      const found = pick(reads(operations).filter(({ seen }) => seen.token !== null));
      if (found === undefined) return null;
      const { operation, seen } = found;
      return replaced(operations, operation, seeing(operation, { ...seen, token: "forged" }));
    },
  },
  {
    name: "a job is given to two claims",
    because: "the first raised the fence and took the job out of the line; the second shows the same fence",
    spoil(operations, pick) {
      const found = pick(those(operations, "claim", "ok"));
      const seen = found?.answer.status === "ok" ? sights([found])[0]?.seen : undefined;
      if (found === undefined || seen === undefined) return null;
      const facts = { ...found.call.facts, token: "second" };
      const answer: JobAnswer = { status: "ok", seen: { ...seen, token: "second" } };
      return [...operations, { ...found, call: { ...found.call, facts }, answer }];
    },
  },
  {
    name: "a claim does not raise the fence",
    because: "under one version there is one fence, and a claim leaves it one higher than it was",
    spoil(operations, pick) {
      const found = pick([...those(operations, "claim", "ok"), ...those(operations, "claimNext", "ok")]);
      const [work] = found === undefined ? [] : sights([found]);
      if (work === undefined) return null;
      const { operation, seen } = work;
      return replaced(operations, operation, seeing(operation, { ...seen, fence: seen.fence - 1 }));
    },
  },
  {
    name: "a claim in doubt is answered to another",
    because: "a claim leaves its own token, never that of another call",
    spoil(operations, pick) {
      const found = pick(those(operations, "claimNext", "ok"));
      if (found === undefined) return null;
      const facts = { ...found.call.facts, token: "another" };
      return replaced(operations, found, { ...found, call: { ...found.call, facts } });
    },
  },
  {
    name: "a beat of a claim that is over is accepted",
    because: "the record was final before the beat was made",
    spoil(operations, pick) {
      const found = pick(those(operations, "beat", "beaten"));
      const ended = those(operations, "write", "ok").find(
        ({ jobId, call }) => jobId === found?.jobId && call.patch.status === "COMPLETED",
      );
      if (found === undefined || ended === undefined) return null;
      const { jobId, call, answer, nowMs } = found;
      return atTheEnd(operations, { jobId, call, answer, nowMs });
    },
  },
  {
    name: "a beat under another token is accepted",
    because: "under the version that was answered another token was held",
    spoil(operations, pick) {
      const found = pick(those(operations, "beat", "beaten"));
      if (found === undefined) return null;
      return replaced(operations, found, { ...found, call: { ...found.call, token: "forged" } });
    },
  },
  {
    name: "a lease that was extended is swept",
    because: "the sweep names a lease instant that nobody ever stored",
    spoil(operations, pick) {
      const found = pick(
        those(operations, "write", "ok").filter(({ call }) => call.guard.expiredLease !== undefined),
      );
      if (found === undefined) return null;
      const guard = { ...found.call.guard, expiredLease: (found.call.guard.expiredLease ?? 0) - 1 };
      return replaced(operations, found, { ...found, call: { ...found.call, guard } });
    },
  },
  {
    name: "a sweep comes before its time",
    because: "the guard asks for a lease that has passed by the clock of the call",
    spoil(operations, pick) {
      const found = pick(
        those(operations, "write", "ok").filter(({ call }) => call.guard.expiredLease !== undefined),
      );
      if (found === undefined) return null;
      return replaced(operations, found, { ...found, nowMs: (found.call.guard.expiredLease ?? 0) - 1 });
    },
  },
  {
    name: "a cursor falls",
    because: "cursors were answered higher before the read was made, and only ever rise",
    spoil(operations, pick) {
      const fallen = reads(operations).filter(({ operation }) =>
        those(operations, "advance", "advanced").some(
          (each) => each.jobId === operation.jobId && isBefore(each, operation),
        ),
      );
      const found = pick(fallen);
      if (found === undefined) return null;
      return replaced(operations, found.operation, seeing(found.operation, { ...found.seen, cursors: {} }));
    },
  },
  {
    name: "an advance answers with cursors that nobody gave",
    because: "cursors are merged of those that were given",
    spoil(operations, pick) {
      const found = pick(those(operations, "advance", "advanced"));
      if (found === undefined) return null;
      const cursors = { ui: { ...START, upTo: 1_000 } };
      return replaced(operations, found, { ...found, answer: { ...found.answer, cursors } as JobAnswer });
    },
  },
  {
    name: "an advance on an old plan is written",
    because: "the record that it was planned on was gone before it was made",
    spoil(operations, pick) {
      const found = pick(
        those(operations, "advance", "advanced").filter((each) =>
          sights(operations, each.jobId).some(
            ({ operation, seen }) => isBefore(operation, each) && seen.version > each.call.plannedOn.version,
          ),
        ),
      );
      if (found === undefined) return null;
      const answer = { ...found.answer, wake: "written" } as JobAnswer;
      return replaced(operations, found, { ...found, answer });
    },
  },
  {
    name: "a create is lost",
    because: "the job is shown, and nothing but its create makes it",
    spoil(operations, pick) {
      const jobs = those(operations, "create", "ok").filter(
        ({ jobId }) => sights(operations, jobId).length > 0,
      );
      const found = pick(jobs);
      if (found === undefined) return null;
      return operations.filter(({ jobId, call }) => jobId !== found.jobId || call.op !== "create");
    },
  },
  {
    name: "a job is created twice",
    because: "it was there before the second create was made, and nothing removed it",
    spoil(operations, pick) {
      const found = pick(those(operations, "create", "ok"));
      if (found === undefined) return null;
      const { jobId, call, answer, nowMs } = found;
      return atTheEnd(operations, { jobId, call, answer, nowMs });
    },
  },
  {
    name: "a job is gone that nobody removed",
    because: "it was there before the read was made, and no purge was",
    spoil(operations, pick) {
      const found = pick(sights(operations));
      if (found === undefined) return null;
      const { jobId, nowMs } = found.operation;
      return atTheEnd(operations, {
        jobId,
        call: { op: "read" },
        answer: { status: "ok", seen: null },
        nowMs,
      });
    },
  },
  {
    name: "a purge takes effect after its answer",
    because: "the job was still there when the purge had been answered, and no other purge was",
    spoil(operations, pick) {
      const found = pick(reads(operations).filter(({ seen }) => isLastSight(operations, seen)));
      if (found === undefined) return null;
      const { jobId, nowMs } = found.operation;
      const read = { jobId, call: { op: "read" }, nowMs } as const;
      const shown: JobAnswer = { status: "ok", seen: { ...found.seen, status: "COMPLETED", purgeAt: 0 } };
      const ended = atTheEnd(
        operations.filter((each) => each.jobId !== jobId),
        {
          jobId,
          call: { op: "create", state: shown.seen ?? found.seen },
          answer: { status: "ok" },
          nowMs,
        },
      );
      const purged = atTheEnd(ended, {
        jobId: null,
        call: { op: "purge" },
        answer: { status: "perhaps" },
        nowMs,
      });
      const still = atTheEnd(purged, { ...read, answer: shown });
      return atTheEnd(still, { ...read, answer: { status: "ok", seen: null } });
    },
  },
  {
    name: "a removed job is shown again",
    because: "it was found missing, and no create came after",
    spoil(operations, pick) {
      const found = pick(reads(operations));
      if (found === undefined) return null;
      const { jobId, nowMs } = found.operation;
      const purge: StoreOperation = {
        jobId: null,
        call: { op: "purge" },
        invokedAt: lastEventOf(operations) + 1,
        answeredAt: lastEventOf(operations) + 2,
        answer: { status: "perhaps" },
        nowMs,
      };
      const none = { jobId, call: { op: "read" }, answer: { status: "ok", seen: null }, nowMs } as const;
      const gone = atTheEnd([...operations, purge], none);
      return atTheEnd(gone, { ...none, answer: { status: "ok", seen: found.seen } });
    },
  },
];
