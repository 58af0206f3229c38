import * as react from "react";
import { useEffect, useMemo, useRef } from "react";
import type { AnyDef } from "../core/define/any-def.js";
import type { Client, KindArg } from "../client/api.js";
import type { Store } from "../client/snapshot.js";
import type { Hooks } from "./hooks.js";
import { useSubmission } from "./use-submission.js";

/** What the hooks themselves read of a view. */
interface ShownJob {
  readonly id: string;
  readonly subject: string | null;
  readonly version: number;
  readonly status: string;
}

interface Shown {
  readonly state: string;
  readonly job: ShownJob | null;
  readonly error?: unknown;
}

interface Options {
  readonly initial?: ShownJob | null;
  readonly onSettled?: (job: ShownJob) => unknown;
}

const LOADING: Shown = { state: "loading", job: null };
const NO_JOBS_YET = { state: "loading", jobs: [] } as const;
/** Where there is no job to look at yet. */
const NOTHING: Store<Shown> = { subscribe: () => () => undefined, getSnapshot: () => LOADING };

/**
 * Makes the hooks of a client; no provider is needed. Call it once, in a module.
 *
 * They render again when what they show changes, and at no other time; all of them share the client's one connection.
 *
 * @throws {TypeError} React is older than 18
 */
export function createHooks<D extends AnyDef>(client: Client<D>): Hooks<D> {
  if (typeof (react.useSyncExternalStore as unknown) !== "function")
    throw new TypeError("createHooks needs React 18 or later; an older one is installed.");
  // The client's stores, without the types of a kind: `Hooks` gives them back.
  const { job, latest, jobs, connection } = client as unknown as {
    readonly job: (kind: KindArg<string>, id: string) => Store<Shown>;
    readonly latest: (kind: KindArg<string>, subject: string) => Store<Shown>;
    readonly jobs: (filter: object) => Store<unknown>;
    readonly connection: Store<object>;
  };
  // As a server shows it, where nobody listens.
  const idle = Object.freeze({ ...connection.getSnapshot(), state: "idle", pollMs: null, heardAt: null });
  const hooks = {
    useJob(kind: KindArg<string>, id: string | null, options?: Options) {
      const name = nameOf(kind);
      return useOne(
        useMemo(() => (id === null ? NOTHING : job(name, id)), [name, id]),
        options?.initial?.id === id,
        options,
      );
    },
    useLatestJob(kind: KindArg<string>, subject: string | null, options?: Options) {
      const name = nameOf(kind);
      return useOne(
        useMemo(() => (subject === null ? NOTHING : latest(name, subject)), [name, subject]),
        subject !== null && options?.initial?.subject === subject,
        options,
        true,
      );
    },
    useJobs({ kind, subject, limit }: { kind?: KindArg<string>; subject?: string; limit?: number } = {}) {
      const name = kind === undefined ? undefined : nameOf(kind);
      return useStore(
        useMemo(() => jobs({ kind: name, subject, limit }), [name, subject, limit]),
        NO_JOBS_YET,
      );
    },
    useSubmit: (kind: KindArg<string>) => useSubmission(client, nameOf(kind)),
    useConnection: () => useStore(connection, idle),
  };
  return hooks as unknown as Hooks<D>;
}

function nameOf(kind: KindArg<string>): string {
  return typeof kind === "object" ? kind.kind : kind;
}

/** @param first - what the server rendered: a part of a page may be hydrated when the client has long heard of jobs */
function useStore<T>({ subscribe, getSnapshot }: Store<T>, first: T): T {
  return react.useSyncExternalStore(subscribe, getSnapshot, () => first);
}

/**
 * @param isMeant - `initial` is what is asked for: the page may have gone on to another job since the server rendered it
 * @param isLatest - it is of a subject: after the end of one job there may be another
 */
function useOne(
  store: Store<Shown>,
  isMeant: boolean,
  { initial, onSettled }: Options = {},
  isLatest = false,
): Shown {
  const first = useFirst(isMeant ? (initial ?? null) : null, isLatest);
  const kept = useRef(LOADING);
  const now = (): Shown => {
    const shown = store.getSnapshot();
    if (first === null || shown.job !== null || shown.state === "missing") return shown;
    // What is final needs nobody any more, whoever refuses.
    if (shown.error === undefined || first.state === "final") return first;
    if (kept.current.error !== shown.error || kept.current.job !== first.job)
      kept.current = Object.freeze({ ...shown, job: first.job });
    return kept.current;
  };
  const shown = react.useSyncExternalStore(store.subscribe, now, () => first ?? LOADING);
  useSettled(shown.job, onSettled);
  return shown;
}

/** What the server rendered, as a snapshot: one object for one version, though its owner makes a new one each time. */
function useFirst(initial: ShownJob | null, isLatest: boolean): Shown | null {
  const last = useRef<Shown | null>(null);
  const { id, version } = last.current?.job ?? {};
  if (initial === null) last.current = null;
  else if (initial.id !== id || initial.version !== version) {
    const state = isFinal(initial) && !isLatest ? "final" : "reconnecting";
    last.current = Object.freeze({ state, job: initial });
  }
  return last.current;
}

function useSettled(job: ShownJob | null, onSettled: Options["onSettled"]): void {
  const told = useRef(new Set<string>());
  const newest = useRef(onSettled);
  useEffect(() => {
    newest.current = onSettled;
  });
  useEffect(() => {
    if (job === null || !isFinal(job) || told.current.has(job.id)) return;
    told.current.add(job.id);
    // In a promise: what it throws, at once or later, ends no rendering.
    new Promise((resolve) => {
      resolve(newest.current?.(job));
    }).catch((error: unknown) => {
      console.error(error);
    });
  }, [job]);
}

function isFinal({ status }: ShownJob): boolean {
  return status === "COMPLETED" || status === "FAILED";
}
