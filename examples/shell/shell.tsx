import { type ReactNode, useEffect, useState } from "react";
import type { Connection } from "waybill/client";
import { LoadingSpinner, StatusBadge } from "waybill/react";
import { document } from "./browser.js";
import { ago, clock, useNow } from "./time.js";

interface ShellProps {
  /** Where one is, links before it; the one that leads a step back has the class `back`. */
  readonly crumbs: ReactNode;
  readonly children: ReactNode;
}

/** What stands around each page: where one is, how fresh it is, and the way past both. */
export function shellOf(useConnection: () => Connection) {
  return function Shell({ crumbs, children }: ShellProps) {
    return (
      <>
        <a className="skip" href="#main">
          Skip to content
        </a>
        <header>
          <nav aria-label="Where you are">{crumbs}</nav>
          <ConnectionLine {...useConnection()} />
        </header>
        <main id="main" tabIndex={-1}>
          {children}
        </main>
      </>
    );
  };
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
function ConnectionLine({ state, pollMs, heardAt }: Connection) {
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

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
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
