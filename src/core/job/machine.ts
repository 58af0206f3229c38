import { setup } from "xstate";

/**
 * The lifecycle of a job: the single declaration of what may happen to a status.
 *
 * Nothing on a hot path runs this machine. `lifecycle.ts` is generated from it (`npm run check:lifecycle -- --write`) and
 * a property test proves the two equal in both directions. Use the machine for diagrams, actors and path generation.
 *
 * Every transition carries the id of its edge in `meta.edge`; transitions without a target happen in place.
 */
export const lifecycleMachine = setup({
  types: {
    events: {} as
      | { type: "queued" }
      | { type: "recalled" }
      | { type: "claimed" }
      | { type: "completed" }
      | { type: "failed" }
      | { type: "returned" }
      | { type: "phase" }
      | { type: "waiting" }
      | { type: "cancel_requested" }
      | { type: "warning" },
  },
}).createMachine({
  id: "job",
  initial: "PENDING",
  states: {
    PENDING: {
      description: "Recorded; not yet known to be in a queue.",
      on: {
        queued: { target: "QUEUED", meta: { edge: "T2" } },
        failed: { target: "FAILED", meta: { edge: "T8" } },
      },
    },
    QUEUED: {
      description: "The queue holds its message, or it is ready in the store.",
      on: {
        recalled: { target: "PENDING", meta: { edge: "T3" } },
        claimed: { target: "PROCESSING", meta: { edge: "T4" } },
        failed: { target: "FAILED", meta: { edge: "T9" } },
      },
    },
    PROCESSING: {
      description: "A worker holds a claim, or external work is open.",
      on: {
        completed: { target: "COMPLETED", meta: { edge: "T5" } },
        failed: { target: "FAILED", meta: { edge: "T6" } },
        returned: { target: "PENDING", meta: { edge: "T7" } },
        phase: { meta: { edge: "phase" } },
        waiting: { meta: { edge: "waiting" } },
        cancel_requested: { meta: { edge: "cancel" } },
        warning: { meta: { edge: "warning" } },
      },
    },
    COMPLETED: { type: "final", description: "Done; its output is stored." },
    FAILED: { type: "final", description: "Over without an output; its failure says why." },
  },
});
