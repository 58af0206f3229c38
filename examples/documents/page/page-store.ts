import { useMemo, useSyncExternalStore } from "react";
import { createClient } from "waybill/client";
import { createHooks } from "waybill/react";
import { shellOf } from "../../shell/shell.js";
import { type Kinds, openStore, type Rows, type State } from "./store.js";

const client = createClient<Kinds>({ baseUrl: "/jobs" });
export const { useConnection, useJobs, useLatestJob } = createHooks(client);
export const Shell = shellOf(useConnection);

async function readRows(): Promise<Rows> {
  const [workspaces, documents] = await Promise.all(
    ["workspaces", "documents"].map(async (name) => {
      const answer = await fetch(`/api/${name}`);
      if (!answer.ok) throw new Error(`The rows of ${name} could not be read.`);
      return answer.json();
    }),
  );
  return { workspaces, documents } as Rows;
}

/** The store of this page. */
export const store = openStore(client, readRows);
const subscribe = (changed: () => void): (() => void) => store.subscribe(changed);
const getState = (): State => store.getState();
void store.refresh().catch(() => undefined);

/** What the page keeps; the same object until something changes. */
export function useStore(): State {
  return useSyncExternalStore(subscribe, getState, getState);
}

/** What this document is called, and where it is. */
export function useDocument(id: string) {
  const { rows } = useStore();
  return useMemo(() => rows?.documents.find((row) => row.id === id) ?? null, [rows, id]);
}

/** What was asked for: the id of what there is now, or what went wrong. */
export type Made = { readonly id: string } | { readonly problem: string };

/** Asks for what failed to be run again. Returns what went wrong; `null`: nothing. */
export async function tryAgain(kind: "documents" | "workspaces", id: string): Promise<string | null> {
  const made = await post(`/api/${kind}/${id}/again`);
  return "problem" in made ? made.problem : null;
}

export async function makeWorkspace(name: string): Promise<Made> {
  return post(`/api/workspaces?name=${encodeURIComponent(name)}`);
}

async function post(path: string): Promise<Made> {
  try {
    const answer = await fetch(path, { method: "POST" });
    if (!answer.ok) return { problem: ((await answer.json()) as { readonly detail: string }).detail };
    const made = (await answer.json()) as { readonly id: string };
    await store.refresh();
    return made;
  } catch {
    return { problem: "It did not get through. Nothing is lost: try it again." };
  }
}
