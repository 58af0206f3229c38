import { type ReactNode, useEffect, useState } from "react";
import { LoadingSpinner } from "waybill/react";
import { useConnection } from "./page-store.js";

/** What stands around each page: where you are, how fresh it is, and the way past both. */
export function Shell({ crumbs, children }: { readonly crumbs: ReactNode; readonly children: ReactNode }) {
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header>
        <nav aria-label="Where you are">{crumbs}</nav>
        <ConnectionLine />
      </header>
      <main id="main">{children}</main>
    </>
  );
}

function ConnectionLine() {
  const { state, pollMs, heardAt } = useConnection();
  const now = useNow();
  const ago = heardAt === null ? "" : ` · last update ${secondsBetween(heardAt, now)} s ago`;
  const said = {
    idle: "Live",
    connecting: "Connecting",
    live: "Live",
    polling: `Updating every ${Math.round((pollMs ?? 5_000) / 1_000)} s`,
    reconnecting: `Reconnecting${ago}`,
    offline: `Offline · as of ${clock(heardAt)}`,
    refused: "Not signed in",
  }[state];
  return (
    <p className="connection" data-state={state}>
      {said}
    </p>
  );
}

function secondsBetween(instant: Date, now: number): number {
  return Math.max(0, Math.round((now - instant.getTime()) / 1_000));
}

/** The instant, once a second. */
function useNow(): number {
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

export function clock(instant: string | Date | null): string {
  if (instant === null) return "–";
  return new Date(instant).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

/** Runs what failed again, and says so when that cannot be done. */
export function TryAgain({ run }: { readonly run: () => Promise<string | null> }) {
  const [state, setState] = useState<{ readonly busy: boolean; readonly problem: string | null }>({
    busy: false,
    problem: null,
  });
  const offline = useConnection().state === "offline";
  return (
    <>
      <button
        type="button"
        disabled={state.busy || offline}
        onClick={() => {
          setState({ busy: true, problem: null });
          void run().then((problem) => {
            setState({ busy: false, problem });
          });
        }}
      >
        {state.busy ? <LoadingSpinner size="sm" label="Asking" /> : null} Try again
      </button>
      {state.problem === null ? null : <span className="problem">{state.problem}</span>}
    </>
  );
}
