// A fake of the recovery service: a process of its own that outlives all others, with client tokens, its own events and its
// own log. Its plans have six servers each; one of Search has no disk, and nothing of Mail may be launched.
import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

const minuteMs = Number(process.env["MINUTE_MS"]);
const STOPPED = "stopped";

interface Launch {
  readonly jobId: string;
  readonly planId: string;
  readonly token: string;
  readonly at: number;
  readonly calls: number[];
  stoppedAt: number | null;
}

type State = "pending" | "launched" | "converting" | "ready" | "failed";
interface Turn {
  readonly minute: number;
  readonly state: State;
  readonly note?: string;
}

const launches: Launch[] = [];
const log: { at: number; jobId: string; server: string; state: State }[] = [];
const sent = { events: 0, missed: 0, doubled: 0 };
const answers: Record<string, number> = {};

/** The life of a server, by minutes since its launch. */
function lifeOf(planId: string, index: number): readonly Turn[] {
  const well = process.env["ALL_WELL"] === "1";
  if (planId === "mail" && !well) return [{ minute: 2, state: "failed", note: "refused by security group" }];
  const life: Turn[] = [
    { minute: 1 + index * 0.2, state: "launched" },
    { minute: 3 + index * 0.5, state: "converting" },
  ];
  if (planId === "search" && index === 3 && !well)
    return [...life, { minute: 6, state: "failed", note: "disk not found" }];
  return [...life, { minute: 5 + index * 2, state: "ready" }];
}

function serversOf({ planId, at, stoppedAt }: Launch, now = Date.now()) {
  return Array.from({ length: 6 }, (_, index) => {
    const turns = lifeOf(planId, index).map((turn) => ({ ...turn, at: at + turn.minute * minuteMs }));
    const until = Math.min(now, stoppedAt ?? Infinity);
    const past = turns.filter((turn) => turn.at <= until);
    const last = past.at(-1);
    const ended = last?.state === "ready" || last?.state === "failed";
    const stopped = stoppedAt !== null && stoppedAt <= now && !ended;
    const next = turns[past.length];
    const state: State = stopped ? "failed" : (last?.state ?? "pending");
    const share = last?.state === "converting" && next ? (now - last.at) / (next.at - last.at) : 0;
    return {
      id: `srv-${String(index + 1)}`,
      state,
      converted: state === "ready" ? 1 : state === "converting" ? Math.round(share * 100) / 100 : 0,
      since: stopped ? stoppedAt : (last?.at ?? at),
      launchedAt: past.find((turn) => turn.state === "launched")?.at ?? null,
      note: stopped ? STOPPED : (last?.note ?? ""),
    };
  });
}

/** Writes down each change of a server when it happens, and tells of it: three of ten events go missing, three come twice. */
function follow(launch: Launch): void {
  for (let index = 0; index < 6; index += 1) {
    for (const { minute, state } of lifeOf(launch.planId, index)) {
      setTimeout(() => {
        if (launch.stoppedAt !== null) return;
        const server = `srv-${String(index + 1)}`;
        log.push({ at: Date.now(), jobId: launch.jobId, server, state });
        if (state === "launched" || state === "converting") tell(launch.jobId, server, state);
      }, minute * minuteMs);
    }
  }
}

function tell(jobId: string, serverId: string, state: State): void {
  const url = process.env["EVENTS_URL"];
  if (url === undefined) return;
  const nth = sent.events++ % 10;
  if ([2, 5, 8].includes(nth)) {
    sent.missed += 1;
    return;
  }
  const event = { "detail-type": "Recovery Server State Change", detail: { jobID: jobId, serverId, state } };
  const post = async (): Promise<void> => {
    const response = await fetch(url, { method: "POST", body: JSON.stringify(event) }).catch(() => null);
    const answer = response === null ? "nobody there" : await response.text();
    answers[answer] = (answers[answer] ?? 0) + 1;
  };
  void post();
  if (![1, 4, 7].includes(nth)) return;
  sent.doubled += 1;
  setTimeout(() => void post(), minuteMs / 2);
}

async function launched(request: IncomingMessage): Promise<Launch> {
  const { planId, token } = JSON.parse(await text(request)) as { planId: string; token: string };
  let launch = launches.find((one) => one.token === token);
  if (launch === undefined) {
    const jobId = `drsjob-${String(launches.length + 1)}`;
    launch = { jobId, planId, token, at: Date.now(), calls: [], stoppedAt: null };
    launches.push(launch);
    follow(launch);
    process.send?.({ accepted: planId, token });
  }
  launch.calls.push(Date.now());
  return launch;
}

const server = createServer((request, response) => {
  const answer = (status: number, body: unknown): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const [, path, id] = (request.url ?? "").split("/");
  if (path === "log") {
    answer(200, { launches, log, sent, answers });
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
  if (request.method === "DELETE") launch.stoppedAt ??= Date.now();
  answer(200, { servers: serversOf(launch), expectedEndAt: launch.at + 15.1 * minuteMs });
});
server.listen(Number(process.env["RECOVERY_PORT"]), "127.0.0.1", () => process.send?.("ready"));
