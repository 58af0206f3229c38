// The page of disaster-recovery before a service that does what a test says, on a memory store.
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { openPage } from "../../examples/disaster-recovery/page/server.js";
import { recovering } from "../../examples/disaster-recovery/recovering.js";
import { recover } from "../../examples/disaster-recovery/recovery.job.js";
import type { RecoveryService, Server } from "../../examples/disaster-recovery/recovery-client.js";
import { createWaybill, memoryStore } from "../../src/index.js";

type ServerState = Server["state"];
type PlanId = "billing" | "search" | "mail";
type ExecutionType = "DRILL" | "RECOVERY" | "FAILBACK";

const POLL_MS = 50;
const MINUTE_MS = 60_000;

export interface RecoveryPage {
  readonly origin: string;
  /** Starts an execution; it is launched when this resolves. */
  launch(planId: PlanId, type?: ExecutionType, owner?: string): Promise<string>;
  /** What the service says of the servers of all launches of a plan from now on; a `stopped` launch has stopped. */
  become(planId: PlanId, states: readonly ServerState[], note?: string): void;
  /** Nobody is reached, and all connections are gone. */
  cut(): void;
  restore(): void;
  readonly stopped: readonly string[];
  close(): Promise<void>;
}

function serversOf(states: readonly ServerState[], note: string): Server[] {
  return states.map((state, index) => ({
    ...{ id: `srv-${String(index + 1)}`, state, since: Date.now() - (7 - index) * MINUTE_MS },
    converted: state === "ready" ? 1 : state === "converting" ? 0.62 - index / 20 : 0,
    launchedAt: state === "pending" ? null : Date.now() - 8 * MINUTE_MS,
    note: state === "failed" ? note : "",
  }));
}

const PENDING: readonly ServerState[] = Array.from({ length: 6 }, () => "pending");

export async function openRecoveryPage(): Promise<RecoveryPage> {
  const said = new Map<string, Server[]>();
  const stopped: string[] = [];
  const service: RecoveryService = {
    launch: async (planId) => {
      if (!said.has(planId)) said.set(planId, serversOf(PENDING, ""));
      return planId;
    },
    describe: async (planId) => ({
      servers: said.get(planId) ?? [],
      expectedEndAt: Date.now() + 9.1 * MINUTE_MS,
    }),
    stop: async (planId) => void stopped.push(planId),
  };
  const policy = { reconcileIdleMs: 20, reconcileBusyMs: 20 };
  const quiet = (): void => {};
  // What is under way when a test ends is no news.
  const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const waybill = createWaybill({ jobs: [recover], store: memoryStore(), policy, logger });
  const ending = new AbortController();
  const working = waybill.worker([recovering(service, POLL_MS)]).run({ signal: ending.signal });

  let isCut = false;
  const sockets = new Set<Socket>();
  let answer = (_request: Request): Promise<Response> => Promise.resolve(new Response(null, { status: 503 }));
  const server: HttpServer = createServer(getRequestListener((request) => answer(request)) as never);
  server.on("connection", (socket) => {
    if (isCut) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const page = openPage(waybill, origin);
  answer = page.answer;
  page.attach(server);
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    ...{ origin, stopped, cut },
    async launch(planId, type = "DRILL", owner = "ana") {
      const { id } = await waybill.submit(recover, { planId, type }, { owner }).unwrap();
      for await (const { word } of waybill.watch(recover, id)) if (word !== "SUBMITTED") break;
      return id;
    },
    become(planId, states, note = "") {
      said.set(planId, serversOf(states, note));
    },
    restore() {
      isCut = false;
    },
    async close() {
      cut();
      await page.close();
      await new Promise((resolve) => server.close(resolve));
      ending.abort();
      await working;
      await waybill.close();
    },
  };
}
