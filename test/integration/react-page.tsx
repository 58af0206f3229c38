import { type ReactElement, StrictMode } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { createClient } from "../../src/client.js";
import type { ingest } from "../types/sample-jobs.js";
import { createHooks } from "../../src/react.js";
import { App, Gallery } from "./react-app.js";

// What the tests call, in the page.
const page = globalThis as unknown as {
  readonly document: { getElementById(id: string): Element };
  readonly location: { readonly href: string };
  readonly initial?: string;
  mount(options?: { leave?: boolean }): void;
  hydrate(): void;
  gallery(): void;
  unmount(): void;
  settled: string[];
  client: unknown;
};

page.settled = [];
const transports = new URL(page.location.href).searchParams.get("transport") as "sse" | "poll" | null;
const client = createClient<typeof ingest>({
  baseUrl: `${new URL(page.location.href).origin}/jobs`,
  ...(transports && { transports: [transports] }),
});
page.client = client;
const hooks = createHooks(client);
const onSettled = (job: { readonly id: string }): void => void page.settled.push(job.id);
const app: ReactElement = (
  <StrictMode>
    <App hooks={hooks} onSettled={onSettled} initial={page.initial} />
  </StrictMode>
);
let root: ReturnType<typeof createRoot> | undefined;

page.mount = ({ leave = false } = {}) => {
  root = createRoot(page.document.getElementById("root"));
  root.render(app);
  if (leave) root.unmount();
};
page.hydrate = () => {
  root = hydrateRoot(page.document.getElementById("root"), app);
};
page.gallery = () => {
  root = createRoot(page.document.getElementById("root"));
  root.render(<Gallery />);
};
page.unmount = () => root?.unmount();
