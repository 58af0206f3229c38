// A fake of the recovery service: a process of its own that outlives all others, with client tokens, its own events and its
// own log. Its plans have six servers each; one of Search has no disk, and nothing of Mail may be launched.
import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { minuteMs, STOPPED } from "./recovery-client.js";

const allWell = process.env["ALL_WELL"] === "1";
/** Minutes from a launch to its last server. */
const EXPECTED_MINUTES = 15.1;
/** The service's clock goes in steps of so many minutes. */
const STEP = 0.1;
/** Whose rule matches: the others never asked for events. */
const LISTENS = "recovery";
const AGAIN_MS = 100;
const LONGEST_MS = 1_000;

type State = "pending" | "launched" | "converting" | "ready" | "failed";
interface Turn {
  readonly minute: number;
  readonly state: State;
  readonly note?: string;
}

interface Server {
  readonly id: string;
  /** What is still to come, by minutes since the launch. */
  readonly life: Turn[];
  state: State;
  note: string;
  since: number;
  sinceMinute: number;
  launchedAt: number | null;
}

interface Launch {
  readonly jobId: string;
  readonly planId: string;
  readonly account: string;
  readonly token: string;
  readonly minute: number;
  readonly servers: readonly Server[];
}

let minutes = 0;
let polls = 0;
const launches: Launch[] = [];
const log: { at: number; jobId: string; server: string; state: State }[] = [];
const sent = { events: 0, missed: 0, doubled: 0 };
/** What each event that was not missed was answered, once for each time that it was told. */
const deliveries: { readonly jobId: string; readonly answers: string[]; ended: boolean }[] = [];
/** Events that were told and not answered yet. */
const inFlight = new Set<Promise<unknown>>();

function lifeOf(planId: string, index: number): Turn[] {
  if (planId === "mail" && !allWell)
    return [{ minute: 2, state: "failed", note: "refused by security group" }];
  const life: Turn[] = [
    { minute: 1 + index * 0.2, state: "launched" },
    { minute: 3 + index * 0.5, state: "converting" },
  ];
  if (planId === "search" && index === 3 && !allWell)
    return [...life, { minute: 6, state: "failed", note: "disk not found" }];
  return [...life, { minute: 5 + index * 2, state: "ready" }];
}

/** Where a machine is busy with other things, time passes slower for all: a step waits for whoever was told of the last. */
async function keepTime(): Promise<never> {
  for (;;) {
    await Promise.all([sleep(minuteMs * STEP), ...inFlight]);
    minutes += STEP;
    for (const launch of launches) for (const server of launch.servers) moveOn(launch, server);
  }
}

function moveOn(launch: Launch, server: Server): void {
  for (let [next] = server.life; next !== undefined; [next] = server.life) {
    if (launch.minute + next.minute > minutes) return;
    server.life.shift();
    become(launch, server, next.state, next.note);
  }
}

/** Writes down each change of a server when it happens, and tells of it. */
function become({ jobId, account }: Launch, server: Server, state: State, note = ""): void {
  const at = Date.now();
  Object.assign(server, { state, note, since: at, sinceMinute: minutes });
  if (state === "launched") server.launchedAt = at;
  log.push({ at, jobId, server: server.id, state });
  if (account === LISTENS && (state === "launched" || state === "converting")) tell(jobId, server.id, state);
}

/** Three of ten events go missing, three come twice. */
function tell(jobId: string, serverId: string, state: State): void {
  const nth = sent.events++ % 10;
  if ([2, 5, 8].includes(nth)) {
    sent.missed += 1;
    return;
  }
  const event = { "detail-type": "Recovery Server State Change", detail: { jobID: jobId, serverId, state } };
  void deliver(jobId, event);
  if (![1, 4, 7].includes(nth)) return;
  sent.doubled += 1;
  setTimeout(() => void deliver(jobId, event), minuteMs / 2);
}

/** As EventBridge does: what was not answered with 2xx is told again, after pauses that grow. */
async function deliver(jobId: string, event: object): Promise<void> {
  const delivery = { jobId, answers: [] as string[], ended: false };
  deliveries.push(delivery);
  const post = async (): Promise<boolean> => {
    const options = { method: "POST", body: JSON.stringify(event) };
    const response = await fetch(process.env["EVENTS_URL"] ?? "", options).catch(() => null);
    delivery.answers.push(response === null ? "nobody there" : await response.text());
    return response?.ok === true;
  };
  for (let pauseMs = AGAIN_MS; !delivery.ended; pauseMs = Math.min(2 * pauseMs, LONGEST_MS)) {
    const answered = post();
    inFlight.add(answered);
    delivery.ended = await answered;
    inFlight.delete(answered);
    if (!delivery.ended) await sleep(pauseMs);
  }
}

/** A token that is known already: the same launch. */
async function launched(request: IncomingMessage): Promise<Launch> {
  const account = String(request.headers["x-account"]);
  const { planId, token } = JSON.parse(await text(request)) as { planId: string; token: string };
  const known = launches.find((one) => one.token === token);
  if (known !== undefined) return known;
  const servers = Array.from({ length: 6 }, (_, index): Server => ({
    ...{ id: `srv-${String(index + 1)}`, life: lifeOf(planId, index), state: "pending", note: "" },
    ...{ since: Date.now(), sinceMinute: minutes, launchedAt: null },
  }));
  const jobId = `drsjob-${String(launches.length + 1)}`;
  const launch = { jobId, planId, account, token, minute: minutes, servers };
  launches.push(launch);
  process.send?.({ accepted: planId, account });
  return launch;
}

function described({ minute, servers }: Launch) {
  return {
    expectedEndAt: Date.now() + (minute + EXPECTED_MINUTES - minutes) * minuteMs,
    servers: servers.map(({ id, state, note, since, sinceMinute, launchedAt, life: [next] }) => {
      const span = minute + (next?.minute ?? 0) - sinceMinute;
      const share = state === "converting" ? (minutes - sinceMinute) / span : 0;
      const converted = state === "ready" ? 1 : Math.round(share * 100) / 100;
      return { id, state, converted, since, launchedAt, note };
    }),
  };
}

function stop(launch: Launch): void {
  for (const server of launch.servers) {
    if (server.life.splice(0).length > 0) become(launch, server, "failed", STOPPED);
  }
}

const server = createServer((request, response) => {
  const answer = (status: number, body: unknown): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const [, path, id] = (request.url ?? "").split("/");
  if (path === "log") {
    const started = launches.map(({ servers: _, ...launch }) => launch);
    answer(200, { launches: started, log, sent, deliveries, polls });
    return;
  }
  if (request.method === "POST") {
    void launched(request).then(({ jobId }) =>
      // It takes its time to answer: whoever asked may be gone by then.
      setTimeout(() => {
        answer(200, { jobId });
      }, 400),
    );
    return;
  }
  const launch = launches.find(({ jobId }) => jobId === id);
  if (launch === undefined) {
    answer(404, {});
    return;
  }
  if (request.method === "GET" && launch.account === LISTENS) polls += 1;
  if (request.method === "DELETE") stop(launch);
  answer(200, described(launch));
});
server.listen(Number(process.env["RECOVERY_PORT"]), "127.0.0.1", () => process.send?.("ready"));
void keepTime();
