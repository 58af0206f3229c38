// Takes every guard of a store's statements out, one at a time, in several processes: the entry of a bundle.
import { type ChildProcess, fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type PostgresServer, startPostgres } from "../support/postgres-server.js";
import { dynamodbTests } from "./dynamodb-behaviours.js";
import { unsentConditions } from "./dynamodb/switches.js";
import { dynamodbEngine } from "./dynamodb-engine.js";
import { type Baseline, baselineOf, type Engine, type GuardFacts, judge, type Verdict } from "./engine.js";
import { postgresTests } from "./postgres-behaviours.js";
import { postgresEngine } from "./postgres-engine.js";
import { redisTests } from "./redis-behaviours.js";
import { redisEngine, unsentScripts } from "./redis-engine.js";
import { sqliteEngine } from "./sqlite-engine.js";

export type SentStore = "sqlite" | "postgres" | "redis" | "dynamodb";

export interface CampaignResult {
  readonly baseline: Baseline;
  readonly baselineMs: number;
  /** What has guards and is sent by no test, where the engine can tell. */
  readonly unsent: readonly string[];
  readonly verdicts: readonly Verdict[];
}

interface Begins {
  /** The test that a process begins with now. */
  readonly begins: string;
}

/** A process that says nothing for so long has come to a statement that never ends. */
const SILENCE_MS = 40_000;

/** What a process is given to begin with. */
interface Setup {
  readonly store: SentStore;
  readonly connection: PostgresServer["connection"] | null;
  readonly baseline: Baseline;
}

async function engineOf(store: SentStore, connection: PostgresServer["connection"] | null): Promise<Engine> {
  if (store === "sqlite") return sqliteEngine();
  if (store === "redis") return redisEngine(redisTests);
  if (store === "dynamodb") return dynamodbEngine(dynamodbTests);
  if (connection === null) throw new Error("The Postgres store needs a server.");
  return postgresEngine({ connection, prefix: `guards_${String(process.pid)}`, more: postgresTests });
}

/** What the suite says of capabilities, once for each test. */
function hush(): void {
  console.info = () => undefined;
}

function work(): void {
  hush();
  // A test that failed may have left a call that fails too.
  process.on("unhandledRejection", () => undefined);
  let setup: Setup | null = null;
  let engine: Engine | null = null;
  process.on("message", (message: Setup | GuardFacts) => {
    if ("store" in message) {
      setup = message;
      void engineOf(setup.store, setup.connection).then((made) => {
        engine = made;
        process.send?.("ready");
      });
    } else if (setup !== null && engine !== null) {
      const begins = (title: string): void => {
        process.send?.({ begins: title } satisfies Begins);
      };
      void judge(engine, setup.baseline, message, begins).then((verdict) => process.send?.(verdict));
    }
  });
  // A test may have left something that goes on for ever.
  process.once("disconnect", () => void (engine?.close() ?? Promise.resolve()).finally(() => process.exit()));
}

/** One process at a time, and the guard that it is at. */
class Lane {
  readonly #setup: Setup;
  readonly #left: GuardFacts[];
  readonly #onVerdict: (verdict: Verdict) => void;
  #guard: GuardFacts | null = null;
  #begun: { readonly title: string; readonly tests: number } = { title: "", tests: 0 };

  constructor(setup: Setup, left: GuardFacts[], onVerdict: (verdict: Verdict) => void) {
    this.#setup = setup;
    this.#left = left;
    this.#onVerdict = onVerdict;
  }

  async run(): Promise<void> {
    while (this.#left.length > 0) await this.#life();
  }

  /** Until nothing is left, or the process is lost in a statement that never ends: then the guard is missed for sure. */
  #life(): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = fork(fileURLToPath(import.meta.url), ["work"]);
      let silence: NodeJS.Timeout | undefined;
      let isLost = false;
      const listen = (): void => {
        clearTimeout(silence);
        silence = setTimeout(() => {
          isLost = true;
          child.kill("SIGKILL");
        }, SILENCE_MS);
      };
      child.on("message", (message: "ready" | Begins | Verdict) => {
        listen();
        if (message !== "ready" && "begins" in message) {
          this.#begun = { title: message.begins, tests: this.#begun.tests + 1 };
          return;
        }
        if (message !== "ready") this.#onVerdict(message);
        this.#next(child);
      });
      child.on("error", reject);
      child.on("exit", (code, signal) => {
        clearTimeout(silence);
        if (isLost) this.#tellLost();
        else if (code !== 0)
          reject(new Error(`a process of the campaign ended with ${String(code ?? signal)}`));
        resolve();
      });
      listen();
      child.send(this.#setup);
    });
  }

  #next(child: ChildProcess): void {
    this.#guard = this.#left.shift() ?? null;
    this.#begun = { title: "", tests: 0 };
    if (this.#guard === null) child.disconnect();
    else child.send(this.#guard);
  }

  #tellLost(): void {
    if (this.#guard === null) return;
    const { title, tests } = this.#begun;
    const caughtBy = `${title} (a statement of it never ended)`;
    this.#onVerdict({ key: this.#guard.key, caughtBy, tests, tookMs: SILENCE_MS, unreadable: [] });
  }
}

function unsentOf(store: SentStore, { statements }: Baseline): readonly string[] {
  if (store === "redis") return unsentScripts(statements);
  return store === "dynamodb" ? unsentConditions(statements) : [];
}

async function campaign(store: SentStore, out: string, workers: number): Promise<void> {
  hush();
  const server = store === "postgres" ? await startPostgres({ durable: false }) : null;
  try {
    const connection = server?.connection ?? null;
    const began = performance.now();
    const engine = await engineOf(store, connection);
    const baseline = await baselineOf(engine);
    await engine.close();
    const baselineMs = Math.round(performance.now() - began);
    console.log(
      `${baseline.tests.length} tests, ${baseline.statements.length} statements, ${baseline.guards.length} guards, ${baselineMs} ms`,
    );
    const left = [...baseline.guards];
    const verdicts: Verdict[] = [];
    const onVerdict = (verdict: Verdict): void => {
      verdicts.push(verdict);
      const { key, caughtBy, tests, tookMs } = verdict;
      console.log(
        `${caughtBy === null ? "NOT CAUGHT" : "caught"} ${tests} ${Math.round(tookMs)} ms: ${key} → ${caughtBy ?? "nobody"}`,
      );
    };
    const setup: Setup = { store, connection, baseline };
    await Promise.all(Array.from({ length: workers }, () => new Lane(setup, left, onVerdict).run()));
    const unsent = unsentOf(store, baseline);
    writeFileSync(out, JSON.stringify({ baseline, baselineMs, unsent, verdicts } satisfies CampaignResult));
  } finally {
    await server?.stop();
  }
}

const [mode, store = "sqlite", out = "", workers = "2"] = process.argv.slice(2);
if (mode === "work") work();
else await campaign(store as SentStore, out, Number(workers));
