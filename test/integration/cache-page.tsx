// The recipes of docs/client.md in a page: caches of others, which show what they are told.
import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { type ReactElement, StrictMode, useEffect, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import type { JobView } from "../../src/core/api/view.js";
import { keepJob, store } from "../types/client-recipes.js";
import type { ingest } from "../types/sample-jobs.js";

type View = JobView<typeof ingest>;

const page = globalThis as unknown as {
  readonly document: { getElementById(id: string): Element };
  mount(): void;
};

const queries = new QueryClient();
const subscribe = (changed: () => void): (() => void) => store.subscribe(changed);
const getState = () => store.getState();
// What a fetch of the application's own would bring is what was heard: the recipe puts it there.
const nothing = (): Promise<View | null> => Promise.resolve(null);

function Caches(): ReactElement {
  const { data = null } = useQuery({ queryKey: ["jobs", "a"], queryFn: nothing, enabled: false });
  const jobs = useSyncExternalStore(subscribe, getState);
  useEffect(() => keepJob(queries, "a"), []);
  const known = [...jobs.values()].map(({ id, status, version }) => `${id} ${status} ${version}`).sort();
  return (
    <main>
      <p id="query">{data === null ? "none" : `${data.status} ${data.version}`}</p>
      <p id="redux">{known.join()}</p>
    </main>
  );
}

page.mount = () => {
  createRoot(page.document.getElementById("root")).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <Caches />
      </QueryClientProvider>
    </StrictMode>,
  );
};
