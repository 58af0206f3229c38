import type { JobStatus } from "../lifecycle.js";
import type { AnyDef, TypesOf } from "./any-def.js";

/** A phase as people see it. `current`: being done, or where a failed job stopped. */
export interface Step<Phase extends string = string> {
  readonly phase: Phase;
  readonly state: "done" | "current" | "open";
}

/** What steps are told from: a job, or its view. */
export interface StepsSource {
  readonly status: JobStatus;
  readonly phase?: string | null | undefined;
  readonly failure?: { readonly phase: string | null } | undefined;
}

/** The phases of a kind in order, with how far a job is: ✓ ✓ … */
export function steps<D extends AnyDef>(def: D, job: StepsSource): readonly Step<TypesOf<D>["phase"]>[] {
  const { phases } = def["~definition"];
  const phase = (job.status === "FAILED" ? job.failure?.phase : job.phase) ?? null;
  const at = phase === null ? -1 : phases.indexOf(phase);
  return phases.map((name, index) => ({
    phase: name,
    state: job.status === "COMPLETED" || index < at ? "done" : index === at ? "current" : "open",
  }));
}
