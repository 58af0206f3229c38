import type { Server } from "node:http";
import { jobRoutes } from "waybill/http";
import { websocketGateway } from "waybill/websocket";
import { pageFiles } from "../../shell/files.js";
import { executionRecord } from "../execution-record.js";
import type { RecoveryWaybill } from "../open-waybill.js";
import { recover } from "../recovery.job.js";

export interface PageServer {
  answer(request: Request): Promise<Response>;
  /** Takes the upgrades of this server to WebSockets. */
  attach(server: Server): void;
  close(): Promise<void>;
}

/** Stands for the application's own session. Whoever has none is Ana here; in your service answer `null`, which is a 401. */
function authorize(request: Request) {
  const [, owner = "ana"] = /(?:^|; )user=(\w+)/.exec(request.headers.get("cookie") ?? "") ?? [];
  return { owner, actor: owner };
}

/** The page and what it asks: jobs over HTTP and WebSocket, and records. */
export function openPage(waybill: RecoveryWaybill, origin: string): PageServer {
  const access = { kinds: [recover], authorize };
  const jobs = jobRoutes(waybill, { ...access, submit: [recover], basePath: "/jobs" });
  const gateway = websocketGateway(waybill, { ...access, allowedOrigins: [origin], path: "/jobs" });
  const files = pageFiles({
    title: "Recovery",
    folder: new URL(".", import.meta.url),
    styles: ["style.css", "execution.css"],
  });
  const record = async (request: Request, id: string): Promise<Response> => {
    const job = await waybill.get(recover, id, { owner: authorize(request).owner });
    return job === null ? new Response(null, { status: 404 }) : Response.json(executionRecord(job));
  };
  return {
    async answer(request) {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/jobs")) return jobs(request);
      if (pathname.startsWith("/records/")) return record(request, pathname.slice("/records/".length));
      return files(pathname);
    },
    attach: (server) => {
      gateway.attach(server);
    },
    close: () => gateway.close(),
  };
}
