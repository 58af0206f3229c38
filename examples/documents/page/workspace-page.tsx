import { useState } from "react";
import { LoadingSpinner, ProgressIndicator, StatusBadge } from "waybill/react";
import { NewRows, useCalm } from "../../shell/calm.js";
import { percentLine } from "../../shell/percent-line.js";
import { Loading, useTitle } from "../../shell/shell.js";
import { clock } from "../../shell/time.js";
import { AddDocuments } from "./add-documents.js";
import { Shell, tryAgain, useLatestJob, useStore } from "./page-store.js";
import { Said } from "./said.js";
import type { Document, DocumentJob, State } from "./store.js";
import { TryAgain } from "./try-again.js";
import { DOCUMENT_LABELS, STEPS, WORKSPACE_LABELS } from "./words.js";

const HOME = (
  <a className="back" href="/">
    Workspaces
  </a>
);

/** A workspace and what is in it, the newest first. */
export function WorkspacePage({ id }: { readonly id: string }) {
  const state = useStore();
  const { job } = useLatestJob("workspace.provision", `workspace:${id}`);
  const row = state.rows?.workspaces.find((workspace) => workspace.id === id) ?? null;
  const name = row?.name ?? "Workspace";
  const [adding, setAdding] = useState(0);
  const calm = useCalm(state.rows?.documents.filter(({ workspaceId }) => workspaceId === id) ?? null);
  useTitle(`${name} · Documents`);
  if (state.rows === null)
    return (
      <Shell crumbs={HOME}>
        <h1>Workspace</h1>
        <Loading />
      </Shell>
    );
  if (row === null)
    return (
      <Shell crumbs={HOME}>
        <h1>There is no such workspace.</h1>
      </Shell>
    );
  const word = job?.word ?? row.status;
  return (
    <Shell
      crumbs={
        <>
          {HOME}
          <span aria-current="page">{name}</span>
        </>
      }
    >
      <div className="title">
        <h1>{name}</h1>
        <StatusBadge status={word} size="md" labels={WORKSPACE_LABELS} />
      </div>
      {word === "provisioning" ? (
        <div className="provisioning">
          <LoadingSpinner size="lg" label="Setting up" />
          <ProgressIndicator title={`Setting up ${name}`} description="Documents can be added in a moment." />
        </div>
      ) : null}
      {word === "error" ? (
        <div className="end actions">
          <span className="problem">{job?.message ?? row.statusMessage}</span>
          <TryAgain run={() => tryAgain("workspaces", id)} />
        </div>
      ) : null}
      <AddDocuments
        workspaceId={id}
        disabled={word !== "ready"}
        onAdding={(added) => {
          setAdding((count) => count + 1);
          void added.then((document) => {
            setAdding((count) => count - 1);
            if (document !== null) calm.show([document]);
          });
        }}
      />
      {adding > 0 ? null : <NewRows {...calm} />}
      <Documents rows={calm.shown} state={state} />
    </Shell>
  );
}

function Documents({ rows, state }: { readonly rows: readonly Document[]; readonly state: State }) {
  const jobOf = (id: string) => (state.jobs.get(`document:${id}`) as DocumentJob | undefined) ?? null;
  if (rows.length === 0) return <p className="empty">No documents yet.</p>;
  return (
    <>
      <Said
        things={rows.map(({ id, name, status }) => ({ id, name, word: jobOf(id)?.word ?? status }))}
        many="documents"
        labels={DOCUMENT_LABELS}
      />
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Status</th>
            <th scope="col">Chunks</th>
            <th scope="col">Uploaded</th>
            <th scope="col">Note</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <DocumentLine key={row.id} row={row} job={jobOf(row.id)} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function DocumentLine({ row, job }: { readonly row: Document; readonly job: DocumentJob | null }) {
  const word = job?.word ?? row.status;
  const phase = job?.status === "PROCESSING" ? job.phase : null;
  const chunks = word === "ready" ? (row.chunks ?? 0) : 0;
  const note = word === "failed" ? (job?.message ?? row.error) : phase === null ? "" : STEPS[phase];
  return (
    <tr style={percentLine(job?.status === "PROCESSING" ? job.percent : null)}>
      <th scope="row">
        <a href={`/documents/${row.id}`}>{row.name}</a>
      </th>
      <td>
        <StatusBadge key={word} status={word} size="sm" labels={DOCUMENT_LABELS} />
      </td>
      <td data-count={chunks}>{chunks === 0 ? "–" : chunks}</td>
      <td>{clock(row.uploadedAt)}</td>
      <td className="note">
        {note} {word === "failed" ? <TryAgain run={() => tryAgain("documents", row.id)} /> : null}
      </td>
    </tr>
  );
}
