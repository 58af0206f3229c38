import { legacy_createStore as createStore, type Store } from "redux";
import { applyNewer, type Client, type JobChanges } from "waybill/client";
import type { ingest, provision } from "../documents.jobs.js";
import type { DocumentRow, WorkspaceRow } from "../tables.js";
import { NAMES } from "./words.js";

export type Kinds = typeof ingest | typeof provision;
export type PageClient = Pick<Client<Kinds>, "jobs">;

/** A job as lists show it. */
export type Listed = ReturnType<ReturnType<PageClient["jobs"]>["getSnapshot"]>["jobs"][number];
export type DocumentJob = Extract<Listed, { readonly kind: "document.process" }>;
export type WorkspaceJob = Extract<Listed, { readonly kind: "workspace.provision" }>;

/** Rows as they come over the wire. */
type Wire<Row> = { readonly [K in keyof Row]: Row[K] extends Date ? string : Row[K] };
export type Workspace = Wire<WorkspaceRow>;
export type Document = Wire<DocumentRow>;
export interface Rows {
  readonly workspaces: readonly Workspace[];
  readonly documents: readonly Document[];
}

export interface State {
  /** `null`: not read yet. */
  readonly rows: Rows | null;
  /** The newest job about each document and workspace, by subject. */
  readonly jobs: ReadonlyMap<string, Listed>;
}

interface Changed {
  readonly type: "document_status" | "workspace_status" | "status";
  readonly changes: JobChanges<Listed>;
}
type Action = Changed | { readonly type: "rows"; readonly rows: Rows } | { readonly type: "@@INIT" };

const EMPTY: State = { rows: null, jobs: new Map() };

/** A job that is run again is a new one: the newest about a subject is shown, and of one job the highest version. */
export function reduce(state: State = EMPTY, action: Action): State {
  if ("rows" in action) return { ...state, rows: action.rows };
  if (!("changes" in action)) return state;
  const { jobs, gone, snapshot, reset } = action.changes;
  const next = new Map(snapshot ? [] : state.jobs);
  for (const [subject, { id }] of next) if (gone.includes(id)) next.delete(subject);
  for (const job of jobs)
    next.set(job.subject ?? job.id, applyNewer(next.get(job.subject ?? job.id), job, reset));
  return { ...state, jobs: next };
}

/** Names a batch after what is in it: `document_status` where all are of documents. */
function typeOf({ jobs }: JobChanges<Listed>): Changed["type"] {
  const kinds = new Set(jobs.map(({ kind }) => kind));
  const [kind] = kinds;
  return kinds.size === 1 && kind !== undefined ? `${NAMES[kind]}_status` : "status";
}

/** What the page keeps of documents and workspaces. */
export interface PageStore extends Store<State, Action> {
  /** Listens; returns how to stop, which the page does when it is left. */
  readonly listen: () => () => void;
  /** Reads the rows again: names, places and counts are not in the jobs. */
  readonly refresh: () => Promise<void>;
}

/** @param readRows - asks the application for this user's rows */
export function openStore(client: PageClient, readRows: () => Promise<Rows>): PageStore {
  const store = createStore<State, Action>(reduce);
  const refresh = async (): Promise<void> => {
    store.dispatch({ type: "rows", rows: await readRows() });
  };
  const changed = (changes: JobChanges<Listed>): void => {
    store.dispatch({ type: typeOf(changes), changes });
    // Of one that is new here or has ended, the row has more to say. As known before, where it cannot be read: the next
    // change asks again.
    if (changes.jobs.some(({ status }) => status === "PENDING" || status === "COMPLETED"))
      void refresh().catch(() => undefined);
  };
  return { ...store, refresh, listen: () => client.jobs().subscribe(changed) };
}
