import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { getNextTransitions, initialTransition, transition } from "xstate";
import {
  type EdgeId,
  EDGES,
  isFinal,
  type JobStatus,
  type LifecycleEvent,
  STATUSES,
  TRANSITIONS,
} from "../../src/core/job/lifecycle.js";
import { lifecycleMachine } from "../../src/core/job/machine.js";

/** The table for any status and event: what is not in it is `undefined`. */
const TABLE: Readonly<Record<JobStatus, Readonly<Partial<Record<LifecycleEvent, EdgeId>>>>> = TRANSITIONS;

const events = [...new Set(Object.values(EDGES).map(({ event }) => event))].filter(
  (event) => event !== "created",
);
const at = (status: JobStatus) => lifecycleMachine.resolveState({ value: status });

describe("the table is the machine", () => {
  it("begins where the machine begins, by T1", () => {
    expect(initialTransition(lifecycleMachine)[0].value).toBe(EDGES.T1.to);
  });

  it("leads where the machine leads, for any sequence of events", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { maxLength: 30 }), (sequence) => {
        let [snapshot] = initialTransition(lifecycleMachine);
        let status = EDGES.T1.to;
        for (const event of sequence) {
          const edge = TABLE[status][event];
          // Not `can`: xstate answers false for what happens in place and has no action.
          const taken = getNextTransitions(snapshot).some(({ eventType }) => eventType === event);
          expect(taken).toBe(edge !== undefined);
          [snapshot] = transition(lifecycleMachine, snapshot, { type: event });
          status = edge === undefined ? status : EDGES[edge].to;
          expect(snapshot.value).toBe(status);
        }
      }),
    );
  });

  it.each(STATUSES)("has the machine's edges out of %s, and no other", (status) => {
    const declared = getNextTransitions(at(status)).map(
      (next) => [String(next.eventType), (next.meta as { edge: string }).edge] as const,
    );
    expect(Object.fromEntries(declared)).toEqual(TABLE[status]);
  });

  it.each(Object.entries(EDGES).filter(([id]) => id !== "T1"))(
    "%s is a step of the machine",
    (id, { from, to, event }) => {
      expect(TABLE[from!][event as LifecycleEvent]).toBe(id as EdgeId);
      expect(transition(lifecycleMachine, at(from!), { type: event as LifecycleEvent })[0].value).toBe(to);
    },
  );

  it.each(STATUSES)(
    "%s is final exactly when the machine ends there, and no edge leaves it then",
    (status) => {
      expect(isFinal(status)).toBe(
        at(status).status === "done" || lifecycleMachine.states[status]?.type === "final",
      );
      if (isFinal(status)) expect(TABLE[status]).toEqual({});
    },
  );
});
