import type { Server } from "node:http";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { jobRoutes } from "waybill/http";
import { websocketGateway } from "waybill/websocket";
import { executionRecord } from "../execution-record.js";
import type { RecoveryWaybill } from "../open-waybill.js";
import { recover } from "../recovery.job.js";

const HTML = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Recovery</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/style.css"><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/app.js"></script></html>`;

export interface PageServer {
  answer(request: Request): Promise<Response>;
  /** Takes the upgrades of this server to WebSockets. */
  attach(server: Server): void;
  close(): Promise<void>;
}

/** Stands for the application's own session. */
function authorize(request: Request) {
  const [, owner = "ana"] = /(?:^|; )user=(\w+)/.exec(request.headers.get("cookie") ?? "") ?? [];
  return { owner, actor: owner };
}

/** The page and what it asks: jobs over HTTP and WebSocket, and records. */
export async function openPage(waybill: RecoveryWaybill, origin: string): Promise<PageServer> {
  const access = { kinds: [recover], authorize };
  const jobs = jobRoutes(waybill, { ...access, submit: [recover], basePath: "/jobs" });
  const gateway = websocketGateway(waybill, { ...access, allowedOrigins: [origin], path: "/jobs" });
  const read = (name: string) => readFile(new URL(name, import.meta.url), "utf8");
  const [bundle, ...styles] = await Promise.all([
    build({
      entryPoints: [fileURLToPath(new URL("app.tsx", import.meta.url))],
      ...{ bundle: true, write: false, format: "esm", minify: true, jsx: "automatic" },
      define: { "process.env.NODE_ENV": '"production"' },
    }),
    read("style.css"),
    read("execution.css"),
  ]);
  const record = async (request: Request, id: string): Promise<Response> => {
    const job = await waybill.get(recover, id, { owner: authorize(request).owner });
    return job === null ? new Response(null, { status: 404 }) : Response.json(executionRecord(job));
  };
  return {
    async answer(request) {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/jobs")) return jobs(request);
      if (pathname.startsWith("/records/")) return record(request, pathname.slice("/records/".length));
      if (pathname === "/app.js") return file(bundle.outputFiles[0]?.contents ?? "", "text/javascript");
      if (pathname === "/style.css") return file(styles.join(""), "text/css");
      return file(HTML, "text/html");
    },
    attach: (server) => {
      gateway.attach(server);
    },
    close: () => gateway.close(),
  };
}

function file(body: string | Uint8Array, type: string): Response {
  return new Response(body as string, { headers: { "content-type": `${type}; charset=utf-8` } });
}
