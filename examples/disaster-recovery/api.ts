import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { getRequestListener } from "@hono/node-server";
import { build } from "esbuild";
import { jobRoutes } from "waybill/http";
import { websocketGateway } from "waybill/websocket";
import { executionRecord } from "./execution-record.js";
import { takeLaunchEvent } from "./launch-events.js";
import { openWaybill } from "./open-waybill.js";
import { recover } from "./recovery.job.js";

const { waybill, close } = openWaybill();
const port = Number(process.env["API_PORT"]);
const origin = `http://127.0.0.1:${String(port)}`;

/** Stands for the application's own session. */
function authorize(request: Request) {
  const [, owner = "ana"] = /(?:^|; )user=(\w+)/.exec(request.headers.get("cookie") ?? "") ?? [];
  return { owner, actor: owner };
}

const access = { kinds: [recover], authorize };
const jobs = jobRoutes(waybill, { ...access, submit: [recover], basePath: "/jobs" });
const gateway = websocketGateway(waybill, { ...access, allowedOrigins: [origin], path: "/jobs" });

const page = fileURLToPath(new URL("page/", import.meta.url));
const [bundle, style] = await Promise.all([
  build({
    entryPoints: [`${page}app.tsx`],
    ...{ bundle: true, write: false, format: "esm", minify: true, jsx: "automatic" },
    define: { "process.env.NODE_ENV": '"production"' },
  }),
  readFile(`${page}style.css`),
]);
const HTML = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Recovery</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/style.css"><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/app.js"></script></html>`;

async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/jobs")) return jobs(request);
  if (pathname === "/events") return events(request);
  if (pathname.startsWith("/records/")) return record(request, pathname.slice("/records/".length));
  if (pathname === "/app.js") return file(bundle.outputFiles[0]?.contents ?? "", "text/javascript");
  if (pathname === "/style.css") return file(style, "text/css");
  return file(HTML, "text/html");
}

function file(body: string | Uint8Array, type: string): Response {
  return new Response(body as string, { headers: { "content-type": `${type}; charset=utf-8` } });
}

async function record(request: Request, id: string): Promise<Response> {
  const job = await waybill.get(recover, id, { owner: authorize(request).owner });
  return job === null ? new Response(null, { status: 404 }) : Response.json(executionRecord(job));
}

/** From the service's own network. It tells again what was not answered with 2xx, as EventBridge does. */
async function events(request: Request): Promise<Response> {
  try {
    const { answer, again } = await takeLaunchEvent(waybill, await request.json().catch(() => null));
    return new Response(answer, { status: again ? 503 : 200 });
  } catch (error) {
    return new Response((error as { code?: string }).code ?? "error", { status: 503 });
  }
}

const server = createServer(getRequestListener(answer) as never);
gateway.attach(server);
server.listen(port, "127.0.0.1", () => process.send?.("ready"));
process.once("SIGTERM", () => {
  server.close();
  void gateway.close().then(close);
});
