import { useEffect, useState } from "react";
import { StatusBadge } from "waybill/react";
import { makeWorkspace, useConnection, useJobs, useStore } from "./page-store.js";
import { Loading, Shell } from "./shell.js";
import { document } from "./surroundings.js";
import type { Workspace, WorkspaceJob } from "./store.js";
import { WORKSPACE_LABELS } from "./words.js";

/** Workspaces, the newest first. */
export function WorkspacesPage() {
  const { rows } = useStore();
  const { jobs } = useJobs({ kind: "workspace.provision" });
  useEffect(() => {
    document.title = "Workspaces";
  }, []);
  return (
    <Shell crumbs={<span aria-current="page">Workspaces</span>}>
      <h1>Workspaces</h1>
      <NewWorkspace />
      {rows === null ? (
        <Loading />
      ) : rows.workspaces.length === 0 ? (
        <p className="empty">Make a workspace to begin.</p>
      ) : (
        <ul className="rows">
          {rows.workspaces.map((row) => (
            <Row key={row.id} row={row} job={jobs.find(({ subject }) => subject === `workspace:${row.id}`)} />
          ))}
        </ul>
      )}
    </Shell>
  );
}

function Row({ row, job }: { readonly row: Workspace; readonly job: WorkspaceJob | undefined }) {
  const { documents } = row;
  return (
    <li>
      <a href={`/workspaces/${row.id}`}>
        <span className="name">{row.name}</span>
        <StatusBadge status={job?.word ?? row.status} size="sm" labels={WORKSPACE_LABELS} />
        <span className="facts">
          {documents === 0 ? "No documents" : `${documents} ${documents === 1 ? "document" : "documents"}`}
        </span>
      </a>
    </li>
  );
}

function NewWorkspace() {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const offline = useConnection().state === "offline";
  return (
    <form
      className="actions"
      onSubmit={(event) => {
        event.preventDefault();
        void makeWorkspace(name).then((wrong) => {
          setProblem(wrong);
          if (wrong === null) setName("");
        });
      }}
    >
      <label>
        <span>New workspace</span>
        <input
          value={name}
          required
          maxLength={200}
          onInput={({ currentTarget }) => {
            setName((currentTarget as unknown as { readonly value: string }).value);
          }}
        />
      </label>
      <button className="primary" disabled={offline}>
        Make it
      </button>
      {offline ? <p className="note">Offline: nothing can be made.</p> : null}
      {problem === null ? null : <p className="problem">{problem}</p>}
    </form>
  );
}
