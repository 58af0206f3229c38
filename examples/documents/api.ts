// The process that people's pages talk to: the job API and the WebSocket rooms, their rows, and the page itself.
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { jobRoutes } from "waybill/http";
import { websocketGateway } from "waybill/websocket";
import { pageFiles } from "../shell/files.js";
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

const files = pageFiles({
  title: "Documents",
  folder: new URL("page/", import.meta.url),
  styles: ["style.css"],
});

async function answer(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/jobs" || pathname.startsWith("/jobs/")) return jobs(request);
  const session = searchParams.get("session");
  if (session !== null) return signIn(session);
  // Only a page that somebody opened asks for its script.
  if (pathname === "/app.js") process.send?.("visited");
  if (!pathname.startsWith("/api/")) return files(pathname);
  const principal = authorize(request);
  if (principal === null) return new Response(null, { status: 401 });
  return answerApi({ waybill, pool }, principal.owner, request);
}

/** Out of the address, where others would see it. Where people come by https, the cookie is `Secure` too. */
function signIn(session: string): Response {
  const cookie = `session=${encodeURIComponent(session)}; HttpOnly; SameSite=Lax; Path=/`;
  return new Response(null, { status: 303, headers: { location: "/", "set-cookie": cookie } });
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
