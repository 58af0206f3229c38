import { configInvalid } from "../errors/config-invalid.js";
import type { JobStatus } from "../job/lifecycle.js";
import type { AnyDef, TypesOf } from "./any-def.js";

/** A phase as people see it. */
export interface Step<Phase extends string = string> {
  readonly phase: Phase;
  /** `current`: being done, or where a failed job stopped. */
  readonly state: "done" | "current" | "open";
  /** For people. */
  readonly label: string;
  /** Whether it is `done`. */
  readonly completed: boolean;
}

/** What steps are told from: a job, or its view. */
export interface StepsSource {
  readonly status: JobStatus;
  readonly phase?: string | null | undefined;
  readonly failure?: { readonly phase: string | null } | undefined;
}

/**
 * The phases of a kind in order, with how far a job is: ✓ ✓ …
 *
 * @param labels - for people, one for every phase. @default the names of the phases
 * @throws {WaybillError} `config.invalid`: a phase has no label
 */
export function steps<D extends AnyDef>(
  def: D,
  job: StepsSource,
  labels?: Readonly<Record<TypesOf<D>["phase"], string>>,
): readonly Step<TypesOf<D>["phase"]>[] {
  const { phases } = def["~definition"];
  const phase = (job.status === "FAILED" ? job.failure?.phase : job.phase) ?? null;
  const at = phase === null ? -1 : phases.indexOf(phase);
  return phases.map((name, index) => {
    const completed = job.status === "COMPLETED" || index < at;
    const state = completed ? "done" : index === at ? "current" : "open";
    return { phase: name, state, label: labels === undefined ? name : labelOf(labels, name), completed };
  });
}

function labelOf(labels: Readonly<Record<string, string | undefined>>, phase: string): string {
  const label = Object.hasOwn(labels, phase) ? labels[phase] : undefined;
  if (label !== undefined) return label;
  throw configInvalid(`steps has no label for the phase "${phase}".`);
}
