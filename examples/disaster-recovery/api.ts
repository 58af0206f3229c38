import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { takeLaunchEvent } from "./launch-events.js";
import { openWaybill } from "./open-waybill.js";
import { openPage } from "./page/server.js";

const { waybill, close } = openWaybill();
const port = Number(process.env["API_PORT"]);
const page = openPage(waybill, `http://127.0.0.1:${String(port)}`);

/** From the service's own network. It tells again what was not answered with 2xx, as EventBridge does. */
async function events(request: Request): Promise<Response> {
  try {
    const { answer, again } = await takeLaunchEvent(waybill, await request.json().catch(() => null));
    return new Response(answer, { status: again ? 503 : 200 });
  } catch (error) {
    return new Response((error as { code?: string }).code ?? "error", { status: 503 });
  }
}

function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  // Only a page that somebody opened asks for its script.
  if (pathname === "/app.js") process.send?.("visited");
  return pathname === "/events" ? events(request) : page.answer(request);
}

const server = createServer(getRequestListener(answer) as never);
page.attach(server);
server.listen(port, "127.0.0.1", () => process.send?.("ready"));
process.once("SIGTERM", () => {
  server.close();
  void page.close().then(close);
});
