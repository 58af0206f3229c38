import type { ReactElement } from "react";
import { expectTypeOf } from "vitest";
import { createClient, type JobSnapshot } from "../../src/client.js";
import { steps } from "../../src/core/define/steps.js";
import { createHooks, LoadingSpinner, ProgressIndicator, StatusBadge } from "../../src/react.js";
import { ingest, mail, recover } from "./sample-jobs.js";

const { useJob, useJobs, useLatestJob, useSubmit } = createHooks(
  createClient({ baseUrl: "/jobs", jobs: [ingest, recover] }),
);

export function Page({ id }: { readonly id: string | null }): ReactElement {
  // N32: by definition or by name
  const one = useJob(recover, id, {
    onSettled: (job) => {
      expectTypeOf(job.status).toEqualTypeOf<"COMPLETED" | "FAILED">();
    },
  });
  expectTypeOf(one).toEqualTypeOf<JobSnapshot<typeof recover>>();
  expectTypeOf(useJob("dr.recover", id)).toEqualTypeOf(one);
  // @ts-expect-error -- not a kind of this client
  useJob(mail, id);
  // @ts-expect-error -- not a kind of this client
  useLatestJob("dr.recovr", "plan:1");
  expectTypeOf(useJobs({ kind: ingest }).jobs[0]?.kind).toEqualTypeOf<"document.ingest" | undefined>();

  const { submit, error } = useSubmit(ingest);
  // N33
  // @ts-expect-error -- the input of the kind
  void submit({ documentId: 1 });
  if (error?.code === "input.invalid")
    expectTypeOf(error.issues[0]?.pointer).toEqualTypeOf<string | undefined>();

  const { job } = useLatestJob("dr.recover", "plan:1");
  if (job === null) return <LoadingSpinner size="sm" />;
  const labels = {
    IN_PROGRESS: "Waiting",
    SUBMITTED: "Submitted",
    LAUNCHING: "Launching",
    CONVERTING: "Converting",
    COMPLETED: "Completed",
    FAILED: "Failed",
    CANCELLED: "Cancelled",
  };
  const { CANCELLED: _, ...incomplete } = labels;
  return (
    <>
      <StatusBadge status={job.word} message={job.message} labels={labels} />
      <StatusBadge status={job.word} size="sm" />
      {/* @ts-expect-error -- N35: a word has no label */}
      <StatusBadge status={job.word} labels={incomplete} />
      {/* @ts-expect-error -- N35: no such word */}
      <StatusBadge status={job.word} labels={{ ...labels, DONE: "Done" }} />
      {/* @ts-expect-error -- no such size */}
      <LoadingSpinner size="xl" />
      <ProgressIndicator title="Recovering" percent={job.status === "PROCESSING" ? job.percent : null} />
    </>
  );
}

/** Steps of a kind fit the indicator as they are. */
export function Steps({ id }: { readonly id: string }): ReactElement | null {
  const { job } = useJob(ingest, id);
  if (job === null) return null;
  const shown = steps(ingest, job, { parsing: "Parsing", indexing: "Indexing" });
  return <ProgressIndicator title="Reading" steps={shown} />;
}
