import { useEffect, useState } from "react";
import { createClient } from "waybill/client";
import { createHooks } from "waybill/react";
import { shellOf } from "../../shell/shell.js";
import type { ExecutionRecord } from "../execution-record.js";
import type { recover } from "../recovery.job.js";

export type Recover = typeof recover;
export const client = createClient<Recover>({ baseUrl: "/jobs" });
export const { useConnection, useJob, useJobs, useLatestJob, useSubmit } = createHooks(client);
export const Shell = shellOf(useConnection);

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
