// The process that people's pages talk to: the job API and the WebSocket rooms, their rows, and the page itself.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { getRequestListener } from "@hono/node-server";
import { build } from "esbuild";
import { jobRoutes } from "waybill/http";
import { websocketGateway } from "waybill/websocket";
import { ingest, provision } from "./documents.jobs.js";
import { openWaybill } from "./open-waybill.js";
import { answerApi } from "./service.js";

const { waybill, pool, prepare, close } = openWaybill();
const port = Number(process.env["API_PORT"]);
const origin = `http://127.0.0.1:${String(port)}`;

/** Stands for the application's own sessions: a secret for each user. */
const sessions = new Map(
  Object.entries(JSON.parse(process.env["SESSIONS"] ?? "{}") as Record<string, string>),
);

/** Whose a request is, by its cookie or its token, and by nothing else. */
function authorize(request: Request) {
  const [, bearer] = /^Bearer (\S+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
  const [, cookie] = /(?:^|; )session=([\w-]+)/.exec(request.headers.get("cookie") ?? "") ?? [];
  const owner = sessions.get(bearer ?? cookie ?? "");
  return owner === undefined ? null : { owner, actor: owner };
}

const access = { kinds: [ingest, provision], authorize };
// Documents come with their bytes, over the application's own routes: nothing is submitted from outside.
const jobs = jobRoutes(waybill, { ...access, submit: [], basePath: "/jobs" });
const gateway = websocketGateway(waybill, { ...access, allowedOrigins: [origin], path: "/jobs" });

const page = fileURLToPath(new URL("page/", import.meta.url));
const STYLES: ReadonlySet<string> = new Set(["/style.css", "/components.css"]);
let bundle: Promise<Uint8Array> | null = null;

/** Made when it is first asked for. */
function bundled(): Promise<Uint8Array> {
  bundle ??= build({
    entryPoints: [`${page}app.tsx`],
    ...{ bundle: true, write: false, format: "esm", minify: true, jsx: "automatic" },
    define: { "process.env.NODE_ENV": '"production"' },
  }).then(({ outputFiles }) => outputFiles[0]?.contents ?? new Uint8Array());
  return bundle;
}

const HTML = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Documents</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/style.css"><link rel="stylesheet" href="/components.css"><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/app.js"></script></html>`;

async function answer(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/jobs" || pathname.startsWith("/jobs/")) return jobs(request);
  if (pathname === "/app.js") return file(await bundled(), "text/javascript");
  if (STYLES.has(pathname)) return file(await readFile(page + pathname.slice(1)), "text/css");
  const session = searchParams.get("session");
  if (session !== null) return signIn(session);
  if (!pathname.startsWith("/api/")) return file(HTML, "text/html");
  const principal = authorize(request);
  if (principal === null) return new Response(null, { status: 401 });
  return answerApi({ waybill, pool }, principal.owner, request);
}

/** Out of the address, where others would see it. */
function signIn(session: string): Response {
  const cookie = `session=${encodeURIComponent(session)}; HttpOnly; SameSite=Lax; Path=/`;
  return new Response(null, { status: 303, headers: { location: "/", "set-cookie": cookie } });
}

function file(body: string | Uint8Array, type: string): Response {
  return new Response(body as string, { headers: { "content-type": `${type}; charset=utf-8` } });
}

await prepare();
const server = createServer(getRequestListener(answer) as never);
gateway.attach(server);
server.listen(port, "127.0.0.1", () => process.send?.("ready"));
process.once("SIGTERM", () => {
  server.close();
  server.closeIdleConnections();
  void gateway.close().then(close);
});
