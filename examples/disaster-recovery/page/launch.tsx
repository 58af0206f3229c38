import { useRef, useState } from "react";
import { LoadingSpinner } from "waybill/react";
import { useConnection, useSubmit } from "./client.js";
import { type ExecutionType, type PlanId, PLANS, TYPES } from "./words.js";

type Dialog = HTMLDialogElement & { showModal(): void };

export interface LaunchProps {
  readonly planId: PlanId;
  /** What each button launches, with what it says. */
  readonly buttons: readonly (readonly [ExecutionType, string])[];
  readonly onLaunched: (id: string) => void;
}

/** Buttons that launch six servers: a drill at once, everything else after a question. */
export function Launch({ planId, buttons, onLaunched }: LaunchProps) {
  const { submit, isSubmitting, error } = useSubmit("dr.recover");
  const isOffline = useConnection().state === "offline";
  const [pressed, setPressed] = useState<ExecutionType>("DRILL");
  const dialog = useRef<Dialog>(null);
  const launch = (type: ExecutionType): void => {
    submit({ planId, type })
      .then((result) => {
        if (result.ok) onLaunched(result.value.id);
      })
      // Shown by `error`.
      .catch(() => undefined);
  };
  const press = (type: ExecutionType): void => {
    setPressed(type);
    if (type === "DRILL") launch(type);
    else dialog.current?.showModal();
  };
  return (
    <div className="actions">
      {buttons.map(([type, label], index) => (
        <button
          key={type}
          type="button"
          className={index === 0 ? "primary" : ""}
          disabled={isSubmitting || isOffline}
          onClick={() => {
            press(type);
          }}
        >
          {isSubmitting && pressed === type ? <LoadingSpinner size="sm" label="Submitting" /> : null} {label}
        </button>
      ))}
      {isOffline ? <p className="note">Offline: nothing can be started from here.</p> : null}
      {error === null ? null : (
        <p className="problem">
          {error.outcome === "not_applied"
            ? "It could not be started. Nothing was launched."
            : "The server did not answer. Look at the list before you try again."}
        </p>
      )}
      <dialog ref={dialog} aria-labelledby="ask">
        <h2 id="ask">
          {TYPES[pressed]} of {PLANS[planId]}?
        </h2>
        <p>Six servers will be launched.</p>
        <form method="dialog">
          <button autoFocus>Cancel</button>
          <button
            className="primary"
            onClick={() => {
              launch(pressed);
            }}
          >
            Launch six servers
          </button>
        </form>
      </dialog>
    </div>
  );
}
