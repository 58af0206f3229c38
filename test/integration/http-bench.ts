import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { z } from "zod";
import { createWaybill, defineJob, memoryStore, PermanentError } from "../../src/index.js";
import { jobRoutes } from "../../src/http.js";
import { recordingLogger } from "../support/engine.js";

/** In input, reference, worker's name, failure, actor and metadata of jobs: it must never be seen outside. */
export const CANARY = "canary-5f2d";

export const report = defineJob({
  kind: "report.make",
  input: z.object({ pages: z.array(z.number()), note: z.string().optional(), end: z.string().optional() }),
  output: z.object({ url: z.string() }),
  progress: z.object({ done: z.number() }),
  phases: ["reading"],
  subject: ({ pages }) => `report:${String(pages.length)}`,
  words: {
    PENDING: "waiting",
    QUEUED: "waiting",
    PROCESSING: "working",
    COMPLETED: "ready",
    FAILED: "failed",
  },
  retry: { maxAttempts: 1 },
});
/** Visible, and not for the outside to start. */
export const nightly = defineJob({
  kind: "nightly.sweep",
  input: z.object({ note: z.string() }),
  external: z.object({ handle: z.string() }),
  project: { actor: (actor) => actor.slice(0, 3) },
});
/** Not visible. */
export const secret = defineJob({ kind: "secret.job", input: z.object({ note: z.string() }) });

const jobs = [report, nightly, secret] as const;

/** A Waybill with its routes; nothing runs until `work` is called. */
export function httpBench(options: { readonly maxWaits?: number; readonly maxBodyBytes?: number } = {}) {
  const { logger, lines } = recordingLogger();
  const store = memoryStore();
  const waybill = createWaybill({ jobs, store, logger });
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const worker = waybill.worker(
    [
      report.handle(async ({ input, phase, progress }) => {
        phase("reading");
        progress({ done: 1 });
        await gate;
        if (input.end === "failed") throw new PermanentError(CANARY, { code: CANARY });
        return { url: "https://files.example/1" };
      }),
      nightly.handle({ run: ({ track }) => track({ handle: CANARY }), poll: () => ({ state: "open" }) }),
    ],
    { name: CANARY },
  );
  let running: Promise<void> | null = null;
  const routes = jobRoutes(waybill, {
    kinds: [report, nightly],
    submit: [report],
    authorize: (request) => {
      const owner = request.headers.get("authorization");
      if (owner === "nobody") return { owner: "" };
      if (owner === "down") throw new Error(CANARY);
      if (owner === "expired") return { owner: "ann", expiresAt: new Date(0) };
      return owner === null
        ? null
        : { owner, actor: `${owner}-${CANARY}`, sees: owner === "boss" ? "all" : "own" };
    },
    ...options,
  });
  return {
    waybill,
    store,
    lines,
    routes,
    work: (): void => {
      running ??= worker.run();
    },
    finish: (): void => {
      release();
    },
    async close(): Promise<void> {
      release();
      await worker.stop();
      await running;
      await waybill.close();
    },
  };
}

export interface Server {
  readonly url: string;
  close(): Promise<void>;
}

/** A server of node:http on a free port of this machine. */
export async function listening(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The routes behind node:http, as their page says. */
export function served(routes: (request: Request) => Promise<Response>): Promise<Server> {
  const listener = getRequestListener(routes);
  return listening((incoming, outgoing) => void listener(incoming, outgoing));
}
