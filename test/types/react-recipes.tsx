// The recipes of docs/react.md, without their imports: test/unit/client-docs.test.ts holds the page to this text.
/* eslint-disable @typescript-eslint/explicit-module-boundary-types -- components are shown as people write them */
import { steps, type JobView } from "../../src/index.js";
import { createClient } from "../../src/client.js";
import { createHooks, LoadingSpinner, ProgressIndicator, StatusBadge } from "../../src/react.js";
import { ingest } from "./sample-jobs.js";

// recipe: status
const { useLatestJob } = createHooks(createClient<typeof ingest>({ baseUrl: "/jobs" }));
const LABELS = {
  PENDING: "Waiting",
  QUEUED: "Waiting",
  PROCESSING: "Being read",
  COMPLETED: "Ready",
  FAILED: "Not readable",
};

export function DocumentStatus({ documentId }: { documentId: string }) {
  const { job } = useLatestJob("document.ingest", `document:${documentId}`);
  if (job === null) return <LoadingSpinner size="sm" />;
  return <StatusBadge status={job.word} message={job.message} labels={LABELS} />;
}
// end

// recipe: progress
export function DocumentProgress({ job }: { job: JobView<typeof ingest> }) {
  return (
    <ProgressIndicator
      title="Reading terms.pdf"
      percent={job.status === "PROCESSING" ? job.percent : undefined}
      steps={steps(ingest, job, { parsing: "Parsing", indexing: "Indexing" })}
    />
  );
}
// end
