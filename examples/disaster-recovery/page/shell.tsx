import { type ReactNode, useEffect, useState } from "react";
import { createClient } from "waybill/client";
import { createHooks, LoadingSpinner, StatusBadge } from "waybill/react";
import type { ExecutionRecord } from "../execution-record.js";
import type { recover } from "../recovery.job.js";
import { ago, clock } from "./words.js";

export type Recover = typeof recover;
export const client = createClient<Recover>({ baseUrl: "/jobs" });
export const { useConnection, useJob, useJobs, useLatestJob, useSubmit } = createHooks(client);

/** What the page needs of a browser, whose types the rest of the repository does without. */
const { document } = globalThis as unknown as { readonly document: { title: string } };
export const { location } = globalThis as unknown as {
  readonly location: { readonly pathname: string; assign(url: string): void };
};

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
}

/** The instant, once a second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
    }, 1_000);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return now;
}

/** What the application's own API says, asked for again with each `version`; `null`: nothing yet. */
export function useOwn<T>(url: string, version: string | number, read: (json: unknown) => T): T | null {
  const [own, setOwn] = useState<T | null>(null);
  useEffect(() => {
    const ending = new AbortController();
    fetch(url, { signal: ending.signal })
      .then(async (answer) => (answer.ok ? read(await answer.json()) : null))
      .then((next) => {
        if (next !== null) setOwn(next);
      })
      // As known before: the next version asks again.
      .catch(() => undefined);
    return () => {
      ending.abort();
    };
  }, [url, version]);
  return own;
}

/** What was ordered and by whom, which no view of a job shows, and the counters of the end. */
export function useRecord(id: string, status: string): ExecutionRecord | null {
  return useOwn(`/records/${id}`, status, (json) => json as ExecutionRecord);
}

const CONNECTION_LABELS = {
  idle: "Up to date",
  connecting: "Connecting",
  live: "Live",
  polling: "Updating",
  reconnecting: "Reconnecting",
  offline: "Offline",
  refused: "Not signed in",
} as const;

/** A badge too: its changes are said to those who do not see it. */
function ConnectionLine() {
  const { state, pollMs, heardAt } = useConnection();
  const now = useNow();
  const more = {
    polling: `every ${Math.round((pollMs ?? 5_000) / 1_000)} s`,
    reconnecting: heardAt === null ? null : `· last update ${ago(heardAt, now)}`,
    offline: heardAt === null ? null : `· as of ${clock(heardAt, true)}`,
  };
  const message = state in more ? more[state as keyof typeof more] : null;
  return (
    <StatusBadge
      // That a page has found its connection is no news to anybody.
      key={state === "idle" || state === "connecting" ? "before" : "after"}
      className="connection"
      status={state}
      labels={CONNECTION_LABELS}
      message={message}
    />
  );
}

/** Nothing for 300 ms: most loads end before anybody needs to be told. */
export function Loading() {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      setLate(true);
    }, 300);
    return () => {
      clearTimeout(timer);
    };
  }, []);
  return <div className="loading">{late ? <LoadingSpinner size="md" /> : null}</div>;
}

export function Shell({ crumb, children }: { readonly crumb: ReactNode; readonly children: ReactNode }) {
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header>
        <nav aria-label="Where you are">{crumb}</nav>
        <ConnectionLine />
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}
