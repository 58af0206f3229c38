// What one process with 1,000 idle and 200 stalled sockets needs, and whether the healthy ones go on.
// `npx tsx bench/live.ts` starts a gateway in a process of its own and prints a table. Figures are reported, never asserted.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { createWaybill, defineJob, memoryQueue, memoryStore } from "waybill";
import { websocketGateway } from "waybill/websocket";
import { WebSocket } from "ws";
import { z } from "zod";

const IDLE = 1_000;
const IDLE_OWNERS = 100;
const STALLED = 200;
const STALLED_OWNERS = 4;
const JOBS = 20;
const ROUNDS = 100;
const PROGRESS_BYTES = 8_000;
const PROTOCOL = "waybill.jobs.v1";
const FILTER = { type: "subscribe", id: "s", filter: { owner: "self" } };

/** Of the gateway's process after a collection, in bytes; buffers that wait to be sent are outside the heap. */
interface Needs {
  readonly heap: number;
  readonly buffers: number;
}

type Ask =
  | { readonly ask: "needs" }
  /** So many jobs of an owner, of which each change is told by `change`. */
  | { readonly ask: "jobs"; readonly owner: string; readonly count: number }
  | { readonly ask: "change"; readonly owner: string; readonly round: number };

const report = defineJob({
  kind: "live.report",
  input: z.object({ key: z.string() }),
  progress: z.object({ round: z.number(), text: z.string() }),
  external: z.object({ key: z.string() }),
  refKeys: ({ key }) => [key],
});

async function serve(): Promise<void> {
  const waybill = createWaybill({ jobs: [report], store: memoryStore(), queue: memoryQueue() });
  const handler = report.handle({
    run: ({ input, track }) => track({ key: input.key }),
    poll: () => ({ state: "open" }),
    pollEveryMs: 3_600_000,
    timeoutMs: 36_000_000,
  });
  void waybill.worker([handler], { concurrency: 20 }).run();
  const authorize = ({ headers }: Request) => ({ owner: headers.get("x-user") ?? "" });
  const gateway = websocketGateway(waybill, { kinds: [report], authorize, allowedOrigins: [] });
  const server = createServer();
  gateway.attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");

  const keys = new Map<string, readonly string[]>();
  const answer = async (ask: Ask): Promise<unknown> => {
    if (ask.ask === "needs") {
      globalThis.gc?.();
      const { heapUsed, external } = process.memoryUsage();
      return { heap: heapUsed, buffers: external } satisfies Needs;
    }
    const { owner } = ask;
    if (ask.ask === "jobs") {
      const made = Array.from({ length: ask.count }, (_, index) => `${owner}-${String(index)}`);
      keys.set(owner, made);
      for (const key of made) await waybill.submit(report, { key }, { owner }).unwrap();
      return null;
    }
    const text = "x".repeat(PROGRESS_BYTES);
    const told = (keys.get(owner) ?? []).map((ref) =>
      waybill.report(report, { ref }, { state: "open", progress: { round: ask.round, text } }).unwrap(),
    );
    await Promise.all(told);
    return null;
  };
  process.on("message", (ask: Ask) => {
    void answer(ask).then((value) => process.send?.({ value }));
  });
  process.send?.({ value: (server.address() as AddressInfo).port });
}

/** Asks one thing after the other. */
async function asked<T>(child: ChildProcess, ask: Ask): Promise<T> {
  child.send(ask);
  const [{ value }] = (await once(child, "message")) as [{ readonly value: T }];
  return value;
}

/** A healthy client; `round` is the newest that all its jobs have been seen at. */
class Healthy {
  readonly socket: WebSocket;
  readonly #rounds = new Map<string, number>();
  #heard: () => void = () => undefined;

  constructor(port: number, owner: string) {
    this.socket = new WebSocket(`ws://127.0.0.1:${String(port)}/jobs`, PROTOCOL, {
      headers: { "x-user": owner },
    });
    this.socket.on("open", () => {
      this.socket.send(JSON.stringify(FILTER));
    });
    this.socket.on("message", (data: Buffer) => {
      const { jobs = [] } = JSON.parse(data.toString("utf8")) as {
        jobs?: readonly { readonly id: string; readonly progress?: { readonly round: number } | null }[];
      };
      for (const { id, progress } of jobs) this.#rounds.set(id, progress?.round ?? 0);
      this.#heard();
    });
  }

  async seen(jobs: number, round: number): Promise<void> {
    const isSeen = (): boolean =>
      this.#rounds.size >= jobs && [...this.#rounds.values()].every((each) => each >= round);
    while (!isSeen()) await new Promise<void>((resolve) => (this.#heard = resolve));
  }
}

/** Upgrades, asks, and then reads no byte more. */
async function stalled(port: number, owner: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  const head = [
    ...["GET /jobs HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket"],
    ...["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="],
    ...[`Sec-WebSocket-Protocol: ${PROTOCOL}`, `X-User: ${owner}`, "", ""],
  ];
  socket.write(head.join("\r\n"));
  await once(socket, "data");
  socket.pause();
  const text = Buffer.from(JSON.stringify(FILTER));
  // Masked with zeros: the text stays as it is.
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]));
  return socket;
}

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;
const row = (what: string, figure: string): void => {
  console.log(`${what.padEnd(66)}${figure.padStart(12)}`);
};
const told = (what: string, { heap, buffers }: Needs): void => {
  row(what, `${megabytes(heap)} + ${megabytes(buffers)}`);
};

async function measure(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ["serve"], {
    execArgv: [...process.execArgv, "--expose-gc"],
  });
  const [{ value: port }] = (await once(child, "message")) as [{ readonly value: number }];
  const needs = () => asked<Needs>(child, { ask: "needs" });
  console.log("heap + buffers of the gateway's process");
  told("before", await needs());

  const idle: Healthy[] = [];
  for (let index = 0; index < IDLE_OWNERS; index += 1) {
    const owner = `idle-${String(index)}`;
    await asked(child, { ask: "jobs", owner, count: 1 });
    const some = Array.from({ length: IDLE / IDLE_OWNERS }, () => new Healthy(port, owner));
    await Promise.all(some.map((client) => client.seen(1, 0)));
    idle.push(...some);
  }
  told(`${String(IDLE)} idle sockets`, await needs());

  const owners = Array.from({ length: STALLED_OWNERS }, (_, index) => `slow-${String(index)}`);
  const watching: Healthy[] = [];
  const slow: Socket[] = [];
  for (const owner of owners) {
    await asked(child, { ask: "jobs", owner, count: JOBS });
    const client = new Healthy(port, owner);
    await client.seen(JOBS, 0);
    watching.push(client);
    for (let index = 0; index < STALLED / STALLED_OWNERS; index += 1) slow.push(await stalled(port, owner));
  }
  told(`and ${String(STALLED)} stalled ones`, await needs());

  let most: Needs = { heap: 0, buffers: 0 };
  const tookMs: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const startedAt = performance.now();
    for (const owner of owners) await asked(child, { ask: "change", owner, round });
    await Promise.all(watching.map((client) => client.seen(JOBS, round)));
    tookMs.push(performance.now() - startedAt);
    if (round % 10 !== 0) continue;
    const now = await needs();
    if (now.heap + now.buffers > most.heap + most.buffers) most = now;
  }
  const unsent = STALLED * ROUNDS * JOBS * PROGRESS_BYTES;
  told(`at most, while ${megabytes(unsent)} of changes were theirs`, most);
  tookMs.sort((a, b) => a - b);
  row(
    `a round of ${String(JOBS * STALLED_OWNERS)} changes, until the healthy saw it: median, most`,
    `${String(Math.round(tookMs[ROUNDS / 2] ?? 0))} ms, ${String(Math.round(tookMs.at(-1) ?? 0))} ms`,
  );

  const startedAt = performance.now();
  await Promise.all(
    slow.map((socket) => {
      // A close is behind what was not read: it is seen by reading on.
      setTimeout(() => socket.resume(), 40_000);
      return once(socket, "close");
    }),
  );
  row("all stalled ones closed after", `${String(Math.round((performance.now() - startedAt) / 1_000))} s`);
  told("then", await needs());
  await asked(child, { ask: "change", owner: "idle-0", round: 1 });
  await Promise.all(idle.slice(0, IDLE / IDLE_OWNERS).map((client) => client.seen(1, 1)));
  const open = [...idle, ...watching].filter(({ socket }) => socket.readyState === WebSocket.OPEN).length;
  row("healthy sockets still open", `${String(open)} of ${String(IDLE + STALLED_OWNERS)}`);
  for (const { socket } of [...idle, ...watching]) socket.terminate();
  child.kill();
}

await (process.argv[2] === "serve" ? serve() : measure());
