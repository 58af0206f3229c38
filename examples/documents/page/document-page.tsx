import type { JobView } from "waybill";
import { ProgressIndicator, StatusBadge } from "waybill/react";
import { Loading, useTitle } from "../../shell/shell.js";
import { clock } from "../../shell/time.js";
import type { ingest } from "../documents.jobs.js";
import { Shell, tryAgain, useDocument, useLatestJob, useStore } from "./page-store.js";
import { TryAgain } from "./try-again.js";
import { DOCUMENT_LABELS, STEPS } from "./words.js";

type Phase = keyof typeof STEPS;
const PHASES = Object.keys(STEPS) as Phase[];

/** A document by its newest job: one that is run again is a new job. */
export function DocumentPage({ id }: { readonly id: string }) {
  const { state, job } = useLatestJob("document.process", `document:${id}`);
  const { rows } = useStore();
  const row = useDocument(id);
  const workspace = rows?.workspaces.find((one) => one.id === row?.workspaceId);
  const name = row?.name ?? "Document";
  const word = job?.word ?? row?.status ?? null;
  useTitle(word === null ? name : `${DOCUMENT_LABELS[word]} · ${name}`);
  const crumbs = (
    <>
      <a className={workspace === undefined ? "back" : ""} href="/">
        Workspaces
      </a>
      {workspace === undefined ? null : (
        <a className="back" href={`/workspaces/${workspace.id}`}>
          {workspace.name}
        </a>
      )}
      <span aria-current="page">{name}</span>
    </>
  );
  if (state === "missing")
    return (
      <Shell crumbs={crumbs}>
        <h1>There is no such document.</h1>
      </Shell>
    );
  if (job === null)
    return (
      <Shell crumbs={crumbs}>
        <h1>{name}</h1>
        <Loading />
      </Shell>
    );
  return (
    <Shell crumbs={crumbs}>
      <div className="title">
        <h1>{name}</h1>
        <StatusBadge status={job.word} size="md" labels={DOCUMENT_LABELS} />
      </div>
      <p className="muted">uploaded {clock(row?.uploadedAt ?? job.createdAt)}</p>
      {job.status === "COMPLETED" ? (
        <Ready job={job} />
      ) : job.status === "FAILED" ? (
        <div className="end actions">
          <span className="problem">{job.message}</span>
          <TryAgain run={() => tryAgain("documents", id)} />
        </div>
      ) : (
        <ProgressIndicator
          // The badge says each change of word: a fresh indicator has none to tell.
          key={job.status === "PROCESSING" ? job.phase : null}
          title={`Reading ${name}`}
          description="Usually a few minutes."
          steps={stepsOf(job.status === "PROCESSING" ? job.phase : null)}
        />
      )}
    </Shell>
  );
}

type Ended = Extract<JobView<typeof ingest>, { readonly status: "COMPLETED" }>;

function Ready({ job }: { readonly job: Ended }) {
  const facts = {
    Chunks: job.output.chunks,
    "Embedded by": job.output.embeddingModel,
    "Ready since": clock(job.finishedAt),
  };
  return (
    <>
      <p className="end done">{job.output.chunks} chunks can be searched</p>
      <dl className="facts-row">
        {Object.entries(facts).map(([name, fact]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{fact}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

/** Four labelled steps; all open while it waits. */
function stepsOf(phase: Phase | null) {
  const at = phase === null ? -1 : PHASES.indexOf(phase);
  return PHASES.map((name, index) => ({
    label: STEPS[name],
    completed: index < at,
    state: index < at ? ("done" as const) : index === at ? ("current" as const) : ("open" as const),
  }));
}
