import { type ReactElement, useRef } from "react";
import type { JobView } from "../../src/core/api/view.js";
import { type Hooks, LoadingSpinner, ProgressIndicator, StatusBadge } from "../../src/react.js";
import type { ingest } from "../types/sample-jobs.js";

interface AppProps {
  readonly hooks: Hooks<typeof ingest>;
  readonly onSettled: (job: { readonly id: string }) => void;
  /** What the server rendered, as JSON. */
  readonly initial?: string | undefined;
  readonly id?: string | undefined;
}

/** A page with every hook. */
export function App({ hooks, onSettled, initial, id = "a" }: AppProps): ReactElement {
  const renders = useRef(0);
  renders.current += 1;
  const first = initial === undefined ? null : (JSON.parse(initial) as JobView<typeof ingest>);
  const shown = hooks.useJob("document.ingest", id, { initial: first, onSettled });
  const latest = hooks.useLatestJob("document.ingest", "document:1");
  const { jobs } = hooks.useJobs({ kind: "document.ingest" });
  const { state } = hooks.useConnection();
  const { submit, isSubmitting, job } = hooks.useSubmit("document.ingest");
  return (
    <main>
      <h1>Documents</h1>
      <p id="job">{shown.job === null ? shown.state : `${shown.job.status} ${shown.job.version}`}</p>
      <p id="latest">{latest.job?.id ?? latest.state}</p>
      <p id="jobs">{jobs.map(({ id }) => id).join()}</p>
      <p id="connection">{state}</p>
      <p id="submitted">{isSubmitting ? "submitting" : (job?.id ?? "none")}</p>
      <button type="button" onClick={() => void submit({ documentId: "d" })}>
        Submit
      </button>
      {shown.job === null ? (
        <LoadingSpinner />
      ) : (
        <StatusBadge status={shown.job.word} message={shown.job.message} />
      )}
      {shown.job?.status === "PROCESSING" ? (
        <ProgressIndicator
          title="Reading"
          percent={shown.job.percent}
          steps={[{ label: "Parsing", completed: false }]}
        />
      ) : null}
    </main>
  );
}

/** Every component in every state. */
export function Gallery(): ReactElement {
  const labels = { pending: "Waiting", processing: "Reading", ready: "Ready", failed: "Failed" } as const;
  return (
    <main>
      <h1>Components</h1>
      {(["pending", "processing", "ready", "failed"] as const).map((status) => (
        <p key={status}>
          <StatusBadge status={status} labels={labels} message={status === "failed" ? "Not a PDF" : null} />{" "}
          <StatusBadge<keyof typeof labels> status={status} size="sm" labels={labels} />
        </p>
      ))}
      <ProgressIndicator
        title="Reading terms.pdf"
        description="Usually a few minutes."
        percent={0.42}
        steps={[
          { label: "Parsing", completed: true },
          { label: "Chunking", completed: true },
          { label: "Embedding", completed: false },
          { label: "Indexing", completed: false },
        ]}
      />
      <ProgressIndicator title="Providing the workspace" percent={null} />
      <p>
        <LoadingSpinner size="sm" /> <LoadingSpinner /> <LoadingSpinner size="lg" label="Loading documents" />
      </p>
    </main>
  );
}
