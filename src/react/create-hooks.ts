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
  readonly version: number;
  readonly status: string;
}

interface Shown {
  readonly state: string;
  readonly job: ShownJob | null;
}

interface Options {
  readonly initial?: ShownJob | null;
  readonly onSettled?: (job: ShownJob) => unknown;
}

const LOADING: Shown = { state: "loading", job: null };
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
    readonly connection: Store<unknown>;
  };
  const hooks = {
    useJob(kind: KindArg<string>, id: string | null, options?: Options) {
      const name = nameOf(kind);
      return useOne(
        useMemo(() => (id === null ? NOTHING : job(name, id)), [name, id]),
        options,
      );
    },
    useLatestJob(kind: KindArg<string>, subject: string | null, options?: Options) {
      const name = nameOf(kind);
      return useOne(
        useMemo(() => (subject === null ? NOTHING : latest(name, subject)), [name, subject]),
        options,
      );
    },
    useJobs({ kind, subject, limit }: { kind?: KindArg<string>; subject?: string; limit?: number } = {}) {
      const name = kind === undefined ? undefined : nameOf(kind);
      return useStore(useMemo(() => jobs({ kind: name, subject, limit }), [name, subject, limit]));
    },
    useSubmit: (kind: KindArg<string>) => useSubmission(client, nameOf(kind)),
    useConnection: () => useStore(connection),
  };
  return hooks as unknown as Hooks<D>;
}

function nameOf(kind: KindArg<string>): string {
  return typeof kind === "object" ? kind.kind : kind;
}

function useStore<T>({ subscribe, getSnapshot }: Store<T>): T {
  return react.useSyncExternalStore(subscribe, getSnapshot, getSnapshot);
}

function useOne(store: Store<Shown>, { initial, onSettled }: Options = {}): Shown {
  const first = useFirst(initial ?? null);
  const now = (): Shown => {
    const shown = store.getSnapshot();
    return shown.state === "loading" ? (first ?? shown) : shown;
  };
  const shown = react.useSyncExternalStore(store.subscribe, now, () => first ?? LOADING);
  useSettled(shown.job, onSettled);
  return shown;
}

/** What the server rendered, as a snapshot: one object for one version, though its owner makes a new one each time. */
function useFirst(initial: ShownJob | null): Shown | null {
  const last = useRef<Shown | null>(null);
  const { id, version } = last.current?.job ?? {};
  if (initial === null) last.current = null;
  else if (initial.id !== id || initial.version !== version) {
    last.current = Object.freeze({ state: isFinal(initial) ? "final" : "reconnecting", job: initial });
  }
  return last.current;
}

function useSettled(job: ShownJob | null, onSettled: Options["onSettled"]): void {
  const told = useRef<string | null>(null);
  const newest = useRef(onSettled);
  useEffect(() => {
    newest.current = onSettled;
  });
  useEffect(() => {
    if (job === null || !isFinal(job) || told.current === job.id) return;
    told.current = job.id;
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
