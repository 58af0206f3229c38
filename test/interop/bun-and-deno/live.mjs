// Routes of `waybill/http` under the runtime's own server, and `waybill/client` against them.
import { createWaybill, defineJob, memoryStore } from "waybill";
import { createClient } from "waybill/client";
import { jobRoutes } from "waybill/http";

const anything = { "~standard": { version: 1, vendor: "interop", validate: (value) => ({ value }) } };
const double = defineJob({ kind: "double", input: anything, output: anything });
const waybill = createWaybill({ jobs: [double], store: memoryStore() });
const routes = jobRoutes(waybill, {
  kinds: [double],
  submit: [double],
  authorize: async () => ({ owner: "ana" }),
});
const running = waybill.worker([double.handle(({ input }) => input * 2)]).run();

const isBun = "Bun" in globalThis;
const options = { hostname: "127.0.0.1", port: 0 };
const server = isBun
  ? Bun.serve({ ...options, fetch: (request) => routes(request) })
  : Deno.serve({ ...options, onListen: () => undefined }, (request) => routes(request));
const port = isBun ? server.port : server.addr.port;

const client = createClient({ baseUrl: `http://127.0.0.1:${port}/jobs`, transports: ["sse"] });
const { value: job } = await client.submit("double", 21);
const shown = await new Promise((resolve) => {
  const store = client.job("double", job.id);
  store.subscribe(() => {
    const { job: view } = store.getSnapshot();
    if (view?.status === "COMPLETED") resolve(view.output);
  });
});
console.log(shown);
client.close();
await waybill.close();
await running;
await (isBun ? server.stop(true) : server.shutdown());
