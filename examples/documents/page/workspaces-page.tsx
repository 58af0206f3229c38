import { useState } from "react";
import { StatusBadge } from "waybill/react";
import { NewRows, useCalm } from "../../shell/calm.js";
import { Loading, useTitle } from "../../shell/shell.js";
import { makeWorkspace, Shell, useConnection, useJobs, useStore } from "./page-store.js";
import { Said } from "./said.js";
import type { Workspace, WorkspaceJob } from "./store.js";
import { WORKSPACE_LABELS } from "./words.js";

/** Workspaces, the newest first. */
export function WorkspacesPage() {
  const { rows } = useStore();
  const { jobs } = useJobs({ kind: "workspace.provision" });
  const [making, setMaking] = useState(false);
  const calm = useCalm(rows?.workspaces ?? null);
  const jobOf = (id: string) => jobs.find(({ subject }) => subject === `workspace:${id}`);
  useTitle("Workspaces");
  return (
    <Shell crumbs={<span aria-current="page">Workspaces</span>}>
      <h1>Workspaces</h1>
      <NewWorkspace
        onMaking={setMaking}
        onMade={(id) => {
          calm.show([id]);
        }}
      />
      {making ? null : <NewRows {...calm} />}
      <Said
        things={calm.shown.map(({ id, name, status }) => ({ id, name, word: jobOf(id)?.word ?? status }))}
        many="workspaces"
        labels={WORKSPACE_LABELS}
      />
      {rows === null ? (
        <Loading />
      ) : calm.shown.length === 0 ? (
        <p className="empty">Make a workspace to begin.</p>
      ) : (
        <ul className="rows">
          {calm.shown.map((row) => (
            <Row key={row.id} row={row} job={jobOf(row.id)} />
          ))}
        </ul>
      )}
    </Shell>
  );
}

function Row({ row, job }: { readonly row: Workspace; readonly job: WorkspaceJob | undefined }) {
  const { documents } = row;
  const word = job?.word ?? row.status;
  return (
    <li>
      <a href={`/workspaces/${row.id}`}>
        <span className="name">{row.name}</span>
        <StatusBadge key={word} status={word} size="sm" labels={WORKSPACE_LABELS} />
        <span className="facts">
          {documents === 0 ? "No documents" : `${documents} ${documents === 1 ? "document" : "documents"}`}
        </span>
      </a>
    </li>
  );
}

interface NewWorkspaceProps {
  /** What is being made by this page is no news to it. */
  readonly onMaking: (making: boolean) => void;
  readonly onMade: (id: string) => void;
}

function NewWorkspace({ onMaking, onMade }: NewWorkspaceProps) {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const offline = useConnection().state === "offline";
  return (
    <form
      className="actions"
      onSubmit={(event) => {
        event.preventDefault();
        onMaking(true);
        void makeWorkspace(name).then((made) => {
          onMaking(false);
          setProblem("problem" in made ? made.problem : null);
          if ("problem" in made) return;
          onMade(made.id);
          setName("");
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
