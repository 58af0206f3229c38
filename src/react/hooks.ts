import type { JobView } from "../core/api/view.js";
import type { AnyDef, DefOf, KindOf, TypesOf } from "../core/define/any-def.js";
import type { AsyncResult } from "../core/errors/result.js";
import type { JobsFilter, KindArg, ListedViewOf, SubmitRefused } from "../client/api.js";
import type { ClientError } from "../client/client-error.js";
import type { Connection, JobsSnapshot, JobSnapshot } from "../client/snapshot.js";

/** How one job is followed. */
export interface JobHookOptions<D extends AnyDef> {
  /** What the server rendered: shown until there is something newer. One of another id or subject is not shown. */
  readonly initial?: JobView<D> | null | undefined;
  /**
   * Told once for each job, as soon as it is COMPLETED or FAILED as stored; also when it is so from the beginning. Best
   * effort: what it throws is logged.
   */
  readonly onSettled?:
    ((job: Extract<JobView<D>, { readonly status: "COMPLETED" | "FAILED" }>) => unknown) | undefined;
}

/** A call of `submit`, as a form shows it. */
export interface Submission<D extends AnyDef> {
  /**
   * Submits. The same input while a call is under way joins that call: a double click makes one job. The promise need not
   * be awaited: what it comes to is in `job` and `error`.
   */
  readonly submit: (
    input: TypesOf<D>["input"],
    options?: { readonly idempotencyKey?: string | undefined },
  ) => AsyncResult<JobView<D>, SubmitRefused>;
  readonly isSubmitting: boolean;
  /** Why the last call did not make a job: a refusal, or a fault. */
  readonly error: ClientError | null;
  /** What the last call answered; `useJob` has what becomes of it. */
  readonly job: JobView<D> | null;
  readonly reset: () => void;
}

/** The hooks of one client: they know its kinds, by definition or by name. */
export interface Hooks<D extends AnyDef> {
  /** One job; `null`: none yet, which shows as loading. */
  readonly useJob: <K extends KindOf<D>>(
    kind: KindArg<K>,
    id: string | null,
    options?: JobHookOptions<DefOf<D, K>>,
  ) => JobSnapshot<DefOf<D, K>>;
  /** The newest job about a subject, also after it was run again. */
  readonly useLatestJob: <K extends KindOf<D>>(
    kind: KindArg<K>,
    subject: string | null,
    options?: JobHookOptions<DefOf<D, K>>,
  ) => JobSnapshot<DefOf<D, K>>;
  /** The newest jobs. */
  readonly useJobs: <K extends KindOf<D> = KindOf<D>>(
    filter?: JobsFilter<K>,
  ) => JobsSnapshot<ListedViewOf<DefOf<D, K>>>;
  /** Submits jobs of a kind. */
  readonly useSubmit: <K extends KindOf<D>>(kind: KindArg<K>) => Submission<DefOf<D, K>>;
  /** How changes are heard of at present. */
  readonly useConnection: () => Connection;
}
