// Every scenario on every store, every call broken in every way, in several processes: the entry of a bundle.
import { type ChildProcess, fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type PostgresServer, startPostgres } from "../../support/postgres-server.js";
import { allCuts, type ScenarioReport, type StoreKind } from "../all-cuts.js";
import { watchCatches } from "../catches/watch-catches.js";
import { postgresKind } from "../postgres-store.js";
import { SCENARIOS } from "../scenarios.js";
import { MEMORY, SQLITE } from "../stores.js";

type StoreName = "memory" | "sqlite" | "postgres";

interface Task {
  readonly store: StoreName;
  readonly scenario: string;
}

/** What a process of the campaign answers to a task. */
interface Done {
  readonly report: ScenarioReport;
  readonly visited: readonly string[];
}

export interface CampaignResult {
  readonly reports: readonly ScenarioReport[];
  /** Ids of the catch branches that were come to. */
  readonly visited: readonly string[];
}

async function work(connection: PostgresServer["connection"]): Promise<void> {
  const visited = watchCatches();
  const postgres = await postgresKind(connection, `nth_failure_${String(process.pid)}`);
  const kinds: Readonly<Record<StoreName, StoreKind>> = { memory: MEMORY, sqlite: SQLITE, postgres };
  process.on("message", (task: Task) => {
    const scenario = SCENARIOS.find(({ name }) => name === task.scenario);
    if (scenario === undefined) throw new Error(`There is no scenario "${task.scenario}".`);
    void allCuts(scenario, kinds[task.store]).then((report) => {
      process.send?.({ report, visited: [...visited] } satisfies Done);
    });
  });
  process.once("disconnect", () => void postgres.close());
  process.send?.("ready");
}

/** Hands tasks to one process until none is left. */
function feed(child: ChildProcess, tasks: Task[], onDone: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on("message", (message) => {
      if (message !== "ready") onDone(message as Done);
      const task = tasks.shift();
      if (task === undefined) child.disconnect();
      else child.send(task);
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`a process of the campaign ended with ${String(code ?? signal)}`));
    });
  });
}

/** @param stores - the slowest first, so that no process is left with a long one at the end */
async function campaign(out: string, workers: number, stores: readonly StoreName[]): Promise<void> {
  const server = await startPostgres({ durable: false });
  try {
    const tasks = stores.flatMap((store) => SCENARIOS.map(({ name }): Task => ({ store, scenario: name })));
    const reports: ScenarioReport[] = [];
    const visited = new Set<string>();
    const onDone = (done: Done): void => {
      reports.push(done.report);
      for (const id of done.visited) visited.add(id);
      const { store, scenario, calls, cases, failures, tookMs } = done.report;
      console.log(
        `${store}: ${scenario}: ${calls} calls, ${cases} cases, ${failures.length} broken, ${tookMs} ms`,
      );
    };
    await Promise.all(
      Array.from({ length: workers }, () =>
        feed(
          fork(fileURLToPath(import.meta.url), ["work", JSON.stringify(server.connection)]),
          tasks,
          onDone,
        ),
      ),
    );
    writeFileSync(out, JSON.stringify({ reports, visited: [...visited] } satisfies CampaignResult));
  } finally {
    await server.stop();
  }
}

const [mode, first = "", second = "2", third = "postgres,sqlite,memory"] = process.argv.slice(2);
if (mode === "work") await work(JSON.parse(first) as PostgresServer["connection"]);
else await campaign(first, Number(second), third.split(",") as readonly StoreName[]);
