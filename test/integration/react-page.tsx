import { type ReactElement, StrictMode, Suspense } from "react";
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
  /** As `mount`, beside something that is not there yet; `suspend` takes it away again. */
  mountSuspended(): void;
  suspend(): void;
  resume(): void;
  hydrate(): void;
  /** Shows another job in the place of the one that is shown. */
  select(id: string): void;
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

let resume = (): void => undefined;
let late: Promise<void> | null = null;
page.suspend = () => {
  late = new Promise((resolve) => (resume = resolve));
  showSuspended();
};
page.resume = () => {
  late = null;
  resume();
};
/** Throws what it waits for, which React of any version takes. */
function Late(): ReactElement {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- what a component that waits does
  if (late !== null) throw late;
  return <p id="late">There</p>;
}
function showSuspended(): void {
  root?.render(
    <StrictMode>
      <Suspense fallback={<p id="fallback">Waiting</p>}>
        <Late />
        <App hooks={hooks} onSettled={onSettled} />
      </Suspense>
    </StrictMode>,
  );
}
page.mountSuspended = () => {
  root = createRoot(page.document.getElementById("root"));
  page.suspend();
};
page.hydrate = () => {
  root = hydrateRoot(page.document.getElementById("root"), app);
};
page.select = (id) => {
  root?.render(
    <StrictMode>
      <App hooks={hooks} onSettled={onSettled} id={id} />
    </StrictMode>,
  );
};
page.gallery = () => {
  root = createRoot(page.document.getElementById("root"));
  root.render(<Gallery />);
};
page.unmount = () => root?.unmount();
