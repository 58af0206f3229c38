// The recipes of docs/client.md and docs/react.md: test/unit/client-docs.test.ts holds the pages to this text.
import type { QueryClient } from "@tanstack/react-query";
import { type Action, legacy_createStore as createStore } from "redux";
import type { JobView } from "../../src/core/api/view.js";
import { applyNewer, createClient, type JobChanges } from "../../src/client.js";
import type { ingest } from "./sample-jobs.js";

const client = createClient<typeof ingest>({ baseUrl: "/jobs" });

// recipe: redux
type Ingest = ReturnType<ReturnType<typeof client.jobs>["getSnapshot"]>["jobs"][number];
type Changed = Action<"jobs/changed"> & { readonly changes: JobChanges<Ingest> };

export const store = createStore(
  (state: ReadonlyMap<string, Ingest> = new Map(), action: Changed | Action) => {
    if (!("changes" in action)) return state;
    const { jobs, gone, snapshot, reset } = action.changes;
    const next = new Map(snapshot ? [] : state);
    for (const id of gone) next.delete(id);
    for (const job of jobs) next.set(job.id, applyNewer(next.get(job.id), job, reset));
    return next;
  },
);

client.jobs().subscribe((changes) => store.dispatch({ type: "jobs/changed", changes }));
// end

// recipe: tanstack
export function keepJob(queryClient: QueryClient, id: string): () => void {
  const job = client.job("document.ingest", id);
  return job.subscribe(() => {
    const { job: view } = job.getSnapshot();
    if (view !== null) {
      queryClient.setQueryData<JobView<typeof ingest>>(["jobs", id], (old) => applyNewer(old, view));
    }
  });
}
// end
