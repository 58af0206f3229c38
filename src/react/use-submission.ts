import { useCallback, useRef, useState } from "react";
import type { Client } from "../client/api.js";
import type { AnyDef } from "../core/define/any-def.js";
import type { Submission } from "./hooks.js";

type State = Pick<Submission<AnyDef>, "isSubmitting" | "error" | "job">;

const IDLE: State = { isSubmitting: false, error: null, job: null };

/** `null`: it is no JSON, which is for the client to refuse. */
function keyOf(call: unknown): string | null {
  try {
    return JSON.stringify(call);
  } catch {
    return null;
  }
}

/** One submission after another of a kind, as a form shows it. */
export function useSubmission(client: Client<AnyDef>, kind: string): Submission<AnyDef> {
  const [state, setState] = useState(IDLE);
  const underWay = useRef<{
    readonly key: string | null;
    readonly call: ReturnType<Submission<AnyDef>["submit"]>;
  } | null>(null);

  const submit = useCallback<Submission<AnyDef>["submit"]>(
    (input, options) => {
      const key = keyOf([kind, input, options]);
      if (key !== null && underWay.current?.key === key) return underWay.current.call;
      const call = client.submit(kind, input, options);
      underWay.current = { key, call };
      setState({ ...IDLE, isSubmitting: true });
      const end = (outcome: Partial<State>): void => {
        // A later call, or a reset, is what the form shows by now.
        if (underWay.current?.call !== call) return;
        underWay.current = null;
        setState({ ...IDLE, ...outcome });
      };
      call.then(
        (result) => {
          end(result.ok ? { job: result.value } : { error: result.error });
        },
        (error: unknown) => {
          end({ error: error as State["error"] });
        },
      );
      return call;
    },
    [client, kind],
  );

  const reset = useCallback(() => {
    underWay.current = null;
    setState(IDLE);
  }, []);

  return { ...state, submit, reset };
}
