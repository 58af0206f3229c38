import { useState } from "react";
import { LoadingSpinner } from "waybill/react";
import { useConnection } from "./page-store.js";

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
      {offline ? <span className="note">Offline: it cannot be tried from here.</span> : null}
      {state.problem === null ? null : <span className="problem">{state.problem}</span>}
    </>
  );
}
